"""Combine the histories of checks (or vantages): up while at least k of n members are up. measurement.md, section 3."""

from __future__ import annotations

import heapq
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar

from sla.interval import DAY, HOUR, Interval
from sla.observation_counts import Counts
from sla.rule import decide
from sla.state_history import History
from sla.state_sums import StateSums
from sla.states import Piece, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sla.rule import Rule

_Change = tuple[int, int, int]  # (instant, index of the member, new state)


class Composition(History):
    """The history of a product that is up while at least k of n members are up. Members may be compositions.

    The states are computed up to the end of the last hold of any member and stored with prefix sums; later time is
    unknown. After new observations, they are computed again from the first instant that may have changed. Observations
    are only added to members. A new set of members needs a new composition.

    With `joining`, a member counts from its first observation on. If the rule needs more members than count at an
    instant, all of them must be up (measurement.md, section 3, a log without definitions).

    Raises:
        ValueError: there are fewer members than the rule needs.
    """

    __slots__ = (
        "_ends",
        "_expiries",
        "_joining",
        "_k",
        "_leaves",
        "_probably_final_until",
        "_revision",
        "_state_sums",
        "members",
        "rule",
    )

    # Changes within this time before the newest observation do not change `revision`; microseconds.
    RECENT: ClassVar[int] = DAY

    def __init__(self, rule: Rule, members: Sequence[History], *, joining: bool = False) -> None:
        self.rule = rule
        self.members = tuple(members)
        self._k = rule.needed(len(self.members))
        self._joining = joining
        self._leaves = tuple(dict.fromkeys(leaf for member in self.members for leaf in member.leaves))
        # Inputs of the sums: the end of each leaf's final part, and the end of the hold of its last observation.
        self._ends: list[int | None] = [None] * len(self._leaves)
        self._expiries: list[int | None] = [None] * len(self._leaves)
        self._probably_final_until: int | None = None
        self._state_sums: StateSums | None = None
        self._revision = 0

    @property
    def final_until(self) -> int | None:
        """The instant before which no state can change: the earliest one of the members."""
        ends = [m.final_until for m in self.members]
        known = [e for e in ends if e is not None]
        return min(known) if len(known) == len(ends) else None

    @property
    def probably_final_until(self) -> int | None:
        """The instant before which no state changes, unless a silent member is observed again.

        A member is silent if its last observation expired before the last observation of another member.
        """
        self._extend_final_part()
        return self._probably_final_until

    @property
    def revision(self) -> int:
        """A number that increases if states change that are older than `RECENT` before the newest observation.

        It also increases with the first observation after a pause of this length.
        """
        self._extend_final_part()
        return self._revision

    @property
    def expires_at(self) -> int | None:
        """The latest instant of all members. From this instant on, all members are unknown."""
        return max((end for m in self.members if (end := m.expires_at) is not None), default=None)

    @property
    def first_observation_at(self) -> int | None:
        """The earliest instant of all members."""
        return min((at for m in self.members if (at := m.first_observation_at) is not None), default=None)

    @property
    def leaves(self) -> tuple[History, ...]:
        """All direct and indirect members with observations, without duplicates."""
        return self._leaves

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations of all members within the window."""
        return self.counts_in([window])

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        """Return the number of observations of all members within the parts."""
        good = bad = unknown = 0
        for member in self.members:
            counted = member.counts_in(parts)
            good, bad, unknown = good + counted[0], bad + counted[1], unknown + counted[2]
        return Counts(good, bad, unknown)

    def precompute(self) -> None:
        """Compute the final part now, so that the next query is fast. Used after loading a long record."""
        self._extend_final_part()

    def _extend_final_part(self) -> StateSums | None:
        ends = [leaf.final_until for leaf in self._leaves]
        if ends != self._ends:  # every observation that can change a state changes the ends
            self._compose(ends)
        return self._state_sums

    def _compose(self, ends: list[int | None]) -> None:
        expiries = [leaf.expires_at for leaf in self._leaves]
        self._truncate_changed(ends)
        end = max((at for at in expiries if at is not None), default=None)
        if end is not None:
            if self._state_sums is None:
                first = min(at for leaf in self._leaves if (at := leaf.first) is not None)
                self._state_sums = StateSums(first, guesses=True)
            for piece in self._sweep(Interval(self._state_sums.end, end)):
                self._state_sums.append(piece.end, piece.state)
        self._ends, self._expiries = ends, expiries
        self._probably_final_until = _probably_final_until(ends, expiries)

    def _truncate_changed(self, ends: Sequence[int | None]) -> None:
        """Remove the states that new observations of the leaves may have changed."""
        if (final := self._state_sums) is None:
            return
        keep_until, doubts = final.end, list[Interval]()
        for leaf, before, now, expiry in zip(self._leaves, self._ends, ends, self._expiries, strict=True):
            if now != before:
                changed, expired = _changed(leaf, before, expiry, now)
                keep_until = min(keep_until, final.end if changed is None else changed)
                doubts += expired
        newest, before = (
            max((at for at in instants if at is not None), default=keep_until) for instants in (ends, self._ends)
        )
        self._revision += min([keep_until, before, *(doubt.start for doubt in doubts)]) < newest - self.RECENT
        if keep_until < final.start:
            self._state_sums = None
            return
        final.truncate(keep_until)
        for doubt in doubts:
            if doubt.start < keep_until and (
                pieces := list(self._sweep(Interval(doubt.start, min(doubt.end, keep_until))))
            ):
                final.replace(pieces)

    def _pieces_after_final_part(self, window: Interval) -> Iterator[Piece]:
        """Yield unknown time: no observation of any member is valid there."""
        if window.length:
            yield Piece(window.start, window.end, State.UNKNOWN)

    def _sweep(self, window: Interval) -> Iterator[Piece]:
        """Yield the product's states in the window by merging the changes of all members."""
        if not window.length:
            return
        iterators = [self._pieces_of(member, window) for member in self.members]
        decide_state = self._decision_function()
        first_pieces = [next(pieces) for pieces in iterators]
        states = [piece[2] for piece in first_pieces]
        by_state = [0] * (len(State) + self._joining)  # the last entry is the number of members that do not count yet
        for state in states:
            by_state[state] += 1
        start = window.start
        if any(piece[1] < window.end for piece in first_pieces):  # usually nothing has changed since the last query
            changes = _in_order([_changes(pieces, index) for index, pieces in enumerate(iterators)], window)
            for instant, simultaneous in groupby(changes, itemgetter(0)):
                yield Piece(start, instant, decide_state(by_state))
                start = instant
                for _, index, state in simultaneous:
                    by_state[states[index]] -= 1
                    by_state[state] += 1
                    states[index] = state
        yield Piece(start, window.end, decide_state(by_state))

    def _pieces_of(self, member: History, window: Interval) -> Iterator[tuple[int, int, int]]:
        return _joined(member, window) if self._joining else member.pieces(window)

    def _decision_function(self) -> Callable[[Sequence[int]], State]:
        """Return the function that computes the product's state from the number of members in each State."""
        if self._joining:
            return self._decide_with_joining
        needed = self._k
        return lambda by_state: decide(by_state, needed)

    def _decide_with_joining(self, by_state: Sequence[int]) -> State:
        counting = by_state[:_ABSENT]
        members = sum(counting)
        needed = members if self.rule.k is None else min(self._k, members)
        return decide(counting, needed) if members else State.UNKNOWN


