"""`ninewatch correct` and `corrections`: add, revoke and list corrections."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from monitor import zones
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.commands.fact_options import words
from monitor.config.former_ids import FormerIdMap
from monitor.config.model import Portfolio
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal, as_plain
from monitor.storage.reader import facts_of
from sla.correction import Correction, Revocation, revoked
from sla.objective import format_duration
from sla.window import format_instant, parse_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIG = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The daemon's configuration.  [default: none, record var/ninewatch.db]",
)


@click.command(short_help="Exclude past time from contractual figures.")
@click.argument("product", required=False)
@click.argument("interval", required=False, metavar="[START/END]")
@click.option("--author", required=True, help="Your name.")
@click.option("--reason", required=True, help="The reason.")
@click.option("--revoke", metavar="ID", help="Revoke the correction with this id.")
@CONFIG
def correct(
    product: str | None, interval: str | None, author: str, reason: str, revoke: str | None, path: Path | None
) -> None:
    """Exclude the time from START to END from the contractual figures of PRODUCT.

    Instants are RFC 3339 (2026-11-03T09:10:00-08:00); without an offset they are local time in the configuration's time
    zone. Raw figures and recorded observations do not change. Reports list each correction with its author, reason and
    date. A running daemon applies it within about a second.
    """
    location = location_of(path)
    if not location.record.exists():
        raise NinewatchError(f"no record at {location.record}; specify the daemon's configuration with -c")
    if revoke is None:
        correction = _correction(location, product, interval, author, reason)
        location.journal.add(correction.fact())
        click.echo(f"correction {correction.id}: {_interval_text(correction)}")
    elif product is None:
        location.journal.add(_revocation(location, revoke, author, reason).fact())
        click.echo(f"revoked {revoke}")
    else:
        raise NinewatchError("--revoke takes only an id; omit PRODUCT and START/END")


@click.command(short_help="List corrections and revocations.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@CONFIG
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
            click.echo(f"{fact.id}  {_interval_text(fact)}: {_statement_text(fact)}")
            if (revocation := revocations.get(fact.id)) is not None:
                click.echo(f"{'':12}  revoked: {_statement_text(revocation)}")
    if not facts:
        click.echo("no corrections")


@dataclass(frozen=True, slots=True)
class RecordLocation:
    """The record, the zone of local times, and the products' ids if a configuration is given."""

    record: Path
    zone: ZoneInfo
    products: Sequence[str] | None
    former_ids: FormerIdMap = field(default_factory=FormerIdMap)

    @property
    def journal(self) -> Journal:
        """The journal next to the record."""
        return Journal.of(self.record)

    def facts(self) -> Facts:
        """Return the facts of the record and the journal. Each of them may lack facts of the other."""
        return Facts(facts_of(self.record), self.journal.read(), former_ids=self.former_ids)

    def corrections(self) -> Sequence[Correction | Revocation]:
        """Return corrections and revocations in the order in which they were made."""
        return self.facts().corrections.facts


def location_of(path: Path | None) -> RecordLocation:
    """Return the location for a configuration, or the defaults without one."""
    if path is None:
        fields = Portfolio.model_fields
        return RecordLocation(fields["store"].default, zones.zone(fields["time_zone"].default), None)
    portfolio = load_config(path)[1]
    return RecordLocation(
        portfolio.store, portfolio.zone, [product.id for product in portfolio.products], FormerIdMap.of(portfolio)
    )


def _correction(
    location: RecordLocation, product: str | None, interval: str | None, author: str, reason: str
) -> Correction:
    if product is None or interval is None:
        raise NinewatchError("PRODUCT or START/END is missing; write PRODUCT START/END, or --revoke ID")
    if location.products is not None and product not in location.products:
        raise NinewatchError(f'unknown product "{product}"; known products: {", ".join(location.products)}')
    try:
        span = parse_interval(interval, location.zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(str(error)) from None
    now = SystemClock().now()
    if span.end > now:
        raise NinewatchError("a correction cannot end in the future; configure planned work under `maintenance:`")
    return Correction(product, span, words("--author", author), words("--reason", reason), now)


def _revocation(location: RecordLocation, correction: str, author: str, reason: str) -> Revocation:
    """Return the revocation of an existing correction that is not revoked yet."""
    facts = location.corrections()
    if correction not in {fact.id for fact in facts if isinstance(fact, Correction)}:
        raise NinewatchError(f'unknown correction "{correction}"; list them with `ninewatch corrections`')
    if (revocation := revoked(facts).get(correction)) is not None:
        raise NinewatchError(f"{correction} is already revoked: {_statement_text(revocation)}")
    return Revocation(correction, words("--author", author), words("--reason", reason), SystemClock().now())


def _interval_text(fact: Correction) -> str:
    span = fact.interval
    times = f"{format_instant(span.start)}/{format_instant(span.end)}"
    return f"{fact.product} {times} ({format_duration(span.length)})"


def _statement_text(fact: Correction | Revocation) -> str:
    return f"{fact.reason} ({fact.author}, {format_instant(fact.made)})"
