"""`ninewatch alert note`: add a note to the timeline of an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import OPTIONAL_CONFIG
from monitor.commands.fact_options import BY_OPTION, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import location_of
from monitor.errors import NinewatchError
from monitor.storage.reader import reading
from sla.incident_note import IncidentNote

if TYPE_CHECKING:
    from pathlib import Path


@click.command("note", short_help="Add a note to the timeline of an incident.")
@click.argument("incident")
@click.argument("text")
@BY_OPTION
@OPTIONAL_CONFIG
def note_command(incident: str, text: str, author: str, path: Path | None) -> None:
    """Add TEXT to the timeline of INCIDENT, open or resolved.

    The id is the key of the alert, and is on the page of the incident. A note is a fact of the record: it is never
    changed or removed. A running daemon reads it within about a second.
    """
    location, person, note_text = location_of(path), one_line("--by", author), one_line("TEXT", text)
    with reading(location.record) as record:
        incidents = record.load_product_incidents()
    outage = next((row for row in incidents if incident == row.id or incident in row.members), None)
    if outage is None:
        raise NinewatchError(f'unknown incident "{incident}"; its id is on its page and in the messages of its alert')
    note = IncidentNote(SystemClock().now(), person, outage.product, outage.id, note_text)
    state_fact(location.record, note.fact())
    click.echo(f"added a note to {outage.id} ({outage.product})")
