"""The result of a drill, measured from the product's history as of an instant.

Recovery time actual is the time from the failure until the product is up for the rest of the drill. Its lower bound
counts only certain downtime, its upper bound all time that is not certainly up, so the true value is between them
(measurement.md, section 2). A figure that was not measured is None, and then `met` is not True.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from sla import availability
from sla.availability import Bounds
from sla.drill import Drill, DrillRecord, DrillSource, as_seconds
from sla.failover import MAX_LEAD
from sla.interval import SECOND, Interval
from sla.states import Durations, Piece, State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sla.state_history import History

NO_BOUNDS: Final[Bounds[int | None]] = Bounds(None, None, None)

_CERTAIN: Final = frozenset({State.DOWN})
_ESTIMATED: Final = frozenset(state for state in State if state.estimate is State.DOWN)
_POSSIBLE: Final = frozenset(State) - {State.UP}


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The measured result of a drill as of `at`; instants and durations in microseconds, None if unknown.

    `measured` is the time that the figures cover. `recovered`: whether the product was up at its end. `provisional`:
    observations of the drill may still arrive. `met`: whether the drill proves RTO and RPO, with the `reason`.
    """

    record: DrillRecord
    at: int
    measured: Interval
    pieces: tuple[Piece, ...]
    failed: int | None
    recovery: Bounds[int | None]
    downtime: Bounds[int | None]
    recovered: bool | None
    provisional: bool
    met: bool | None
    reason: str

    @property
    def detection(self) -> int | None:
        """The time from the estimated failure until the monitor opened an incident."""
        if self.failed is None or self.record.detected is None:
            return None
        return max(0, self.record.detected - self.failed)

    @property
    def lost(self) -> int | None:
        """The recovery point actual: the largest one that was measured."""
        return max((measured.length for measured in self.record.points), default=None)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of `ninewatch drill show --json`."""
        drill, end = self.record.drill, self.record.end
        return {
            "id": self.record.id,
            "product": drill.product,
            "kind": drill.kind.value,
            "started": format_instant(drill.started),
            "ended": None if end is None else format_instant(end.at),
            "rto_seconds": as_seconds(drill.rto),
            "rta_seconds": _bounds(self.recovery),
            "rpo_seconds": as_seconds(drill.rpo),
            "rpa_seconds": as_seconds(self.lost),
            "downtime_seconds": _bounds(self.downtime),
            "detected_seconds": as_seconds(self.detection),
            "met": self.met,
            "reason": self.reason,
            "at": format_instant(self.at),
            "provisional": self.provisional,
            "failed": None if self.failed is None else format_instant(self.failed),
            "recovered": self.recovered,
        } | self._statements()

    def _statements(self) -> dict[str, Any]:
        drill, end = self.record.drill, self.record.end
        return {
            "by": drill.author,
            "source": drill.source.value,
            "scenario": drill.scenario,
            "participants": list(drill.participants),
            "end": None if end is None else end.as_json(),
            "recovery_points": [point.as_json() for point in self.record.points],
            "findings": [finding.as_json(self.at) for finding in self.record.findings],
            "sign_offs": [sign_off.as_json() for sign_off in self.record.signed],
        }


def drill_result(record: DrillRecord, history: History, at: int, *, site_changed: bool = False) -> DrillResult:
    """Return the result of the drill as of `at`, measured from the product's history as of the same instant.

    `site_changed`: whether a change of the active site was observed during the drill. A revoked drill keeps its
    figures and has no verdict.
    """
    result = _measured_result(record, history, at, site_changed=site_changed)
    if record.revoked is None:
        return result
    return replace(result, met=None, reason=f"the drill was revoked: {record.revoked}")


def _measured_result(record: DrillRecord, history: History, at: int, *, site_changed: bool) -> DrillResult:
    drill = record.drill
    end = at if record.end is None else record.end.at
    drill_time = Interval(drill.started, max(end, drill.started))
    if not drill.kind.measured:
        reason = f"a drill of the kind {drill.kind} does not touch the product and proves no RTO"
        return DrillResult(record, at, drill_time, (), None, NO_BOUNDS, NO_BOUNDS, None, False, None, reason)
    measured, provisional = _final_part(drill_time, history, at)
    pieces = tuple(history.pieces(measured)) if measured.length else ()
    recovered = _recovered(pieces)
    lead = _lead(drill, history, pieces)
    recovery = _with_lead(_recovery_time(pieces, recovered=recovered), lead)
    downtime = availability.downtime(Durations.of(pieces))
    spans = _span(pieces, _ESTIMATED)
    result = DrillResult(
        record,
        at,
        measured,
        pieces,
        None if spans is None else spans.start,
        recovery,
        _with_lead(Bounds[int | None](*downtime), lead) if pieces else NO_BOUNDS,
        recovered,
        provisional,
        None,
        "",
    )
    met, reason = _verdict(result, exercised=site_changed or not drill.kind.interrupts or downtime.point > 0)
    return replace(result, met=met, reason=reason)


def _final_part(drill_time: Interval, history: History, at: int) -> tuple[Interval, bool]:
    """Return the part of the drill that later observations cannot change, and whether more of it may follow.

    Once the last observation has expired, the time after it is unknown.
    """
    final_until, expires = history.final_until, history.expires_at
    if final_until is None or expires is None or at >= expires or final_until >= drill_time.end:
        return drill_time, False
    return Interval(drill_time.start, max(final_until, drill_time.start)), True


def _lead(drill: Drill, history: History, pieces: Sequence[Piece]) -> int:
    """Return the longest possible time from the failure to the start of the drill, microseconds.

    A drill that a site change started begins at the estimated failure, before which there is time in doubt.
    """
    if drill.source is not DrillSource.SITE_CHANGE or not pieces or pieces[0].state is State.UP:
        return 0
    before = reversed(list(history.pieces(Interval(drill.started - MAX_LEAD, drill.started))))
    return sum(piece.end - piece.start for piece in takewhile(lambda piece: piece.state is not State.UP, before))


def _with_lead(bounds: Bounds[int | None], lead: int) -> Bounds[int | None]:
    """Add `lead` to the upper bound, if there is one."""
    return bounds if bounds.high is None else bounds._replace(high=bounds.high + lead)


def _recovered(pieces: Sequence[Piece]) -> bool | None:
    """Return whether the product was up at the end of the pieces; False only if it was certainly down."""
    last = pieces[-1].state if pieces else State.UNKNOWN
    if last.estimate is State.UP:
        return True
    return False if last is State.DOWN else None


def _recovery_time(pieces: Sequence[Piece], *, recovered: bool | None) -> Bounds[int | None]:
    """Return the time from the first to the last downtime; point and high are None until the product is up again."""
    if not pieces:
        return NO_BOUNDS
    low, point, high = (_length(_span(pieces, states)) for states in (_CERTAIN, _ESTIMATED, _POSSIBLE))
    return Bounds(low, point if recovered else None, high if pieces[-1].state is State.UP else None)


def _span(pieces: Sequence[Piece], states: Collection[State]) -> Interval | None:
    """Return the time from the start of the first to the end of the last piece in one of the states."""
    matching = [piece for piece in pieces if piece.state in states]
    return Interval(matching[0].start, matching[-1].end) if matching else None


def _length(span: Interval | None) -> int:
    return 0 if span is None else span.length


def _verdict(result: DrillResult, *, exercised: bool) -> tuple[bool | None, str]:
    """Return whether RTO and RPO were met (None if the record is not sufficient), and the reason."""
    if (reason := _reason_missed(result)) is not None:
        return False, reason
    if (reason := _reason_undecided(result, exercised=exercised)) is not None:
        return None, reason
    return True, _met_limits(result.record.drill)


def _met_limits(drill: Drill) -> str:
    """Return the sentence on the promised limits that were met; at least one is promised."""
    if drill.rpo is None:
        return "the recovery time kept the RTO; no RPO was stated"
    if drill.rto is None:
        return "the recovery point kept the RPO; no RTO was stated"
    return "recovery time and recovery point kept the promised limits"


def _reason_missed(result: DrillResult) -> str | None:
    """Return the reason why the drill certainly missed RTO or RPO."""
    drill, low, lost = result.record.drill, result.recovery.low, result.lost
    if drill.rto is not None and low is not None and low > drill.rto:
        return f"recovery took at least {low / SECOND:g} s; the RTO is {drill.rto / SECOND:g} s"
    min_loss = max((point.low for point in result.record.points), default=0)
    if drill.rpo is not None and min_loss > drill.rpo:
        return f"{min_loss / SECOND:g} s of data were lost; the RPO is {drill.rpo / SECOND:g} s"
    if drill.rpo == 0 and lost:
        return "acknowledged data were lost; the RPO is 0 s"
    if result.record.end is not None and not result.provisional and result.recovered is False:
        return "the product was down when the drill ended"
    return None


def _reason_undecided(result: DrillResult, *, exercised: bool) -> str | None:
    """Return the reason why the record is not sufficient for a verdict. None if it is sufficient."""
    drill, high = result.record.drill, result.recovery.high
    reasons = (
        (result.record.end is None, "the drill has not ended"),
        (result.provisional, "observations until its end have not arrived yet"),
        (drill.rto is None and drill.rpo is None, "neither an RTO nor an RPO was stated"),
        (not exercised, "neither downtime nor a change of site was observed, so nothing was exercised"),
        (
            drill.rto is not None and (high is None or high > drill.rto),
            "the RTO is between the bounds of the recovery time",
        ),
        (drill.rpo is not None and result.lost is None, "the recovery point was not measured"),
        (
            drill.rpo is not None
            and drill.rpo > 0
            and any(point.high is None or point.high > drill.rpo for point in result.record.points),
            "the RPO is between the bounds of the recovery point",
        ),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _bounds(figure: Bounds[int | None]) -> dict[str, float | None]:
    return {name: as_seconds(value) for name, value in figure._asdict().items()}
