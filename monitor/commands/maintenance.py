"""`ninewatch maintenance`: add, approve, list and end maintenance windows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import BY_OPTION, end_of, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import require_record
from monitor.config.former_ids import FormerIdMap
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.views.planned_maintenance import DEFAULT_AHEAD, MAX_AHEAD, Planned, upcoming
from sla.duration import format_duration
from sla.interval import SECOND, Interval
from sla.maintenance_window import (
    MaintenanceWindow,
    approval_obstacle,
    maintenance_approval,
    maintenance_window_end,
    maintenance_windows,
)
from sla.window import format_instant, parse_duration, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio
    from sla.exclusion import Exclusion


@click.group(short_help="Add, approve, list and end maintenance windows.")
def maintenance() -> None:
    """Add, approve, list and end maintenance windows.

    They apply in addition to `maintenance:` of the configuration. Contractual figures exclude their time, and alerts
    are sent after their end. A window does not exclude time before it was added. A running daemon applies changes
    within about a second.
    """


@maintenance.command("add", short_help="Add a maintenance window.")
@click.argument("product", required=False)
@click.option("--all", "for_all", is_flag=True, help="Maintenance of all products, instead of PRODUCT.")
@click.option("--start", metavar="TIME", help="Start (RFC 3339, or local time).  [default: now]")
@click.option("--for", "length", metavar="DURATION", help="Duration from the start, for example 2h.")
@click.option("--until", metavar="TIME", help="End (RFC 3339, or local time).")
@BY_OPTION
@click.option("--reason", required=True, help="The reason.")
@CONFIG
def add(
    product: str | None,
    for_all: bool,
    start: str | None,
    length: str | None,
    until: str | None,
    author: str,
    reason: str,
    path: Path,
) -> None:
    """Plan maintenance of PRODUCT."""
    location, portfolio = require_record(path), load_config(path)[1]
    subject = _subject(portfolio, product, for_all=for_all)
    now = SystemClock().now()
    begin = now if start is None else _start(portfolio, start, now)
    interval = Interval(begin, end_of("maintenance", length, until, portfolio.zone, begin))
    window = MaintenanceWindow(subject, interval, one_line("--by", author), one_line("--reason", reason), now)
    state_fact(location.record, window.fact())
    click.echo(f"maintenance {window.id}: {_text(subject, window.exclusion())}")


@maintenance.command("list", short_help="List planned maintenance.")
@click.option("--ahead", default="30d", show_default=True, metavar="DURATION", help="How far ahead, at most 400d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@CONFIG
def list_maintenance(ahead: str, as_json: bool, path: Path) -> None:
    """List the maintenance of the next 30 days, of the configuration and of added windows, by start.

    Maintenance that does not meet the terms of the product's agreement is listed with the reason.
    """
    location, portfolio, length = require_record(path), load_config(path)[1], _ahead(ahead)
    recorded = location.facts()
    facts = Facts(recorded.all, former_ids=FormerIdMap.of(portfolio, recorded.renamings))
    planned = upcoming(facts, portfolio, SystemClock().now(), length)
    for row in planned:
        click.echo(json.dumps(row.as_json()) if as_json else "\n".join(_row_lines(row)))
    if not planned and not as_json:
        click.echo(f"no maintenance in the next {'30 days' if length == DEFAULT_AHEAD else format_duration(length)}")


@maintenance.command("approve", short_help="Approve a maintenance window of another author.")
@click.argument("window_id", metavar="ID")
@BY_OPTION
@CONFIG
def approve(window_id: str, author: str, path: Path) -> None:
    """Approve the window with this id before its start. Its author cannot approve it.

    Agreements with `maintenance: {approval: second_person}` exclude only approved windows.
    """
    location, now = require_record(path), SystemClock().now()
    window, approver = _window(location.facts(), window_id), one_line("--by", author)
    if (obstacle := approval_obstacle(window, approver, now)) is not None:
        raise NinewatchError(f"cannot approve the maintenance window {window_id}: {obstacle[0]}; {obstacle[1]}")
    state_fact(location.record, maintenance_approval(window, now, approver))
    click.echo(f"maintenance {window_id} approved by {approver}")


@maintenance.command("end", short_help="End a maintenance window now.")
@click.argument("window_id", metavar="ID")
@BY_OPTION
@click.option("--reason", required=True, help="The reason.")
@CONFIG
def end(window_id: str, author: str, reason: str, path: Path) -> None:
    """End the window with this id now; a window that has not started is cancelled.

    Maintenance of the configuration ends when it is removed from the configuration.
    """
    location, now = require_record(path), SystemClock().now()
    window = _window(location.facts(), window_id)
    if window.ended is not None or window.interval.end <= now:
        raise NinewatchError(f"the maintenance window {window_id} has already ended; add another one")
    state_fact(
        location.record, maintenance_window_end(window, now, one_line("--by", author), one_line("--reason", reason))
    )
    click.echo(f"maintenance {window_id} ended")


def _window(facts: Facts, window_id: str) -> MaintenanceWindow:
    window = {window.id: window for window in maintenance_windows(facts.all)}.get(window_id)
    if window is None:
        raise NinewatchError(f'unknown maintenance window "{window_id}"; `ninewatch maintenance list` lists them')
    return window


def _ahead(text: str) -> int:
    try:
        length = parse_duration(text)
    except (ValueError, OverflowError):
        length = 0
    if not 0 < length <= MAX_AHEAD:
        raise NinewatchError("--ahead is not a duration of at most 400d; use for example --ahead 90d")
    return length


def _subject(portfolio: Portfolio, product: str | None, *, for_all: bool) -> str:
    if for_all == (product is not None):
        raise NinewatchError("specify either PRODUCT or --all")
    known = [product.id for product in portfolio.products]
    if product is not None and product not in known:
        raise NinewatchError(f'unknown product "{product}"; known products: {", ".join(known)}')
    return product or ""


def _start(portfolio: Portfolio, text: str, now: int) -> int:
    try:
        start = parse_instant(text, portfolio.zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"--start: {error}") from None
    if start < now:
        raise NinewatchError("--start is in the past; exclude past time with `ninewatch correct`")
    return start


def _row_lines(row: Planned) -> Iterator[str]:
    """Yield the line of an occurrence, and a line per part that counts in the contractual figure."""
    exclusion = row.exclusion
    source = f"{exclusion.label}  " if exclusion.made is not None else ""
    yield f"{source}{_text(row.product, exclusion)}: {exclusion.reason or exclusion.label}"
    for not_excluded in row.not_excluded:
        yield f"  not excluded: {_text(row.product, not_excluded.exclusion)}: {'; '.join(not_excluded.reasons)}"


def _text(product_id: str, exclusion: Exclusion) -> str:
    span = exclusion.interval
    start, end = (at // SECOND * SECOND for at in (span.start, span.end))
    times = f"{format_instant(start)}/{format_instant(end)}"
    return f"{product_id or 'all products'} {times} ({format_duration(span.length)})"
