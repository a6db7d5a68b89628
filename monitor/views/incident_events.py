"""The timeline of an outage: checks, alerts, acknowledgements, public updates, and other events of the product."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.facts.planned_maintenance import maintenance_exclusions
from monitor.views.formatting import Moment, moment
from sla.acknowledgement import acknowledgements
from sla.correction import valid_corrections
from sla.evidence import deployments
from sla.incident_note import incident_notes
from sla.interval import DAY, HOUR, Interval
from sla.page_rating import page_ratings
from sla.silence import silences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification
    from monitor.views.outages import Outage

DEPLOYED_BEFORE: Final = 2 * HOUR  # deployments from this long before an outage on are possible causes
_AFTERWARDS: Final = DAY  # silences until this long after an outage may be about it


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One event of an outage. `detail` may quote the target or a person."""

    at: int
    time: Moment
    text: str
    detail: str = ""
    href: str = ""


def incident_events(
    ledger: Ledger, outage: Outage, sent: Iterable[Notification], now: int, *, with_receivers: bool
) -> list[IncidentEvent]:
    """Return the events of the outage, the oldest first. Receivers are named only `with_receivers`."""
    zone = ledger.portfolio.zone
    events = [
        *_checks(outage),
        *_alerts(sent, with_receivers=with_receivers),
        *_answers(ledger, outage),
        *_public(ledger, outage),
        *_surroundings(ledger, outage, now),
    ]
    events.sort(key=lambda event: event[0])
    return [IncidentEvent(at, moment(at, zone), *texts) for at, *texts in events]


_Event = tuple[int, str, str, str]  # instant, text, detail, address


def _checks(outage: Outage) -> Iterator[_Event]:
    for incident in outage.incidents:
        check = incident.check.partition("/")[2]
        detail = "" if incident.first is None else incident.first.detail
        yield incident.opened, f"{check} failed: {incident.reason}", detail, ""
        if incident.resolved is not None:
            yield incident.resolved, f"{check} answered correctly again", "", ""
    if outage.resolved is not None:
        yield outage.resolved, "The incident closed", "", ""


def _alerts(sent: Iterable[Notification], *, with_receivers: bool) -> Iterator[_Event]:
    """Yield one event per decision: the receivers of one event of the alert are notified together."""
    by_event: dict[tuple[int, str, str], list[Notification]] = {}
    for row in sent:
        by_event.setdefault((row.made, row.event.value, row.severity), []).append(row)
    for (made, event, severity), rows in by_event.items():
        delivered = Counter(row.done is not None for row in rows)
        text = f"Alert sent ({event}, {severity}): {delivered[True]} of {len(rows)} receivers confirmed it"
        yield made, text, ", ".join(sorted({row.receiver for row in rows})) if with_receivers else "", ""


def _answers(ledger: Ledger, outage: Outage) -> Iterator[_Event]:
    facts = ledger.facts.all
    for acknowledgement in acknowledgements(facts):
        if outage.id in (acknowledgement.key, acknowledgement.incident):
            yield acknowledgement.made, f"Acknowledged by {acknowledgement.by}", f"via {acknowledgement.via}", ""
    for note in incident_notes(facts, outage.id):
        yield note.made, f"Note by {note.author}", note.text, ""
    for rating in page_ratings(facts):
        if rating.key == outage.id:
            yield rating.made, f"Page rated as {rating.rating} by {rating.by}", "", ""
    end = None if outage.resolved is None else outage.resolved + _AFTERWARDS
    for silence in silences(facts):
        about = silence.key == outage.id if silence.key else silence.product in ("", outage.product)
        if about and outage.opened <= silence.made and (end is None or silence.made < end):
            yield silence.made, f"Silenced by {silence.author}", silence.reason, ""


def _public(ledger: Ledger, outage: Outage) -> Iterator[_Event]:
    for public in ledger.facts.public_incidents:
        if public.product_incident == outage.id:
            for update in public.updates:
                text = f"Public update by {update.author} ({update.phase.value}) on {public.page}: {public.title}"
                yield update.made, text, update.text, f"/status/{public.page}"


def _surroundings(ledger: Ledger, outage: Outage, now: int) -> Iterator[_Event]:
    """Yield deployments shortly before and during the outage, and maintenance and corrections that overlap it."""
    end = max(outage.opened + 1, now if outage.resolved is None else outage.resolved)
    for deployment in deployments(ledger.facts.about(outage.product)):
        if outage.opened - DEPLOYED_BEFORE <= deployment.at < end:
            yield deployment.at, f"Deployment of {deployment.version} by {deployment.by}", "", ""
    for correction in valid_corrections(ledger.facts.corrections.facts):
        overlaps = correction.interval.start < end and outage.opened < correction.interval.end
        if overlaps and ledger.former_ids.product(correction.product) == outage.product:
            yield correction.made, f"Correction by {correction.author}", correction.reason, ""
    product = ledger.products.get(outage.product)
    configured = () if product is None else product.maintenance
    span = Interval(outage.opened, end)
    for planned in maintenance_exclusions(ledger.facts, ledger.portfolio, outage.product, configured, span):
        yield planned.interval.start, "Planned maintenance began", planned.reason, ""
