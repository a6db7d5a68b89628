"""`ninewatch export site`: a public status page as files that another web server can publish."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.record_export import export_command
from monitor.commands.status_page_argument import status_page_with_id
from monitor.commands.window_option import instant_option
from monitor.errors import NinewatchError
from monitor.views.calendar_feed import public_feed
from monitor.views.status_page import status_page_view
from monitor.views.time_slice import TimeSlices
from monitor.web.assets import Assets
from monitor.web.status_copy import copied_files
from sla.interval import DAY, MINUTE
from sla.window import parse_duration

__all__ = ["export_command"]


@export_command.command("site", short_help="Write a public status page as files.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--page", "name", metavar="ID", help="The status page.  [default: the only one]")
@click.option(
    "--valid-for", "valid", default="15m", show_default=True, metavar="DURATION", help="When a next copy is due."
)
@click.option("--at", "at_text", metavar="TIME", help="State as of this RFC 3339 instant.  [default: now]")
@CONFIG
def export_site(folder: Path, name: str | None, valid: str, at_text: str | None, path: Path) -> None:
    """Write a public status page to DIR, for a web server that does not depend on this monitor.

    The content is that of the daemon's page, in each of its languages: the default one in DIR, and others in folders of
    their own. The copy states its expiry time; after that, it turns grey. Repeat the command more often than
    --valid-for. Each file is replaced as a whole. Reads the record with or without a running daemon.
    """
    portfolio = load_config(path)[1]
    page, length = status_page_with_id(portfolio, name), _length(valid)
    clock = SystemClock()
    at = clock.now() if at_text is None else instant_option(at_text, portfolio)
    ledger = ledger_at(portfolio, portfolio.store, at)
    view = asyncio.run(status_page_view(ledger, page, at, TimeSlices(clock), length))
    count = 0
    for file_name, content in copied_files(
        view, Assets.load(), partial(public_feed, ledger.facts, portfolio, page, at)
    ):
        _replace(folder / file_name, content)
        count += 1
    click.echo(f"{folder}: {count} files of {page.id}, valid until {view.valid_until.iso}")


def _length(text: str) -> int:
    try:
        length = parse_duration(text)
    except (ValueError, OverflowError):
        length = 0
    if not MINUTE <= length <= DAY:
        raise NinewatchError("--valid-for is not a duration from 1m to 1d; use for example --valid-for 15m")
    return length


def _replace(path: Path, content: bytes) -> None:
    """Replace the file atomically, so that readers never get a part of it.

    Raises:
        NinewatchError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise NinewatchError(f"cannot write {path}: {(error.strerror or 'unwritable').lower()}") from None