def _probably_final_until(ends: Sequence[int | None], expiries: Sequence[int | None]) -> int | None:
    """Return the earliest end of the leaves that are not silent. None if there are no observations."""
    known = [(end, expiry) for end, expiry in zip(ends, expiries, strict=True) if end is not None]
    newest = max((end for end, _ in known), default=None)
    return min((end for end, expiry in known if (expiry or end) >= (newest or end)), default=None)


def _changed(
    leaf: History, before: int | None, expiry: int | None, now: int | None
) -> tuple[int | None, list[Interval]]:
    """Return the instant from which a leaf's states changed (None if they did not), and other changed intervals.

    The leaf was final until `before` and is now final until `now`. Its last known observation expired at `expiry`.
    If the next observation came later, only the doubt until the expiry became unknown; the time in between was unknown.
    """
    if before is None:
        return leaf.first_observation_at, []
    if expiry is None:  # the leaf had no known observation
        return leaf.first, []
    if now is None or now <= expiry:
        return before, []
    gap = next(leaf.pieces(Interval(before, now + 1)))
    return (gap.end, [Interval(before, expiry)]) if gap.state is State.UNKNOWN else (before, [])


_ABSENT = len(State)  # used instead of a State for a member that does not count yet


def _joined(member: History, window: Interval) -> Iterator[tuple[int, int, int]]:
    """Yield the member's pieces within the window. Before its first observation, the member is absent."""
    joined_at = member.first_observation_at
    start = window.end if joined_at is None else min(max(joined_at, window.start), window.end)
    if start > window.start:
        yield window.start, start, _ABSENT
    if start < window.end:
        yield from member.pieces(Interval(start, window.end))


def _in_order(iterators: Sequence[Iterator[_Change]], window: Interval) -> Iterable[_Change]:
    """Return the changes of all members by time. For short windows, sorting is twice as fast as merging."""
    return sorted(chain.from_iterable(iterators)) if window.length <= HOUR else heapq.merge(*iterators)


def _changes(pieces: Iterator[tuple[int, int, int]], index: int) -> Iterator[_Change]:
    for start, _, state in pieces:
        yield start, index, state
