"""Several checks make a product, several vantages make a check: at least k of n up, instant by instant.

measurement.md, section 3.
"""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from sla.interval import HOUR, Interval
from sla.tally import Counts
from sla.track import History, Piece, State, Track

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_Change = tuple[int, int, State]  # when, which member, and what it is from then on
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


def decide(tally: Sequence[int], k: int) -> State:
    """Return the state of the whole from how many members are in each State.

    Up if k are up; down if fewer than k are not down; else unknown if an undecided member is unknown, else doubt, whose
    point state applies the rule to the members' point states.
    """
    up = tally[State.UP]
    if up >= k:
        return State.UP
    if sum(tally) - tally[State.DOWN] < k:
        return State.DOWN
    if tally[State.UNKNOWN]:
        return State.UNKNOWN
    return State.DOUBT_UP if up + tally[State.DOUBT_UP] >= k else State.DOUBT_DOWN


class Composition(History):
    """The history of a whole of which at least k of n members must be up; members may be compositions themselves.

    What no later observation can change (up to the earliest member's last known observation) is composed once and kept
    with prefix sums; a query extends that, and sweeps only the open end. Members only ever grow; another set of members
    is another composition.

    Raises:
        ValueError: there are fewer members than the rule needs.
    """

    __slots__ = ("_k", "_track", "members", "rule")

    def __init__(self, rule: Rule, members: Sequence[History]) -> None:
        self.rule = rule
        self.members = tuple(members)
        self._k = rule.needed(len(self.members))
        self._track: Track | None = None

    @property
    def settled(self) -> int | None:
        """The instant before which nothing can change any more: the earliest of the members'."""
        ends = [m.settled for m in self.members]
        known = [e for e in ends if e is not None]
        return min(known) if len(known) == len(ends) else None

    def counts(self, window: Interval) -> Counts:
        """Return the observations of all members together that were sent within the window."""
        total = Counts()
        for member in self.members:
            total = total.plus(member.counts(window))
        return total

    def settle(self) -> None:
        """Compose now what can be composed for good, so that the next query need not: after loading a long record."""
        self._settle()

    def _settle(self) -> Track | None:
        upto = self.settled
        if upto is None:
            return self._track
        if self._track is None:
            starts = [s for m in self.members if (s := m.first) is not None and s < upto]
            if not starts:
                return None
            self._track = Track(min(starts))
        if upto > self._track.end:
            for piece in self._unsettled(Interval(self._track.end, upto)):
                self._track.append(piece.end, piece.state)
        return self._track

    def _unsettled(self, window: Interval) -> Iterator[Piece]:
        """Yield the whole's states in the window by walking over every member's changes at once."""
        if not window.length:
            return
        walks = [member.pieces(window) for member in self.members]
        first = [next(walk) for walk in walks]
        held = [piece.state for piece in first]
        tally = [0] * len(State)
        for state in held:
            tally[state] += 1
        start = window.start
        if any(piece.end < window.end for piece in first):  # mostly nothing changes, between two looks at least
            changes = _in_order([_changes(walk, index) for index, walk in enumerate(walks)], window)
            for instant, together in groupby(changes, itemgetter(0)):
                yield Piece(start, instant, decide(tally, self._k))
                start = instant
                for _, index, state in together:
                    tally[held[index]] -= 1
                    tally[state] += 1
                    held[index] = state
        yield Piece(start, window.end, decide(tally, self._k))


def _in_order(walks: Sequence[Iterator[_Change]], window: Interval) -> Iterable[_Change]:
    """Return the changes of all walks by time: sorted at once where that is little to hold, which is twice as fast."""
    return sorted(chain.from_iterable(walks)) if window.length <= HOUR else heapq.merge(*walks)


def _changes(walk: Iterator[Piece], index: int) -> Iterator[_Change]:
    for piece in walk:
        yield piece.start, index, piece.state
