"""`ninewatch history`: list the facts about a product."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import OPTIONAL_CONFIG
from monitor.commands.record_location import RecordLocation, require_record
from monitor.errors import NinewatchError
from monitor.facts.history import Entry, history, is_known
from sla.window import format_instant, parse_duration, parse_instant

if TYPE_CHECKING:
    from monitor.facts.fact_index import Facts


@click.command("history", short_help="List definitions and corrections of a product over time.")
@click.argument("product")
@click.option(
    "--since",
    metavar="TIME|DURATION",
    help="Only facts since an instant (2026-11-03T09:10) or within a duration (90d).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@OPTIONAL_CONFIG
def history_command(product: str, since: str | None, as_json: bool, path: Path | None) -> None:
    """List the facts about PRODUCT, oldest first: definitions, corrections and revocations.

    For a definition, prints what it changed (objective, rule, checks, agreement). Reads the record and its journal,
    with or without a running daemon.
    """
    location = require_record(path)
    first = None if since is None else _since(since, location)
    facts, product = location.facts(), location.former_ids.product(product)
    _require_product(product, location, facts)
    entries = history(facts, product, first)
    for entry in entries:
        click.echo(json.dumps(entry.as_json(), ensure_ascii=False) if as_json else _line(entry))
    if not entries and not as_json:
        click.echo(f"no facts about {product}" + ("" if since is None else f" since {since}"))


def _since(text: str, location: RecordLocation) -> int:
    """Return the instant, or now minus the duration."""
    try:
        return SystemClock().now() - parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_instant(text, location.zone)
    except (ValueError, OverflowError):
        message = f'"{text}" is not an instant or a duration; use 2026-11-03T09:10 or 90d'
        raise click.BadParameter(message, param_hint="'--since'") from None


def _require_product(product: str, location: RecordLocation, facts: Facts) -> None:
    """Raise a NinewatchError if the product is neither configured nor in the record."""
    recorded = {fact.product for fact in facts.all if fact.product}
    known = sorted({*(location.products or ()), *recorded})
    if product not in (location.products or ()) and not is_known(facts, product):
        hint = f"known products: {', '.join(known)}" if known else "the record has no facts"
        raise NinewatchError(f'unknown product "{product}"; {hint}')


def _line(entry: Entry) -> str:
    fact = entry.fact
    return f"{format_instant(fact.made)}  {fact.kind} {fact.id}: {'; '.join(entry.changes)} ({fact.author})"
