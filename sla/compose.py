"""Compose checks into products and vantages into checks: at least k of n up at each instant.

measurement.md, section 3.
"""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar

from sla.interval import DAY, HOUR, Interval
from sla.observation_counts import Counts
from sla.state_history import History
from sla.state_sums import StateSums
from sla.states import Piece, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_Change = tuple[int, int, int]  # when, which member, and what it is from then on
_AT_LEAST = re.compile(r"(?:at[_ ]least )?(\d+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """How many members must be up for the whole to be up; `k` None means all of them.

    Raises:
        ValueError: k is below 1.
    """

    k: int | None = None

    def __post_init__(self) -> None:
        if self.k is not None and self.k < 1:
            raise ValueError(f"at least {self.k} of the members up is always true; write all, any, or a number from 1")

    @classmethod
    def parse(cls, text: str | int) -> Rule:
        """Return the rule that a person wrote: `all`, `any`, `at_least 2` or 2.

        Raises:
            ValueError: it is none of these.
        """
        written = str(text).strip().lower()
        if written in _NAMED:
            return _NAMED[written]
        if not (number := _AT_LEAST.fullmatch(written)):
            raise ValueError(f'"{text}" is not a rule; write all, any, or at_least 2')
        return cls(int(number[1]))

    def needed(self, members: int) -> int:
        """Return how many of so many members must be up.

        Raises:
            ValueError: there are no members, or fewer than the rule needs.
        """
        if members < (self.k or 1):
            raise ValueError(f"the rule {self} needs {self.k or 1} or more members, there are {members}")
        return members if self.k is None else self.k

    def __str__(self) -> str:
        return {None: "all", 1: "any"}.get(self.k, f"at_least {self.k}")


_NAMED = {"all": Rule(None), "any": Rule(1)}
_UP, _DOWN = State.UP, State.DOWN  # asked of once a change: an attribute of an enumeration takes ten times as long


def decide(by_state: Sequence[int], k: int) -> State:
    """Return the state of the whole from how many members are in each State.

    Up if k are up; down if fewer than k are not down; else unknown if an undecided member is unknown, else doubt, whose
    point state applies the rule to the members' point states.
    """
    unknown, up, down, doubt_up, _, guess_up, guess_down = by_state
    if up >= k:
        return _UP
    if sum(by_state) - down < k:
        return _DOWN
    if unknown or guess_up or guess_down:
        return _guess(by_state, k)
    return State.DOUBT_UP if up + doubt_up >= k else State.DOUBT_DOWN


def _guess(by_state: Sequence[int], k: int) -> State:
    """Return the guess of an unknown whole, UNKNOWN where there is none (measurement.md, section 3).

    Of n members m are known or have a guess. The rule is scaled down to them, once rounded down and once up; where both
    give the same state for their point states and guesses, that is the guess.
    """
    n = sum(by_state)
    m = n - by_state[State.UNKNOWN]
    up = by_state[State.UP] + by_state[State.DOUBT_UP] + by_state[State.GUESS_UP]
    if m and up >= -(-k * m // n):
        return State.GUESS_UP
    return State.GUESS_DOWN if m and up < max(1, k * m // n) else State.UNKNOWN


class Composition(History):
    """The history of a whole of which at least k of n members must be up; members may be compositions themselves.

    It is composed once, as far as the last observation of any member holds, and kept with prefix sums; beyond that all
    is unknown. When members were observed since, it is composed again from where their states may differ. Members only
    ever grow; another set of members is another composition.

    With `joining`, a member counts from its first observation on, and a rule that needs more members than count at an
    instant needs all of those (measurement.md, section 3, a log without definitions).

    Raises:
        ValueError: there are fewer members than the rule needs.
    """

    __slots__ = (
        "_ends",
        "_expiries",
        "_joining",
        "_k",
        "_leaves",
        "_revision",
        "_state_sums",
        "_steady",
        "members",
        "rule",
    )

    RECENT: ClassVar[int] = DAY  # before the newest observation, microseconds: what `revision` does not count

    def __init__(self, rule: Rule, members: Sequence[History], *, joining: bool = False) -> None:
        self.rule = rule
        self.members = tuple(members)
        self._k = rule.needed(len(self.members))
        self._joining = joining
        self._leaves = tuple(dict.fromkeys(leaf for member in self.members for leaf in member.leaves))
        # What the sums are composed of: how far each leaf was settled, and when its last observation expires.
        self._ends: list[int | None] = [None] * len(self._leaves)
        self._expiries: list[int | None] = [None] * len(self._leaves)
        self._steady: int | None = None
        self._state_sums: StateSums | None = None
        self._revision = 0

    @property
    def settled(self) -> int | None:
        """The instant before which nothing can change any more: the earliest of the members'."""
        ends = [m.settled for m in self.members]
        known = [e for e in ends if e is not None]
        return min(known) if len(known) == len(ends) else None

    @property
    def steady(self) -> int | None:
        """The instant before which nothing changes unless a member that was silent for long is observed again.

        A member is silent when its last observation had expired before the last one of another member was made.
        """
        self._settle()
        return self._steady

    @property
    def revision(self) -> int:
        """A number that rises when states change that lie more than `RECENT` before the newest observation.

        It also rises when that is the first observation for so long.
        """
        self._settle()
        return self._revision

    @property
    def expires(self) -> int | None:
        """The latest of the members': from then on all of them are unknown."""
        return max((end for m in self.members if (end := m.expires) is not None), default=None)

    @property
    def begins(self) -> int | None:
        """The earliest of the members'."""
        return min((at for m in self.members if (at := m.begins) is not None), default=None)

    @property
    def leaves(self) -> tuple[History, ...]:
        """What its members are composed of in the end, each once."""
        return self._leaves

    def counts(self, window: Interval) -> Counts:
        """Return the observations of all members together that were sent within the window."""
        return self.counts_in([window])

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        """Return the observations of all members together that were sent within the parts."""
        good = bad = unknown = 0
        for member in self.members:
            counted = member.counts_in(parts)
            good, bad, unknown = good + counted[0], bad + counted[1], unknown + counted[2]
        return Counts(good, bad, unknown)

    def settle(self) -> None:
        """Compose now what can be composed, so that the next query need not: after loading a long record."""
        self._settle()

    def _settle(self) -> StateSums | None:
        ends = [leaf.settled for leaf in self._leaves]
        if ends != self._ends:  # which every observation that can change a state moves
            self._compose(ends)
        return self._state_sums

    def _compose(self, ends: list[int | None]) -> None:
        expiries = [leaf.expires for leaf in self._leaves]
        self._cut_back(ends)
        end = max((at for at in expiries if at is not None), default=None)
        if end is not None:
            if self._state_sums is None:
                first = min(at for leaf in self._leaves if (at := leaf.first) is not None)
                self._state_sums = StateSums(first, guesses=True)
            for piece in self._sweep(Interval(self._state_sums.end, end)):
                self._state_sums.append(piece.end, piece.state)
        self._ends, self._expiries = ends, expiries
        self._steady = _steady(ends, expiries)

    def _cut_back(self, ends: Sequence[int | None]) -> None:
        """Drop what was composed before leaves were observed anew, from where their states may differ."""
        if (settled := self._state_sums) is None:
            return
        cut, doubts = settled.end, list[Interval]()
        for leaf, before, now, expiry in zip(self._leaves, self._ends, ends, self._expiries, strict=True):
            if now != before:
                changed, expired = _changed(leaf, before, expiry, now)
                cut = min(cut, settled.end if changed is None else changed)
                doubts += expired
        newest, before = (max((at for at in each if at is not None), default=cut) for each in (ends, self._ends))
        self._revision += min([cut, before, *(doubt.start for doubt in doubts)]) < newest - self.RECENT
        if cut < settled.start:
            self._state_sums = None
            return
        settled.truncate(cut)
        for doubt in doubts:
            if doubt.start < cut and (pieces := list(self._sweep(Interval(doubt.start, min(doubt.end, cut))))):
                settled.replace(pieces)

    def _unsettled(self, window: Interval) -> Iterator[Piece]:
        """Yield nothing but unknown time: no observation of any member holds there."""
        if window.length:
            yield Piece(window.start, window.end, State.UNKNOWN)

    def _sweep(self, window: Interval) -> Iterator[Piece]:
        """Yield the whole's states in the window by walking over every member's changes at once."""
        if not window.length:
            return
        walks, decided = [self._walk(member, window) for member in self.members], self._decided()
        first = [next(walk) for walk in walks]
        held = [piece[2] for piece in first]
        by_state = [0] * (len(State) + self._joining)  # the last one counts members that do not count yet
        for state in held:
            by_state[state] += 1
        start = window.start
        if any(piece[1] < window.end for piece in first):  # mostly nothing changes, between two looks at least
            changes = _in_order([_changes(walk, index) for index, walk in enumerate(walks)], window)
            for instant, together in groupby(changes, itemgetter(0)):
                yield Piece(start, instant, decided(by_state))
                start = instant
                for _, index, state in together:
                    by_state[held[index]] -= 1
                    by_state[state] += 1
                    held[index] = state
        yield Piece(start, window.end, decided(by_state))

    def _walk(self, member: History, window: Interval) -> Iterator[tuple[int, int, int]]:
        return _joined(member, window) if self._joining else member.pieces(window)

    def _decided(self) -> Callable[[Sequence[int]], State]:
        """Return the function of how many members are in each State that gives the state of the whole."""
        if self._joining:
            return self._decide_joined
        needed = self._k
        return lambda by_state: decide(by_state, needed)

    def _decide_joined(self, by_state: Sequence[int]) -> State:
        counting = by_state[:_ABSENT]
        members = sum(counting)
        needed = members if self.rule.k is None else min(self._k, members)
        return decide(counting, needed) if members else State.UNKNOWN


def _steady(ends: Sequence[int | None], expiries: Sequence[int | None]) -> int | None:
    """Return the earliest end of the leaves that are not silent; None of no observations."""
    known = [(end, expiry) for end, expiry in zip(ends, expiries, strict=True) if end is not None]
    newest = max((end for end, _ in known), default=None)
    return min((end for end, expiry in known if (expiry or end) >= (newest or end)), default=None)


def _changed(
    leaf: History, before: int | None, expiry: int | None, now: int | None
) -> tuple[int | None, list[Interval]]:
    """Return from where a leaf that was observed again has other states, None if it has not, and where else.

    It was settled up to `before` and is now up to `now`; its last known observation then expired at `expiry`. If the
    next one came later, only the doubt up to the expiry became unknown, and all in between was unknown already.
    """
    if before is None:
        return leaf.begins, []
    if expiry is None:  # nothing was known of it
        return leaf.first, []
    if now is None or now <= expiry:
        return before, []
    gap = next(leaf.pieces(Interval(before, now + 1)))
    return (gap.end, [Interval(before, expiry)]) if gap.state is State.UNKNOWN else (before, [])


_ABSENT = len(State)  # in place of a State: a member that does not count yet


def _joined(member: History, window: Interval) -> Iterator[tuple[int, int, int]]:
    """Yield the member's pieces within the window, absent before its first observation."""
    begins = member.begins
    start = window.end if begins is None else min(max(begins, window.start), window.end)
    if start > window.start:
        yield window.start, start, _ABSENT
    if start < window.end:
        yield from member.pieces(Interval(start, window.end))


def _in_order(walks: Sequence[Iterator[_Change]], window: Interval) -> Iterable[_Change]:
    """Return the changes of all walks by time: sorted at once where that is little to hold, which is twice as fast."""
    return sorted(chain.from_iterable(walks)) if window.length <= HOUR else heapq.merge(*walks)


def _changes(walk: Iterator[tuple[int, int, int]], index: int) -> Iterator[_Change]:
    for start, _, state in walk:
        yield start, index, state
