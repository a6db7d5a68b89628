"""Decide when incidents open and resolve, by a table of transitions. Figures do not depend on incidents."""

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
    """The result of one failing probe. `at` is the instant when it was sent. `phases` has seconds by name.

    `detail` is one line of limited length that may quote the target, so escape it in output.
    """

    at: int
    reason: str
    status: int | None = None
    detail: str = ""
    phases: Mapping[str, float] = field(default_factory=dict, hash=False)

    def as_json(self) -> dict[str, Any]:
        """Return the failure as JSON data: the instant as RFC 3339 in UTC, `status` null without a response."""
        return {
            "at": format_instant(self.at),
            "reason": self.reason,
            "status": self.status,
            "detail": self.detail,
            "phases": dict(self.phases),
        }


@dataclass(frozen=True, slots=True)
class Incident:
    """An outage of a check, from `opened` (first bad observation) to `resolved` (first good one of the recovery).

    Instants are in microseconds since the epoch. `resolved` is None while the incident is open. `reason` is the reason
    of the first bad observation. `downtime` is the point downtime (microseconds) from the estimated change before
    `opened` to `resolved`, without up or unknown time. It is None without a timeline, and while the incident is open
    (except in reports). `first` and `last` are the first and the last failing probe, None in old records.
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
        """Return an open incident. Its id is computed from check and instant, so a rebuilt incident has the same id."""
        return cls(
            hashlib.sha256(f"{check}@{opened}".encode()).hexdigest()[:12], product, check, opened, None, reason, None
        )

    def resolve(self, at: int, history: History | None = None) -> Incident:
        """Return the resolved incident, with its downtime if there is a history of the check."""
        return replace(self, resolved=at, downtime=None if history is None else self.downtime_until(at, history))

    def downtime_until(self, at: int, history: History) -> int:
        """Return the point downtime from the estimated change before `opened` to `at`, microseconds.

        The change is in the middle between the first bad and the previous good observation (measurement.md, section 2),
        so that the incidents add up to the downtime of the figures.
        """
        return _point_downtime(history, self.span_until(at, history))

    def span_until(self, at: int, history: History) -> Interval:
        """Return the time from the estimated change before `opened` to `at`; empty if `at` is earlier."""
        has_doubt = history.state(self.opened - 1) is State.DOUBT_DOWN
        start = history.state_start(self.opened) if has_doubt else self.opened
        return Interval(start, max(at, start))

    def part(self, window: Interval, at: int, history: History | None) -> IncidentPart | None:
        """Return the incident as known at `at`, with its downtime in the window. None if it does not touch the window.

        If no history contains the incident, its recorded downtime is used, and the part in the window is unknown.
        """
        open_ = self.resolved is None or self.resolved > at
        known = replace(self, resolved=None, downtime=None) if open_ else self
        end = at if known.resolved is None else known.resolved
        has_history = history is not None and history.first is not None and history.first <= self.opened
        if not has_history or history is None:
            touches = self.opened < window.end and end > window.start
            return IncidentPart(known, None) if touches else None
        span = self.span_until(end, history)
        if span.start >= window.end or span.end <= window.start:
            return None
        in_window = Interval(max(span.start, window.start), min(span.end, window.end))
        incident = replace(known, downtime=_point_downtime(history, span))
        return IncidentPart(incident, _point_downtime(history, in_window))


def _point_downtime(history: History, span: Interval) -> int:
    durations = history.durations(span)
    return durations.down + durations.doubt_down


@dataclass(frozen=True, slots=True)
class IncidentPart:
    """An incident that touches a window.

    `downtime_in_window` is in microseconds, None without a history. The sum over adjacent windows is the
    incident's downtime.
    """

    incident: Incident
    downtime_in_window: int | None


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
    """The decision of a transition."""

    NOTHING = "nothing"
    OPEN = "open"
    RESOLVE = "resolve"


_GOOD, _BAD = Outcome.GOOD, Outcome.BAD

# (phase, outcome, whether the streak has reached its threshold) -> (next phase, decision). Reasons:
# - A streak is a series of equal known outcomes: `fall` bad ones open an incident, `rise` good ones resolve it. The
#   opposite outcome ends a streak, so a flapping check neither opens nor resolves an incident.
# - Unknown has no row: it neither counts nor ends a streak, so a lost uplink neither resolves an incident nor delays
# one.
# - With a threshold of 1, CLEAR is followed directly by DOWN, and DOWN by CLEAR.
# - Good outcomes in CLEAR and bad outcomes in DOWN do not change the phase.
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
    """Apply the transition table to the outcomes of one check, in chronological order.

    Changes of `fall` and `rise` apply from the next outcome on. The downtime of a resolved incident is computed from
    `history`, the check's timeline, so append each observation to `history` before calling `step`.

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

    @property
    def streak_start(self) -> int:
        """The start of the current streak of equal known outcomes, microseconds; 0 if there is none."""
        return self._since

    def step(self, observation: Observation) -> Opened | Resolved | None:
        """Add one observation, later than all previous ones, and return the decision."""
        return self._advance(observation.outcome, observation.at, 1, observation.reason)

    def step_run(self, run: Run) -> Opened | Resolved | None:
        """Add all observations of a run, and return the decision, at most one."""
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
            resolved, self.open = self.open.resolve(self._since, self.history), None
            return Resolved(resolved)
        return None
