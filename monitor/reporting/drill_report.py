"""The report of a drill for an audit: figures, states of the product, alerts and statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Document, Part, Section, StateChart, Table, Tile, words
from monitor.reporting.state_chart import state_name
from monitor.views.drill_text import VERDICT_TEXTS, bounds_text
from monitor.views.formatting import moment
from sla.duration import format_duration
from sla.interval import SECOND, Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from monitor.notification import Notification
    from sla.drill_result import DrillResult
    from sla.states import Piece

MARGIN: Final = 30 * SECOND  # shown before and after the drill
CONTROLS: Final = (
    ("ISO 22301:2019", "8.5 b", "exercises have scenarios with defined aims", "Scenario and participants; RTO and RPO"),
    ("ISO 22301:2019", "8.5 e", "a report of outcomes, recommendations, actions", "Result; Findings"),
    ("ISO 22301:2019", "8.5 f, 10.1", "results are reviewed, and deviations corrected", "Findings; Sign-off"),
    ("SOC 2", "A1.3", "recovery procedures are tested against the objectives", "Result: RTO and RPO with verdict"),
    ("ITSG-33", "CP-4 A", "the contingency plan is tested for its effectiveness", "Result; Product states"),
    ("ITSG-33", "CP-4 B", "the results of the test are reviewed", "Sign-off"),
    ("ITSG-33", "CP-4 C", "corrective actions follow", "Findings with owner and due date"),
)


@dataclass(frozen=True, slots=True)
class DrillReport:
    """A measured drill of the product `name`, with the states before, during and after it, and its notifications."""

    result: DrillResult
    name: str
    zone: ZoneInfo
    states: Sequence[Piece]
    sent: Sequence[Notification]

    def as_json(self) -> dict[str, Any]:
        """Return the drill as a JSON object, with states, notifications and the mapping to standards."""
        controls = [dict(zip(("standard", "clause", "asks", "shown_in"), row, strict=True)) for row in CONTROLS]
        return self.result.as_json() | {
            "states": states_json(self.states),
            "alerts": list(map(_alert_json, self.sent)),
            "controls": controls,
        }

    def document(self) -> Document:
        """Return the report as a document, for all formats except JSON."""
        created = moment(self.result.at, self.zone).local
        kind = self.result.record.drill.kind
        notices = ("Observations until the end of the drill may still arrive.",) if self.result.provisional else ()
        return Document(
            f"Drill report: {kind} of {self.name}",
            f"Drill {self.result.record.id}",
            self.result.at,
            created,
            notices,
            None,
            (self._part(),),
            self._closing(),
        )

    def _part(self) -> Part:
        drill, met = self.result.record.drill, self.result.met
        return Part(
            drill.product,
            self.name,
            f"Scenario: {drill.scenario}" if drill.scenario else "",
            f"Verdict: {VERDICT_TEXTS[met]}: {self.result.reason}",
            met is False,
            tuple(self._tiles()),
            self._chart(),
            (self._figures(), self._states(), self._alerts(), self._findings(), self._statements(), _controls()),
        )

    def _tiles(self) -> list[Tile]:
        result, drill = self.result, self.result.record.drill
        recovery, down = result.recovery, result.downtime
        late = drill.rto is not None and recovery.low is not None and recovery.low > drill.rto
        lost = drill.rpo is not None and result.lost is not None and result.lost > drill.rpo
        return [
            Tile("Detection", doc.duration(result.detection), "from the failure to the first incident"),
            Tile("Recovery time", doc.duration(recovery.point), f"RTO {_objective_text(drill.rto)}", late),
            Tile("Recovery point", doc.duration(result.lost), f"RPO {_objective_text(drill.rpo)}", lost),
            Tile("Downtime", doc.duration(down.point), bounds_text(down)),
        ]

    def _chart(self) -> StateChart:
        record = self.result.record
        marks = [(record.drill.started, "start"), (self.result.failed, "failure"), (record.detected, "detected")]
        marks.append((None if record.end is None else record.end.at, "end"))
        text = (
            f"The states of {self.name} from {MARGIN // SECOND} s before the drill to {MARGIN // SECOND} s after it; "
        )
        text += "the table of states lists them."
        known = tuple((at, label) for at, label in marks if at is not None)
        return StateChart("Product states, second by second", text, tuple(self.states), known)

    def _figures(self) -> Section:
        result, drill = self.result, self.result.record.drill
        rows = [
            (words("Recovery time actual"), *map(doc.duration, result.recovery), doc.duration(drill.rto)),
            (words("Recovery point actual"), *[doc.duration(result.lost)] * 3, doc.duration(drill.rpo)),
            (words("Downtime"), *map(doc.duration, result.downtime), doc.duration(None)),
            (words("Detection"), *[doc.duration(result.detection)] * 3, doc.duration(None)),
        ]
        columns = ("Figure", "Minimum", "Estimate", "Maximum", "Promised")
        return Section(
            "result", "Result", (result.reason[:1].upper() + result.reason[1:] + ".",), Table(columns, tuple(rows))
        )

    def _states(self) -> Section:
        rows = tuple(
            (doc.at(state.start, self.zone), doc.duration(state.end - state.start), words(state_name(state.state)))
            for state in self.states
        )
        note = "One row per state. In doubt: the state changed at an unknown instant between two probes that differ."
        return Section("states", "Product states", (note,), _table(("From", "Length", "State"), rows))

    def _alerts(self) -> Section:
        rows = tuple(
            (
                doc.at(notification.made, self.zone),
                words(notification.event.value),
                words(notification.severity),
                words(notification.receiver),
                doc.at(notification.done, self.zone, "not delivered"),
            )
            for notification in self.sent
        )
        note = f"{len(rows)} notifications about the product were decided during the drill."
        return Section(
            "alerts", "Alerts sent", (note,), _table(("Decided", "Event", "Severity", "Receiver", "Delivered"), rows)
        )

    def _findings(self) -> Section:
        rows = []
        for finding in self.result.record.findings:
            state = "closed" if finding.closed is not None else "overdue" if finding.overdue(self.result.at) else "open"
            rows.append(tuple(map(words, (finding.id, finding.text, finding.owner, finding.day, state))))
        note = f"{len(rows)} findings."
        return Section("findings", "Findings", (note,), _table(("Id", "Finding", "Owner", "Due", "State"), tuple(rows)))

    def _statements(self) -> Section:
        record, end = self.result.record, self.result.record.end
        people = ", ".join(record.drill.participants) or "none stated"
        notes = [f"Started by {record.drill.author}. Participants: {people}."]
        if end is not None:
            notes.append(f"Ended by {end.author}{f': {end.reason}' if end.reason else ''}.")
        notes += [f"{format_duration(point.length)} lost: {point.source} ({point.author})." for point in record.points]
        notes += [f"Signed off by {sign_off.author}: {sign_off.note}" for sign_off in record.signed] or [
            "Not signed off."
        ]
        return Section("statements", "Participants and sign-off", tuple(words(note).text for note in notes))

    def _closing(self) -> Section:
        span = self.result.measured
        notes = (
            f"Measured from {format_instant(span.start)} to {format_instant(span.end)} (UTC) from recorded probes.",
            "Recovery time is the time from the first downtime to the instant from which the product stays up until "
            "the drill ends. The minimum includes certain downtime only, the maximum all time not certainly up.",
            "Checks probe more often during a drill, so detection may take longer without one.",
        )
        return Section("basis", "Method", notes)


def chart_span(result: DrillResult) -> Interval:
    """Return the time span of the drill's chart."""
    drill, end = result.record.drill, result.record.end
    end_of_chart = result.at if end is None else min(end.at + MARGIN, result.at)
    return Interval(drill.started - MARGIN, max(end_of_chart, drill.started))


def states_json(states: Iterable[Piece]) -> list[dict[str, str]]:
    """Return the states of a product for JSON, each with its start and end."""
    return [
        {"start": format_instant(state.start), "end": format_instant(state.end), "state": state.state.name.lower()}
        for state in states
    ]


def _controls() -> Section:
    rows = tuple(tuple(map(words, row)) for row in CONTROLS)
    note = "Paraphrased; the report supports these controls, it does not prove that an organization meets them."
    columns = ("Standard", "Clause", "Requires that", "Shown in this report")
    return Section("controls", "Mapping to standards", (note,), Table(columns, rows))


def _table(columns: tuple[str, ...], rows: tuple[tuple[Cell, ...], ...]) -> Table | None:
    return Table(columns, rows) if rows else None


def _objective_text(length: int | None) -> str:
    return "not stated" if length is None else format_duration(length)


def _alert_json(notification: Notification) -> dict[str, Any]:
    return {
        "key": notification.key,
        "event": notification.event.value,
        "severity": notification.severity,
        "receiver": notification.receiver,
        "decided": format_instant(notification.made),
        "delivered": None if notification.done is None else format_instant(notification.done),
    }
