"""The history from a log of state changes: each state lasts until the next change.

In such a log, unlike in a log of probes, the state between two rows is certain. Only the instant of a change is
uncertain, by the resolution of its timestamp: a change at 10:05:03 happened in the second from 10:05:03 on. This second
is in doubt, and the point estimate places the change in its middle.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sla.observation import Outcome
from sla.observation_counts import Counts, ExactCounter
from sla.state_history import History
from sla.state_sums import StateSums
from sla.states import Piece, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sla.interval import Interval

_CERTAIN_STATES = {Outcome.GOOD: State.UP, Outcome.BAD: State.DOWN, Outcome.UNKNOWN: State.UNKNOWN}
_DOUBT_STATES = {Outcome.GOOD: State.DOUBT_UP, Outcome.BAD: State.DOUBT_DOWN, Outcome.UNKNOWN: State.UNKNOWN}


class Change(NamedTuple):
    """A change to the state `outcome` at an instant t with at <= t < at + resolution, all in microseconds."""

    at: int
    outcome: Outcome
    resolution: int = 0


class ChangeHistory(History):
    """The states that result from changes in chronological order. Time before the first and after `until` is unknown.

    Of several changes at the same instant, the last one applies.

    Raises:
        ValueError: there is no change, the changes are not in order, or the last one is later than `until`.
    """

    __slots__ = ("_counters", "_state_sums")

    def __init__(self, changes: Sequence[Change], until: int) -> None:
        if not changes:
            raise ValueError("there is no change")
        self._counters = {outcome: ExactCounter() for outcome in Outcome}
        self._state_sums = StateSums(changes[0].at)
        before = Outcome.UNKNOWN
        for change, following in pairwise([*changes, Change(until, Outcome.UNKNOWN)]):
            self._counters[change.outcome].add(change.at, continues=False)
            self._append_states(before, change, following.at)
            before = change.outcome

    def _append_states(self, before: Outcome, change: Change, end: int) -> None:
        """Append the states from the change to the next change."""
        if end < change.at:
            raise ValueError(f"changes must be in order of time: {end} is before {change.at}")
        if change.outcome is not Outcome.UNKNOWN and change.outcome is not before:
            doubt_ends = min(change.at + change.resolution, end)
            if before is not Outcome.UNKNOWN:
                self._state_sums.append((change.at + doubt_ends) // 2, _DOUBT_STATES[before])
            self._state_sums.append(doubt_ends, _DOUBT_STATES[change.outcome])
        self._state_sums.append(end, _CERTAIN_STATES[change.outcome])

    def counts(self, window: Interval) -> Counts:
        """Return the number of changes to each outcome within the window."""
        return Counts(*(counter.within(window) for counter in self._counters.values()))

    @property
    def final_until(self) -> int:
        """The instant up to which the states are known. Later time stays unknown."""
        return self._state_sums.end

    @property
    def last_known_at(self) -> int:
        """The instant up to which the states are known."""
        return self._state_sums.end

    @property
    def expires_at(self) -> int:
        """The instant from which all time is unknown."""
        return self._state_sums.end

    @property
    def first_observation_at(self) -> int:
        """The instant of the first change."""
        return self._state_sums.start

    def _extend_final_part(self) -> StateSums | None:
        return self._state_sums

    def _pieces_after_final_part(self, window: Interval) -> Iterator[Piece]:
        if window.length:
            yield Piece(window.start, window.end, State.UNKNOWN)
