"""`ninewatch status-page`: write, open, update and list the incidents of a public status page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import BY_OPTION, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import require_record
from monitor.commands.status_page_argument import status_page_with_id
from monitor.errors import NinewatchError
from monitor.facts.public_updates import (
    InvalidUpdateError,
    Writing,
    checked_components,
    draft,
    incident_json,
    new_incident,
    new_update,
    next_due,
    product_incident,
)
from monitor.language import ENGLISH, language
from monitor.storage.reader import reading
from sla.duration import format_duration
from sla.interval import SECOND
from sla.public_incident import Impact, Phase
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.product_incident import ProductIncident
    from sla.public_incident import PublicIncident

_PHASES: Final = click.Choice([phase.value for phase in Phase])
_TEXT = click.option("--text", required=True, help="The text that is published. An empty line starts a paragraph.")
_NEXT = click.option("--next-update", metavar="TIME", help="When the next update is due: 30m, or an instant.")
_COMPONENTS = click.option(
    "--component", "components", multiple=True, required=True, metavar="ID", help="An affected component; repeatable."
)


@click.group("status-page", short_help="Publish incidents on a public status page.")
def status_page() -> None:
    """Publish incidents on a public status page.

    Updates are facts: they are never changed. Your name is recorded and not published. A running daemon publishes them
    within about a second.
    """


@status_page.command("draft", short_help="Print the text of a template, filled with facts.")
@click.argument("page_id", metavar="PAGE")
@_COMPONENTS
@click.option("--phase", type=_PHASES, default=Phase.INVESTIGATING.value, show_default=True)
@_NEXT
@CONFIG
def draft_command(page_id: str, components: tuple[str, ...], phase: str, next_update: str | None, path: Path) -> None:
    """Print the template of a phase with the facts of the newest open incident of the components.

    Nothing is published. Facts that are not known stay as placeholders, which cannot be published.
    """
    location, portfolio = require_record(path), load_config(path)[1]
    page = status_page_with_id(portfolio, page_id)
    writing = _update_context(portfolio, "", page.id)
    try:
        known = checked_components(components, page)
        linked = product_incident(None, page, known, _recorded(location.record))
        due = next_due(next_update, writing)
    except InvalidUpdateError as error:
        raise NinewatchError(str(error)) from None
    click.echo(draft(page, Phase(phase), known, None if linked is None else linked.opened, due, writing))


@status_page.command("open", short_help="Open a public incident.")
@click.argument("page_id", metavar="PAGE")
@click.option("--title", required=True, help="What users see, in a few words.")
@_COMPONENTS
@click.option(
    "--impact", type=click.Choice([impact.value for impact in Impact]), default=Impact.NONE.value, show_default=True
)
@click.option("--incident", metavar="ID", help="The product incident.  [default: the newest open one]")
@click.option("--phase", type=_PHASES, default=Phase.INVESTIGATING.value, show_default=True)
@_TEXT
@_NEXT
@BY_OPTION
@CONFIG
def open_command(page_id: str, author: str, path: Path, **values: Any) -> None:
    """Open an incident on PAGE with its first update.

    The state of a component is the worst of the measured one and the impact of its open incidents.
    """
    location, portfolio = require_record(path), load_config(path)[1]
    page = status_page_with_id(portfolio, page_id)
    writing = _update_context(portfolio, author, page.id)
    try:
        incident = new_incident(values, page, _recorded(location.record), writing)
    except InvalidUpdateError as error:
        raise NinewatchError(str(error)) from None
    fact = incident.fact()
    state_fact(location.record, fact)
    click.echo(f"incident {fact.id} on {page.id}: {incident.title}{_time_to_first_update(incident)}")


@status_page.command("update", short_help="Publish an update of a public incident.")
@click.argument("incident_id", metavar="ID")
@click.option("--phase", type=_PHASES, help="The phase; resolved ends the incident.  [default: unchanged]")
@_TEXT
@_NEXT
@BY_OPTION
@CONFIG
def update_command(
    incident_id: str, phase: str | None, text: str, next_update: str | None, author: str, path: Path
) -> None:
    """Publish an update of the incident with this id."""
    location, portfolio = require_record(path), load_config(path)[1]
    incidents = {incident.id: incident for incident in location.facts().public_incidents}
    if (incident := incidents.get(incident_id)) is None:
        raise NinewatchError(f'unknown public incident "{incident_id}"; `ninewatch status-page list` lists them')
    values = {"phase": phase or incident.last.phase.value, "text": text, "next_update": next_update}
    try:
        update = new_update(values, _update_context(portfolio, author, incident.page), incident)
    except InvalidUpdateError as error:
        raise NinewatchError(str(error)) from None
    state_fact(location.record, update.fact(incident))
    click.echo(f"incident {incident_id}: {update.phase.value}")


@status_page.command("list", short_help="List public incidents.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@CONFIG
def list_command(as_json: bool, path: Path) -> None:
    """List the incidents of all pages, oldest first, with the time from detection to the first public update."""
    incidents = require_record(path).facts().public_incidents
    for incident in incidents:
        if as_json:
            click.echo(json.dumps(incident_json(incident), ensure_ascii=False))
        else:
            phase = f"{incident.last.phase.value}, {len(incident.updates)} updates"
            opened = format_instant(incident.opened // SECOND * SECOND)
            click.echo(
                f"{incident.id}  {incident.page} {opened}  {incident.title} ({phase}){_time_to_first_update(incident)}"
            )
    if not incidents and not as_json:
        click.echo("no public incidents")


def _time_to_first_update(incident: PublicIncident) -> str:
    """Return the time from detection to the first public update, empty without an internal incident."""
    length = incident.time_to_first_update
    return "" if length is None else f"; first public update {format_duration(length)} after detection"


def _update_context(portfolio: Portfolio, author: str, page_id: str) -> Writing:
    """Return the author and the time of a text, which is in the default language of the page."""
    code = next((page.languages[0] for page in portfolio.status_pages if page.id == page_id), ENGLISH.code)
    author = one_line("--by", author) if author else ""
    return Writing(author, SystemClock().now(), portfolio.zone, language(code))


def _recorded(record: Path) -> list[ProductIncident]:
    with reading(record) as reader:
        return reader.load_product_incidents()
