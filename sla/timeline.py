"""The states of one check at one vantage over time: up, down, in doubt or unknown.

measurement.md, section 2. The contract gives the time (t, u] between two observations one state; here the same piece is
written [t, u), half open like every interval of ours. The two differ in single instants, never in a duration.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import TYPE_CHECKING

from sla.observation import PRECEDENCE, Observation, Outcome, Run
from sla.observation_counts import Counts, ExactCounter, FoldedCounter
from sla.state_history import History
from sla.state_sums import StateSums
from sla.states import Durations, Piece, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.interval import Interval

__all__ = ["Counts", "Durations", "History", "Piece", "State", "StateSums", "Timeline"]

# The state between two neighbours that agree, and the point state on the side of either where they differ.
_SURE = {Outcome.GOOD: State.UP, Outcome.BAD: State.DOWN}
_DOUBT = {Outcome.GOOD: State.DOUBT_UP, Outcome.BAD: State.DOUBT_DOWN}


class Timeline(History):
    """The observations of one check at one vantage as states over time; append-only.

    `hold` (microseconds) is how far apart two neighbouring observations may lie and still bound what was between them.
    Setting it affects what is appended from then on: the gap after an observation has that observation's hold. With
    `exact` every instant is kept (8 bytes an observation) and `counts` is exact for any window; without it equal
    neighbours are folded, and a window's edge that cuts a fold counts its observations as evenly spaced. Durations are
    exact either way.
    """

    __slots__ = ("_begins", "_counters", "_holds", "_last", "_reach", "_state_sums", "exact", "hold", "last_known")

    def __init__(self, hold: int, *, exact: bool = False) -> None:
        if hold < 0:
            raise ValueError(f"hold is a duration, 0 or more: {hold}")
        self.hold = hold
        self.exact = exact
        self.last_known: tuple[int, Outcome] | None = None
        self._reach = hold  # the hold of the last known observation
        self._begins: int | None = None
        self._holds: list[tuple[int, int]] = []  # from which instant on observations had which hold
        self._last: tuple[int, Outcome] | None = None
        self._state_sums: StateSums | None = None
        self._counters = {o: ExactCounter() if exact else FoldedCounter() for o in Outcome}

    @classmethod
    def of(cls, observations: Iterable[Observation], hold: int, *, exact: bool = True) -> Timeline:
        """Return the timeline of observations in any order; of several at one instant the worst stands."""
        return cls.of_pairs(((o.at, o.outcome) for o in observations), hold, exact=exact)

    @classmethod
    def of_pairs(cls, seen: Iterable[tuple[int, Outcome]], hold: int, *, exact: bool = True) -> Timeline:
        """Return the timeline of `(at, outcome)` in any order; of several at one instant the worst stands."""
        timeline = cls(hold, exact=exact)
        # Sorted so that of equal instants the one that stands comes last, and replaces the others.
        standing = dict(sorted(seen, key=lambda pair: (pair[0], PRECEDENCE[pair[1]])))
        for at, outcome in standing.items():
            timeline.append(at, outcome)
        return timeline

    def append(self, at: int, outcome: Outcome, *, continues: bool | None = None) -> None:
        """Add one observation in O(1).

        `continues` says whether it is folded into the run of the last one, which was of the same outcome; by default it
        is if it came within the hold. Durations do not depend on it.

        Raises:
            ValueError: it is not later than the last one, known or unknown.
        """
        same_hold = self._arrive(at, at, self.hold)
        if continues is None:
            continues = self._last is not None and self._last[1] is outcome and at - self._last[0] <= self.hold
            continues = continues and same_hold
        self._counters[outcome].add(at, continues=continues)
        self._last = (at, outcome)
        self._know(at, at, outcome, self.hold)

    def append_run(self, run: Run) -> None:
        """Add a run of equal observations in O(1) (O(count) when exact), judged by the run's own hold.

        Raises:
            ValueError: it does not begin later than the last observation, or it ends before it begins.
        """
        self._arrive(run.first, run.last, run.hold)
        self._counters[run.outcome].add_run(run.first, run.last, run.count)
        self._last = (run.last, run.outcome)
        self._know(run.first, run.last, run.outcome, run.hold)

    def counts(self, window: Interval) -> Counts:
        """Return how many observations were sent within the window."""
        return Counts(*[counter.within(window) for counter in self._counters.values()])

    @property
    def totals(self) -> Counts:
        """How many observations there are in all, in O(1)."""
        good, bad, unknown = self._counters.values()
        return Counts(good.count, bad.count, unknown.count)

    def observed_from(self, at: int) -> int | None:
        """Return the instant of the first observation, known or unknown, at or after `at`; None if there is none."""
        if self._last is None or self._last[0] < at:
            return None
        return min(found for counter in self._counters.values() if (found := counter.first_from(at)) is not None)

    def runs(self, check: str) -> list[Run]:
        """Return runs, in order of time, from which a timeline with the same states and counts can be built.

        They are those that were appended, but for what is not kept: reasons and latencies.
        """
        folds = sorted((*fold, outcome) for outcome, counter in self._counters.items() for fold in counter.folds())
        return [
            Run(check, outcome, "", first, last, count, self._hold_at(first)) for first, last, count, outcome in folds
        ]

    def _hold_at(self, at: int) -> int:
        """Return the hold that the observation at the instant was made with."""
        return self._holds[bisect_right(self._holds, (at, sys.maxsize)) - 1][1]

    @property
    def last_at(self) -> int | None:
        """The instant of the last observation, known or unknown."""
        return None if self._last is None else self._last[0]

    @property
    def settled(self) -> int | None:
        """The instant before which no later observation can change a state; None while nothing was observed.

        Before the first known observation all is unknown, whatever comes; after that, the last known one bounds it.
        """
        return self.last_at if self.last_known is None else self.last_known[0]

    @property
    def last_known_at(self) -> int | None:
        """The instant of the last known observation; None when nothing was ever known."""
        return None if self.last_known is None else self.last_known[0]

    @property
    def expires(self) -> int | None:
        """The instant at which the last known observation stops to hold; None when nothing was ever known."""
        return None if self.last_known is None else self.last_known[0] + self._reach

    @property
    def begins(self) -> int | None:
        """The instant of the first observation, known or unknown; None before there is one."""
        return self._begins

    def _arrive(self, first: int, last: int, hold: int) -> bool:
        """Check the order, note the hold, and return whether it is that of the observation before."""
        if self._last is not None and first <= self._last[0]:
            raise ValueError(f"observations are appended in order: {first} is not later than {self._last[0]}")
        if last < first:
            raise ValueError(f"a run ends before it begins: {first} > {last}")
        if self._begins is None:
            self._begins = first
        same = bool(self._holds) and self._holds[-1][1] == hold
        if not same:
            self._holds.append((first, hold))
        return same

    def _know(self, first: int, last: int, outcome: Outcome, hold: int) -> None:
        """Write down the states up to `last`: the table of section 2 for the gap, then the run itself.

        The hold of the gap is that of the observation before it.
        """
        if outcome is Outcome.UNKNOWN:
            return
        if self._state_sums is None or self.last_known is None:
            self._state_sums = StateSums(first)
        else:
            before, last_outcome = self.last_known
            if first - before > self._reach:
                self._state_sums.append(first, State.UNKNOWN)
            elif last_outcome is outcome:
                self._state_sums.append(first, _SURE[outcome])
            else:
                self._state_sums.append((before + first) // 2, _DOUBT[last_outcome])
                self._state_sums.append(first, _DOUBT[outcome])
        self._state_sums.append(last, _SURE[outcome])
        self.last_known, self._reach = (last, outcome), hold

    def _settle(self) -> StateSums | None:
        return self._state_sums

    def _unsettled(self, window: Interval) -> Iterator[Piece]:
        """Yield the open end: doubt for as long as the last known outcome holds, then unknown."""
        doubt_ends = window.start
        if self.last_known is not None:
            doubt_ends = min(self.last_known[0] + self._reach, window.end)
            if doubt_ends > window.start:
                yield Piece(window.start, doubt_ends, _DOUBT[self.last_known[1]])
        start = max(doubt_ends, window.start)
        if start < window.end:
            yield Piece(start, window.end, State.UNKNOWN)
