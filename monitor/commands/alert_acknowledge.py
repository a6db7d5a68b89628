"""`ninewatch alert acknowledge`: acknowledge an open alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import OPTIONAL_CONFIG
from monitor.commands.fact_options import BY_OPTION, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import location_of
from monitor.errors import NinewatchError
from monitor.notification import Kind
from monitor.storage.reader import reading
from sla.acknowledgement import Acknowledgement, Via, acknowledgements
from sla.interval import SECOND
from sla.page_response import Response
from sla.product_incident import ProductIncident, Severity
from sla.window import format_instant

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.commands.record_location import RecordLocation
    from monitor.storage.reader import Reader


@click.command("acknowledge", short_help="Acknowledge an open alert.")
@click.argument("key")
@BY_OPTION
@OPTIONAL_CONFIG
def acknowledge_command(key: str, author: str, path: Path | None) -> None:
    """Acknowledge the open alert KEY: escalation and reminders stop, and the notified receivers show who acknowledged.

    `ninewatch alert list` prints the keys. A running daemon reads the acknowledgement within about a second; otherwise
    the next start does. A ticket that becomes a page needs another acknowledgement.
    """
    location, person = location_of(path), one_line("--by", author)
    with reading(location.record) as record:
        response = open_response(record, key)
        incident = _product_incident(record, key)
    if (previous := _acknowledgement(location, response)) is not None:
        at = format_instant(previous.made // SECOND * SECOND)
        click.echo(f"{key} is acknowledged already: by {previous.by} at {at}")
        return
    incident_id = "" if incident is None else incident.id
    acknowledgement = Acknowledgement(SystemClock().now(), key, person, Via.COMMAND, response.product, incident_id)
    state_fact(location.record, acknowledgement.fact())
    click.echo(f"acknowledged {key}{f' ({response.product})' if response.product else ''} by {person}")


def _product_incident(record: Reader, key: str) -> ProductIncident | None:
    return next((incident for incident in record.load_product_incidents() if incident.id == key), None)


def open_response(record: Reader, key: str) -> Response:
    """Return the response to an open, announced alert.

    Raises:
        NinewatchError: the alert does not exist, is resolved, or was not announced.
    """
    responses = {response.key: response for response in record.load_responses()}
    if key in responses:
        return responses[key]
    rows = [row for row in record.unfinished() if row.key == key]
    resolved = {row.receiver for row in rows if row.event is Kind.RESOLVED}
    if any(row.receiver not in resolved for row in rows):  # announced by an earlier version without responses
        since = min(row.made for row in rows if row.severity == rows[-1].severity)
        return Response(key, since, rows[-1].product, Severity(rows[-1].severity))
    incident = _product_incident(record, key)
    if incident is not None and incident.resolved is None:
        raise NinewatchError(
            f"the alert {key} was not announced: it is muted, or no route matches it; nothing to acknowledge"
        )
    if incident is not None and incident.resolved is not None:
        raise NinewatchError(f"the alert {key} was resolved at {format_instant(incident.resolved // SECOND * SECOND)}")
    if any(row.key == key for row in record.latest_notifications(-1)):
        raise NinewatchError(f"the alert {key} is resolved")
    known = f"open alerts: {', '.join(responses)}" if responses else "no alert is open"
    raise NinewatchError(f'unknown alert "{key}"; {known}')


def _acknowledgement(location: RecordLocation, response: Response) -> Acknowledgement | None:
    """Return the acknowledgement of the response from record or journal, or None."""
    if response.acknowledged is not None:
        return Acknowledgement(response.acknowledged, response.key, response.author, response.via, response.product)
    facts = (fact for fact in acknowledgements(location.facts().all) if fact.key == response.key)
    return next((fact for fact in facts if fact.made >= response.started), None)
