"""`ninewatch correct` and `corrections`: add, revoke and list corrections."""

from __future__ import annotations

import json
from pathlib import Path

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import OPTIONAL_CONFIG
from monitor.commands.fact_options import BY_OPTION, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import RecordLocation, location_of, require_record
from monitor.errors import NinewatchError
from monitor.facts.journal import as_plain
from sla.correction import Correction, Revocation, revoked
from sla.objective import format_duration
from sla.window import format_instant, parse_interval


@click.command(short_help="Exclude past time from contractual figures.")
@click.argument("product", required=False)
@click.argument("interval", required=False, metavar="[START/END]")
@BY_OPTION
@click.option("--reason", required=True, help="The reason.")
@click.option("--revoke", metavar="ID", help="Revoke the correction with this id.")
@OPTIONAL_CONFIG
def correct(
    product: str | None, interval: str | None, author: str, reason: str, revoke: str | None, path: Path | None
) -> None:
    """Exclude the time from START to END from the contractual figures of PRODUCT.

    Instants are RFC 3339 (2026-11-03T09:10:00-08:00); without an offset they are local time in the configuration's time
    zone. Raw figures and recorded observations do not change. Reports list each correction with its author, reason and
    date. A running daemon applies it within about a second.
    """
    location = require_record(path)
    if revoke is None:
        correction = _correction(location, product, interval, author, reason)
        state_fact(location.record, correction.fact())
        click.echo(f"correction {correction.id}: {_correction_text(correction)}")
    elif product is None:
        state_fact(location.record, _revocation(location, revoke, author, reason).fact())
        click.echo(f"revoked {revoke}")
    else:
        raise NinewatchError("--revoke takes only an id; omit PRODUCT and START/END")


@click.command(short_help="List corrections and revocations.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@OPTIONAL_CONFIG
def corrections(as_json: bool, path: Path | None) -> None:
    """List corrections, oldest first. Works without a running daemon."""
    facts = location_of(path).corrections()
    if as_json:
        for fact in facts:
            click.echo(json.dumps(as_plain(fact), ensure_ascii=False))
        return
    revocations = revoked(facts)
    for fact in facts:
        if isinstance(fact, Correction):
            click.echo(f"{fact.id}  {_correction_text(fact)}: {_reason_text(fact)}")
            if (revocation := revocations.get(fact.id)) is not None:
                click.echo(f"{'':12}  revoked: {_reason_text(revocation)}")
    if not facts:
        click.echo("no corrections")


def _correction(
    location: RecordLocation, product: str | None, interval: str | None, author: str, reason: str
) -> Correction:
    if product is None or interval is None:
        raise NinewatchError("PRODUCT or START/END is missing; use PRODUCT START/END, or --revoke ID")
    if location.products is not None and product not in location.products:
        raise NinewatchError(f'unknown product "{product}"; known products: {", ".join(location.products)}')
    try:
        span = parse_interval(interval, location.zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(str(error)) from None
    now = SystemClock().now()
    if span.end > now:
        raise NinewatchError("a correction cannot end in the future; configure planned work under `maintenance:`")
    return Correction(product, span, one_line("--by", author), one_line("--reason", reason), now)


def _revocation(location: RecordLocation, correction: str, author: str, reason: str) -> Revocation:
    """Return the revocation of an existing correction that is not revoked yet."""
    facts = location.corrections()
    if correction not in {fact.id for fact in facts if isinstance(fact, Correction)}:
        raise NinewatchError(f'unknown correction "{correction}"; list them with `ninewatch corrections`')
    if (revocation := revoked(facts).get(correction)) is not None:
        raise NinewatchError(f"{correction} is already revoked: {_reason_text(revocation)}")
    return Revocation(correction, one_line("--by", author), one_line("--reason", reason), SystemClock().now())


def _correction_text(fact: Correction) -> str:
    span = fact.interval
    times = f"{format_instant(span.start)}/{format_instant(span.end)}"
    return f"{fact.product} {times} ({format_duration(span.length)})"


def _reason_text(fact: Correction | Revocation) -> str:
    return f"{fact.reason} ({fact.author}, {format_instant(fact.made)})"
