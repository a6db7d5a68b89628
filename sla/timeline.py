"""The states of one check at one vantage over time: up, down, in doubt or unknown.

measurement.md, section 2, defines the state in (t, u] between two observations. This module uses [t, u), like all
intervals in this code; durations are the same.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import TYPE_CHECKING

from sla.observation import PRECEDENCE, Observation, Outcome, Run
from sla.observation_counts import Counts, ExactCounter, RunCounter
from sla.state_history import History
from sla.state_sums import StateSums
from sla.states import Durations, Piece, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.interval import Interval

__all__ = ["Counts", "Durations", "History", "Piece", "State", "StateSums", "Timeline"]

# The state between two equal observations. Between different ones, each half of the gap has the doubt state of the
# nearer observation.
_CERTAIN = {Outcome.GOOD: State.UP, Outcome.BAD: State.DOWN}
_DOUBT_STATES = {Outcome.GOOD: State.DOUBT_UP, Outcome.BAD: State.DOUBT_DOWN}


class Timeline(History):
    """The states of one check at one vantage over time, computed from its observations. Append-only.

    `hold` (microseconds) is the maximum distance of two observations between which the state is known. A new value
    applies to observations appended later. With `exact`, every instant is stored (8 bytes), and `counts` is exact for
    any window. Otherwise equal consecutive observations are stored as a run, and counts in a window that cuts a run
    assume even spacing. Durations are always exact.

    Re-checks (`Observation.recheck`) affect states like other observations but are not counted.
    """

    __slots__ = (
        "_counters",
        "_first_observation_at",
        "_holds",
        "_last",
        "_last_known_hold",
        "_rechecks",
        "_state_sums",
        "exact",
        "hold",
        "last_known",
    )

    def __init__(self, hold: int, *, exact: bool = False) -> None:
        if hold < 0:
            raise ValueError(f"hold must be a duration of 0 or more: {hold}")
        self.hold = hold
        self.exact = exact
        self.last_known: tuple[int, Outcome] | None = None
        self._last_known_hold = hold  # the hold of the last known observation
        self._first_observation_at: int | None = None
        self._holds: list[tuple[int, int]] = []  # (start, hold): the hold of observations from `start` on
        self._last: tuple[int, Outcome, bool] | None = None  # (instant, outcome, is_recheck) of the last observation
        self._state_sums: StateSums | None = None
        self._counters = {outcome: self._new_counter() for outcome in Outcome}
        self._rechecks: dict[Outcome, ExactCounter | RunCounter] = {}

    @classmethod
    def of(cls, observations: Iterable[Observation], hold: int, *, exact: bool = True) -> Timeline:
        """Return the timeline of observations in any order. If several have the same instant, the worst one is used."""
        pairs = ((o.at, o.outcome, o.recheck) for o in observations)
        return cls._from_rows(pairs, hold, exact=exact)

    @classmethod
    def of_pairs(cls, pairs: Iterable[tuple[int, Outcome]], hold: int, *, exact: bool = True) -> Timeline:
        """Return the timeline of `(at, outcome)` in any order. If several have the same instant, the worst is used."""
        return cls._from_rows(((at, outcome, False) for at, outcome in pairs), hold, exact=exact)

    @classmethod
    def _from_rows(cls, rows: Iterable[tuple[int, Outcome, bool]], hold: int, *, exact: bool) -> Timeline:
        timeline = cls(hold, exact=exact)
        # The worst outcome of an instant is last, and replaces the other outcomes of that instant.
        worst_by_time = {row[0]: row for row in sorted(rows, key=lambda row: (row[0], PRECEDENCE[row[1]]))}
        for at, outcome, recheck in worst_by_time.values():
            timeline.append(at, outcome, recheck=recheck)
        return timeline

    def append(self, at: int, outcome: Outcome, *, continues: bool | None = None, recheck: bool = False) -> None:
        """Add one observation in O(1).

        `continues`: whether to add the observation to the current run, which must have the same outcome; by default if
        it is within the hold. Durations do not depend on this.

        Raises:
            ValueError: the observation is not later than the last one.
        """
        same_hold = self._check_order_and_store_hold(at, at, self.hold)
        if continues is None:
            continues = self._last is not None and self._last[1:] == (outcome, recheck)
            continues = continues and same_hold and at <= (self.last_at or 0) + self.hold
        self._counter(outcome, recheck=recheck).add(at, continues=continues)
        self._last = (at, outcome, recheck)
        self._add_states(at, at, outcome, self.hold)

    def append_run(self, run: Run) -> None:
        """Add a run of equal observations with the hold of the run, in O(1) (in O(count) if exact).

        Raises:
            ValueError: the run does not begin after the last observation, or ends before it begins.
        """
        self._check_order_and_store_hold(run.first, run.last, run.hold)
        self._counter(run.outcome, recheck=run.recheck).add_run(run.first, run.last, run.count)
        self._last = (run.last, run.outcome, run.recheck)
        self._add_states(run.first, run.last, run.outcome, run.hold)

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations within the window."""
        return Counts(*[counter.within(window) for counter in self._counters.values()])

    @property
    def totals(self) -> Counts:
        """The numbers of all observations, in O(1)."""
        return Counts._make(self.total_counts())

    def total_counts(self) -> tuple[int, int, int]:
        """Return `totals` as a plain tuple, which is faster for callers that read many timelines."""
        good, bad, unknown = self._counters.values()
        return good.count, bad.count, unknown.count

    def first_observation_from(self, at: int) -> int | None:
        """Return the instant of the first observation at or after `at`. None if there is none."""
        if self._last is None or self._last[0] < at:
            return None
        counters = (*self._counters.values(), *self._rechecks.values())
        return min(first for counter in counters if (first := counter.first_from(at)) is not None)

    def runs(self, check: str) -> list[Run]:
        """Return the runs from which an equal timeline can be built, in chronological order.

        They have no reasons or latencies, which a timeline does not store.
        """
        kinds = ((False, self._counters), (True, self._rechecks))
        rows = sorted(
            (*counter_run, outcome, recheck)
            for recheck, counters in kinds
            for outcome, counter in counters.items()
            for counter_run in counter.runs()
        )
        return [
            Run(check, outcome, "", first, last, count, self._hold_at(first), recheck=recheck)
            for first, last, count, outcome, recheck in rows
        ]

    def _new_counter(self) -> ExactCounter | RunCounter:
        return ExactCounter() if self.exact else RunCounter()

    def _counter(self, outcome: Outcome, *, recheck: bool) -> ExactCounter | RunCounter:
        """Return the counter of these observations. Counters of re-checks are created when they are first used."""
        if not recheck:
            return self._counters[outcome]
        return self._rechecks.setdefault(outcome, self._new_counter())

    def _hold_at(self, at: int) -> int:
        """Return the hold of the observation at the instant."""
        return self._holds[bisect_right(self._holds, (at, sys.maxsize)) - 1][1]

    @property
    def last_at(self) -> int | None:
        """The instant of the last observation. None without observations."""
        return None if self._last is None else self._last[0]

    @property
    def final_until(self) -> int | None:
        """The instant before which no later observation can change a state. None without observations.

        This is the last known observation, or the last observation if none is known (all earlier time is unknown).
        """
        return self.last_at if self.last_known is None else self.last_known[0]

    @property
    def last_known_at(self) -> int | None:
        """The instant of the last known observation. None without known observations."""
        return None if self.last_known is None else self.last_known[0]

    @property
    def expires_at(self) -> int | None:
        """The instant at which the hold of the last known observation ends. None without known observations."""
        return None if self.last_known is None else self.last_known[0] + self._last_known_hold

    @property
    def first_observation_at(self) -> int | None:
        """The instant of the first observation with any outcome. None without observations."""
        return self._first_observation_at

    def _check_order_and_store_hold(self, first: int, last: int, hold: int) -> bool:
        """Check the order, store the hold, and return whether the previous observation has the same hold."""
        if self._last is not None and first <= self._last[0]:
            raise ValueError(f"observations must be appended in order: {first} is not later than {self._last[0]}")
        if last < first:
            raise ValueError(f"a run ends before it begins: {first} > {last}")
        if self._first_observation_at is None:
            self._first_observation_at = first
        has_same_hold = bool(self._holds) and self._holds[-1][1] == hold
        if not has_same_hold:
            self._holds.append((first, hold))
        return has_same_hold

    def _add_states(self, first: int, last: int, outcome: Outcome, hold: int) -> None:
        """Append the states up to `last`: first the gap (measurement.md, section 2), then the run.

        The gap has the hold of the observation before the gap.
        """
        if outcome is Outcome.UNKNOWN:
            return
        if self._state_sums is None or self.last_known is None:
            self._state_sums = StateSums(first)
        else:
            before, last_outcome = self.last_known
            if first - before > self._last_known_hold:
                self._state_sums.append(first, State.UNKNOWN)
            elif last_outcome is not outcome:
                self._state_sums.append((before + first) // 2, _DOUBT_STATES[last_outcome])
                self._state_sums.append(first, _DOUBT_STATES[outcome])
        self._state_sums.append(last, _CERTAIN[outcome])
        self.last_known, self._last_known_hold = (last, outcome), hold

    def _extend_final_part(self) -> StateSums | None:
        return self._state_sums

    def _pieces_after_final_part(self, window: Interval) -> Iterator[Piece]:
        """Yield the time after the last known observation: in doubt until its hold ends, then unknown."""
        doubt_ends = window.start
        if self.last_known is not None:
            doubt_ends = min(self.last_known[0] + self._last_known_hold, window.end)
            if doubt_ends > window.start:
                yield Piece(window.start, doubt_ends, _DOUBT_STATES[self.last_known[1]])
        start = max(doubt_ends, window.start)
        if start < window.end:
            yield Piece(start, window.end, State.UNKNOWN)
