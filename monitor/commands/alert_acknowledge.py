"""`ninewatch alert acknowledge`: state that a person takes care of an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.correct import CONFIG, location_of
from monitor.commands.statement import words
from monitor.errors import NinewatchError
from monitor.notification import Kind
from monitor.storage.reader import reading
from sla.acknowledgement import Acknowledgement, Via, acknowledgements
from sla.interval import SECOND
from sla.page_response import Response
from sla.product_incident import Severity
from sla.window import format_instant

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.commands.correct import RecordLocation
    from monitor.storage.reader import Reader


@click.command("acknowledge", short_help="State that you take care of an alert.")
@click.argument("key")
@click.option("--author", required=True, help="Name of the person who takes care of it.")
@CONFIG
def acknowledge_command(key: str, author: str, path: Path | None) -> None:
    """Acknowledge the open alert KEY: escalation and reminders stop, and the receivers that were notified show by whom.

    `ninewatch alert list` prints the keys. A running daemon takes it up within about a second; without one, the next
    start does. A ticket that becomes a page asks for an acknowledgement again.
    """
    location, who = location_of(path), words("--author", author)
    with reading(location.record) as record:
        held = announced(record, key)
        incident = next((each for each in record.load_product_incidents() if each.id == key), None)
    if (before := _before(location, held)) is not None:
        at = format_instant(before.made // SECOND * SECOND)
        click.echo(f"{key} is acknowledged already: by {before.by} at {at}")
        return
    made = Acknowledgement(
        SystemClock().now(), key, who, Via.COMMAND, held.product, "" if incident is None else incident.id
    )
    location.journal.add(made.fact())
    click.echo(f"acknowledged {key}{f' ({held.product})' if held.product else ''} by {who}")


def announced(record: Reader, key: str) -> Response:
    """Return the response to an open alert that some receiver was notified of.

    Raises:
        NinewatchError: there is no such alert; it is resolved, or was not announced.
    """
    held = {each.key: each for each in record.load_responses()}
    if key in held:
        return held[key]
    rows = [row for row in record.unfinished() if row.key == key]
    ended = {row.receiver for row in rows if row.event is Kind.RESOLVED}
    if any(row.receiver not in ended for row in rows):  # announced by an earlier version, which knew no responses
        since = min(row.made for row in rows if row.severity == rows[-1].severity)
        return Response(key, since, rows[-1].product, Severity(rows[-1].severity))
    incident = next((each for each in record.load_product_incidents() if each.id == key), None)
    if incident is not None and incident.resolved is None:
        raise NinewatchError(f"the alert {key} was not announced: it is muted, or no route takes it; nothing to stop")
    if incident is not None and incident.resolved is not None:
        raise NinewatchError(f"the alert {key} was resolved at {format_instant(incident.resolved // SECOND * SECOND)}")
    if any(row.key == key for row in record.latest_notifications(-1)):
        raise NinewatchError(f"the alert {key} is resolved")
    known = f"open alerts: {', '.join(held)}" if held else "no alert is open"
    raise NinewatchError(f'there is no alert "{key}"; {known}')


def _before(location: RecordLocation, held: Response) -> Acknowledgement | None:
    """Return the acknowledgement that the response has, or gets from the journal once a daemon reads it."""
    if held.acknowledged is not None:
        return Acknowledgement(held.acknowledged, held.key, held.author, held.via, held.product)
    stated = acknowledgements(location.facts().all)
    return next((each for each in stated if each.key == held.key and each.made >= held.started), None)
