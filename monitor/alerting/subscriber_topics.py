"""The topics that subscribers of a status page are notified of: public incident updates and planned maintenance.

A topic contains public texts only: no ids, names, targets or reasons of products, and no authors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.alerting.made_notes import MAX_LATENESS
from monitor.facts.planned_maintenance import maintenance_exclusions
from monitor.language import ENGLISH
from sla.interval import DAY, SECOND, Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from monitor.config.status_pages import StatusPage
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger

AHEAD: Final = DAY  # before the start of maintenance, which is announced then, or at once if planned later
MAX_LENGTH: Final = 512 * DAY  # longer maintenance is not announced


@dataclass(frozen=True, slots=True)
class Topic:
    """A message to the subscribers of a page who chose its kind and one of its components.

    `name` is unique for the page. Only subscribers who confirmed their address before the instant `before` get it.
    `text` has the values of the message.
    """

    name: str
    kind: str
    components: tuple[str, ...]
    before: int
    text: dict[str, Any]


def incident_topics(facts: Facts, page: StatusPage, zone: ZoneInfo, now: int) -> Iterator[Topic]:
    """Yield the updates of the page's incidents that are not older than `MAX_LATENESS`."""
    for incident in facts.public_incidents:
        if incident.page != page.id or now - incident.last.made > MAX_LATENESS:
            continue
        names = [component.name for component in page.components if component.id in incident.components]
        for number, update in enumerate(incident.updates, 1):
            if 0 <= now - update.made <= MAX_LATENESS:
                text = {
                    "incident": incident.id,
                    "title": incident.title,
                    "phase": update.phase.value,
                    "paragraphs": update.text.split("\n\n"),
                    "components": names,
                    "published": _minute(update.made, zone),
                    "next_update_due": None if update.next_due is None else _minute(update.next_due, zone),
                    "instants": {"published": update.made, "next_update_due": update.next_due},
                }
                yield Topic(f"incident:{incident.id}:{number}", "incidents", incident.components, update.made, text)


def maintenance_topics(ledger: Ledger, page: StatusPage, now: int) -> Iterator[Topic]:
    """Yield the planned maintenance of the page's components that starts within `AHEAD`."""
    portfolio, components = ledger.portfolio, dict[tuple[int, int], list[str]]()
    for component in page.components:
        for span in _starting(ledger, component.product, now):
            components.setdefault((span.start, span.end), []).append(component.id)
    for (start, end), ids in sorted(components.items()):
        text = {
            "components": [component.name for component in page.components if component.id in ids],
            "start": _minute(start, portfolio.zone),
            "end": _minute(end, portfolio.zone),
            "instants": {"start": start, "end": end},
        }
        instants = "/".join(format_instant(at // SECOND * SECOND) for at in (start, end))
        yield Topic(f"maintenance:{instants}", "maintenance", tuple(ids), start, text)


def _starting(ledger: Ledger, product: str, now: int) -> set[Interval]:
    """Return the product's maintenance windows that start within `AHEAD`, each in full length.

    Plans are cut off at the end of the queried window, so the window is extended until no plan reaches its end.
    """
    ahead, configured = AHEAD, ledger.products[product].maintenance
    while True:
        window = Interval(now, now + ahead)
        planned = maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, window)
        spans = {row.interval for row in planned if now < row.interval.start < now + AHEAD}
        complete = {span for span in spans if span.end < window.end}
        if complete == spans or ahead >= MAX_LENGTH:
            return complete
        ahead *= 8


def _minute(at: int, zone: ZoneInfo) -> str:
    return ENGLISH.minute(at, zone)
