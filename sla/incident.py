"""Decide when an incident opens and resolves, by a table over recorded outcomes. Measured time does not use it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sla.interval import Interval
from sla.observation import Observation, Outcome, Run
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.state_history import History


@dataclass(frozen=True, slots=True)
class Failure:
    """The result of one failing probe. `at` is the instant at which it was sent; `phases` are seconds by name.

    `detail` is one bounded line that may quote the target: escape it where it is shown.
    """

    at: int
    reason: str
    status: int | None = None
    detail: str = ""
    phases: Mapping[str, float] = field(default_factory=dict, hash=False)

    def as_json(self) -> dict[str, Any]:
        """Return the failure for programs: the instant RFC 3339 UTC, `status` null where there was no answer."""
        return {
            "at": format_instant(self.at),
            "reason": self.reason,
            "status": self.status,
            "detail": self.detail,
            "phases": dict(self.phases),
        }


@dataclass(frozen=True, slots=True)
class Incident:
    """A check was down from `opened`, the first bad observation, to `resolved`, the first good one of the recovery.

    Instants are microseconds since the epoch; `resolved` is None while it lasts. `reason` is that of the first
    bad observation. `downtime` is what the incident takes from the product's figures, microseconds: the point downtime
    from the estimated change before `opened` to `resolved`, without what flapped back or was unknown in between. None
    while it lasts (a report's has it so far), and where no timeline was there to measure by. `first` and `last` are
    the first and the last failing probe; None in records from before they were kept.
    """

    id: str
    product: str
    check: str
    opened: int
    resolved: int | None
    reason: str
    downtime: int | None
    first: Failure | None = None
    last: Failure | None = None

    @classmethod
    def open(cls, product: str, check: str, opened: int, reason: str) -> Incident:
        """Return an incident that has begun. Its id follows from check and instant, so a rebuilt one has the same."""
        return cls(
            hashlib.sha256(f"{check}@{opened}".encode()).hexdigest()[:12], product, check, opened, None, reason, None
        )

    def resolve(self, at: int, history: History | None = None) -> Incident:
        """Return it ended, its downtime measured by the check's history where there is one."""
        return replace(self, resolved=at, downtime=None if history is None else self.downtime_until(at, history))

    def downtime_until(self, at: int, history: History) -> int:
        """Return the point downtime from the estimated change before `opened` to `at`, microseconds.

        The change lies half-way back to the good observation before (measurement.md, section 2), so that incidents add
        up to the downtime of the figures.
        """
        return _point_downtime(history, self.span_until(at, history))

    def span_until(self, at: int, history: History) -> Interval:
        """Return the time from the estimated change before `opened` to `at`; without length if `at` is before it."""
        doubted = history.state(self.opened - 1) is State.DOUBT_DOWN
        start = history.began(self.opened) if doubted else self.opened
        return Interval(start, max(at, start))

    def part(self, window: Interval, at: int, history: History | None) -> IncidentPart | None:
        """Return the incident as known at `at` with the part of it in the window; None if it does not touch that.

        Where no history reaches back to the incident, the downtime is the one that was recorded, and its part unknown.
        """
        open_ = self.resolved is None or self.resolved > at
        known = replace(self, resolved=None, downtime=None) if open_ else self
        end = at if known.resolved is None else known.resolved
        measured = history is not None and history.first is not None and history.first <= self.opened
        if not measured or history is None:
            touches = self.opened < window.end and end > window.start
            return IncidentPart(known, None) if touches else None
        span = self.span_until(end, history)
        if span.start >= window.end or span.end <= window.start:
            return None
        inside = Interval(max(span.start, window.start), min(span.end, window.end))
        whole = replace(known, downtime=_point_downtime(history, span))
        return IncidentPart(whole, _point_downtime(history, inside))


def _point_downtime(history: History, span: Interval) -> int:
    durations = history.durations(span)
    return durations.down + durations.doubt_down


@dataclass(frozen=True, slots=True)
class IncidentPart:
    """An incident that touches a window: `incident` has its whole downtime, `part` is what of it lies in the window.

    Microseconds; None where no history measures it. The parts of neighbouring windows add up to the whole.
    """

    incident: Incident
    part: int | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The decision that an incident opened."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Resolved:
    """The decision that an incident was resolved."""

    incident: Incident


class Phase(StrEnum):
    """The phase of a check between up and down."""

    CLEAR = "clear"
    FAILING = "failing"
    DOWN = "down"
    RECOVERING = "recovering"


class Decision(StrEnum):
    """What a transition decides."""

    NOTHING = "nothing"
    OPEN = "open"
    RESOLVE = "resolve"


_GOOD, _BAD = Outcome.GOOD, Outcome.BAD

# (phase, outcome, the streak has reached its threshold) -> (next phase, decision). Why it reads as it does:
# - A streak is of *consecutive known* outcomes: `fall` bad ones open, `rise` good ones resolve. One good outcome ends a
#   bad streak and the other way round, so a flapping check neither opens nor resolves until it makes up its mind.
# - Unknown has no row. It neither counts nor breaks a streak: losing our own uplink must not resolve an incident, and
#   must not let one slip that was about to open.
# - A threshold of 1 goes straight through: CLEAR to DOWN, DOWN to CLEAR.
# - In CLEAR a good outcome, and in DOWN a bad one, confirms what is decided, however long its streak.
TRANSITIONS = {
    (Phase.CLEAR, _GOOD, False): (Phase.CLEAR, Decision.NOTHING),
    (Phase.CLEAR, _GOOD, True): (Phase.CLEAR, Decision.NOTHING),
    (Phase.CLEAR, _BAD, False): (Phase.FAILING, Decision.NOTHING),
    (Phase.CLEAR, _BAD, True): (Phase.DOWN, Decision.OPEN),
    (Phase.FAILING, _GOOD, False): (Phase.CLEAR, Decision.NOTHING),
    (Phase.FAILING, _GOOD, True): (Phase.CLEAR, Decision.NOTHING),
    (Phase.FAILING, _BAD, False): (Phase.FAILING, Decision.NOTHING),
    (Phase.FAILING, _BAD, True): (Phase.DOWN, Decision.OPEN),
    (Phase.DOWN, _BAD, False): (Phase.DOWN, Decision.NOTHING),
    (Phase.DOWN, _BAD, True): (Phase.DOWN, Decision.NOTHING),
    (Phase.DOWN, _GOOD, False): (Phase.RECOVERING, Decision.NOTHING),
    (Phase.DOWN, _GOOD, True): (Phase.CLEAR, Decision.RESOLVE),
    (Phase.RECOVERING, _BAD, False): (Phase.DOWN, Decision.NOTHING),
    (Phase.RECOVERING, _BAD, True): (Phase.DOWN, Decision.NOTHING),
    (Phase.RECOVERING, _GOOD, False): (Phase.RECOVERING, Decision.NOTHING),
    (Phase.RECOVERING, _GOOD, True): (Phase.CLEAR, Decision.RESOLVE),
}


class IncidentTracker:
    """Applies the table to one check's outcomes, in order of time.

    `fall` and `rise` may be set anew; they judge the next outcome. `history`, the check's timeline, measures the
    downtime of a resolved incident; append each observation to it before stepping over it here.

    Raises:
        ValueError: fall or rise is below 1.
    """

    __slots__ = (
        "_count",
        "_last_outcome",
        "_reason",
        "_since",
        "check",
        "fall",
        "history",
        "open",
        "phase",
        "product",
        "rise",
    )

    def __init__(self, check: str, product: str, fall: int = 2, rise: int = 2, history: History | None = None) -> None:
        if fall < 1 or rise < 1:
            raise ValueError(f"fall and rise are numbers of probes, 1 or more: {fall}, {rise}")
        self.check = check
        self.product = product
        self.fall = fall
        self.rise = rise
        self.history = history
        self.phase = Phase.CLEAR
        self.open: Incident | None = None
        self._last_outcome: Outcome | None = None
        self._since = 0
        self._count = 0
        self._reason = ""

    def step(self, seen: Observation) -> Opened | Resolved | None:
        """Add one observation, later than all before it, and return the decision."""
        return self._advance(seen.outcome, seen.at, 1, seen.reason)

    def step_run(self, run: Run) -> Opened | Resolved | None:
        """Add a run as if its observations came one by one; equal outcomes lead to one decision at most."""
        return self._advance(run.outcome, run.first, run.count, run.reason)

    def _advance(self, outcome: Outcome, at: int, count: int, reason: str) -> Opened | Resolved | None:
        if outcome is Outcome.UNKNOWN:
            return None
        if outcome is not self._last_outcome:
            self._last_outcome, self._since, self._count, self._reason = outcome, at, 0, reason
        self._count += count
        threshold = self.fall if outcome is _BAD else self.rise
        self.phase, decision = TRANSITIONS[self.phase, outcome, self._count >= threshold]
        if decision is Decision.OPEN:
            self.open = Incident.open(self.product, self.check, self._since, self._reason)
            return Opened(self.open)
        if decision is Decision.RESOLVE and self.open is not None:
            ended, self.open = self.open.resolve(self._since, self.history), None
            return Resolved(ended)
        return None
