"""`ninewatch changes`: list who changed what, when, from where and by which means."""

from __future__ import annotations

import json
from pathlib import Path

import click

from monitor.access.audit_log import AuditLog, Means
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.record_location import require_record
from monitor.commands.span_options import span_of
from monitor.views.changes import Change, ChangeFilter, changes
from sla.window import format_instant


@click.command("changes", short_help="List changes: who, what, when, from where, by which means.")
@click.option("--since", default="30d", show_default=True, metavar="TIME|DURATION", help="Only changes since then.")
@click.option("--name", default="", help="Only changes by this person or token.")
@click.option("--event", default="", help="Only this kind: silence, sign_in, token_created and so on.")
@click.option("--means", type=click.Choice([means.value for means in Means]), help="Only changes by these means.")
@click.option("--product", default="", help="Only changes of this product.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, with before and after.")
@CONFIG
def changes_command(
    since: str, name: str, event: str, means: str | None, product: str, as_json: bool, path: Path
) -> None:
    """List changes by people, API tokens and the configuration, sign-ins, and events of tokens, oldest first.

    Reads the record, its journal and its audit log, with or without a running daemon.
    """
    location, portfolio = require_record(path), load_config(path)[1]
    start = span_of(since, None, portfolio.zone).start
    selected = ChangeFilter(event, name, means or "", product, start)
    page = changes(location.facts(), AuditLog.of(location.record).entries(), selected)
    for change in reversed(page.changes):
        click.echo(json.dumps(change.as_json(), ensure_ascii=False) if as_json else _line(change))
    if not page.changes and not as_json:
        click.echo("no changes")


def _line(change: Change) -> str:
    origin = change.origin
    source = " ".join(text for text in (origin.means.value, origin.address, origin.client) if text)
    subject = f" of {change.product}" if change.product else ""
    text = f": {'; '.join(change.text)}" if change.text else ""
    return f"{format_instant(change.at)}  {change.event}{subject}{text} ({origin.name or 'not known'}; {source})"
