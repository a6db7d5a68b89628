"""`ninewatch maintenance`: add, list and end maintenance windows, next to `maintenance:` of the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.attest import require_record
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.statement import end_of, words
from monitor.errors import NinewatchError
from monitor.views.planned_maintenance import maintenance_row, upcoming
from sla.duration import format_duration
from sla.interval import Interval
from sla.maintenance_window import MaintenanceWindow, maintenance_window_end, maintenance_windows
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.exclusion import Exclusion

AUTHOR = click.option("--author", required=True, help="Your name.")


@click.group(short_help="Add, list and end maintenance windows.")
def maintenance() -> None:
    """Add, list and end maintenance windows.

    They apply next to `maintenance:` of the configuration: contractual figures exclude their time, and alerts wait
    until their end. A window excludes no time before it was added. A running daemon applies changes within about a
    second.
    """


@maintenance.command("add", short_help="Add a maintenance window.")
@click.argument("product", required=False)
@click.option("--all", "every", is_flag=True, help="Of all products, instead of PRODUCT.")
@click.option("--start", metavar="TIME", help="Start (RFC 3339, or local time).  [default: now]")
@click.option("--for", "length", metavar="DURATION", help="Duration from the start, for example 2h.")
@click.option("--until", metavar="TIME", help="End (RFC 3339, or local time).")
@AUTHOR
@click.option("--reason", required=True, help="The reason.")
@CONFIG
def add(
    product: str | None,
    every: bool,
    start: str | None,
    length: str | None,
    until: str | None,
    author: str,
    reason: str,
    path: Path,
) -> None:
    """Plan maintenance of PRODUCT."""
    location, portfolio = require_record(path), load_config(path)[1]
    subject = _subject(portfolio, product, every=every)
    now = SystemClock().now()
    begin = now if start is None else _start(portfolio, start, now)
    interval = Interval(begin, end_of("maintenance", length, until, portfolio.zone, begin))
    window = MaintenanceWindow(subject, interval, words("--author", author), words("--reason", reason), now)
    location.journal.add(window.fact())
    click.echo(f"maintenance {window.id}: {_text(subject, window.exclusion())}")


@maintenance.command("list", short_help="List planned maintenance.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@CONFIG
def list_maintenance(as_json: bool, path: Path) -> None:
    """List the maintenance of the next 30 days, of the configuration and of added windows, by start."""
    location, portfolio = require_record(path), load_config(path)[1]
    planned = upcoming(location.facts(), portfolio, SystemClock().now())
    for product_id, exclusion in planned:
        line = json.dumps(maintenance_row(product_id, exclusion)) if as_json else _line(product_id, exclusion)
        click.echo(line)
    if not planned and not as_json:
        click.echo("no maintenance in the next 30 days")


@maintenance.command("end", short_help="End a maintenance window now.")
@click.argument("window_id", metavar="ID")
@AUTHOR
@click.option("--reason", required=True, help="The reason.")
@CONFIG
def end(window_id: str, author: str, reason: str, path: Path) -> None:
    """End the window with this id now; a window that has not started is cancelled.

    Maintenance of the configuration ends when it is removed from the configuration.
    """
    location, now = require_record(path), SystemClock().now()
    windows = {window.id: window for window in maintenance_windows(location.facts().all)}
    window = windows.get(window_id)
    if window is None:
        raise NinewatchError(f'unknown maintenance window "{window_id}"; `ninewatch maintenance list` lists them')
    if window.ended is not None or window.interval.end <= now:
        raise NinewatchError(f"the maintenance window {window_id} has already ended; add another one")
    location.journal.add(maintenance_window_end(window, now, words("--author", author), words("--reason", reason)))
    click.echo(f"maintenance {window_id} ended")


def _subject(portfolio: Portfolio, product: str | None, *, every: bool) -> str:
    if every == (product is not None):
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


def _line(product_id: str, exclusion: Exclusion) -> str:
    source = f"{exclusion.label}  " if exclusion.made is not None else ""
    return f"{source}{_text(product_id, exclusion)}: {exclusion.reason or exclusion.label}"


def _text(product_id: str, exclusion: Exclusion) -> str:
    span = exclusion.interval
    times = f"{format_instant(span.start)}/{format_instant(span.end)}"
    return f"{product_id or 'all products'} {times} ({format_duration(span.length)})"
