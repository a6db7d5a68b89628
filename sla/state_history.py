"""States over time: how long each state lasts in any window, in O(log n) by prefix sums."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from sla.interval import Interval
from sla.observation_counts import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sla.objective import Objective


class State(IntEnum):
    """What is known of one instant. Doubt carries the state that the point estimate gives it.

    A guess is unknown time of a whole of which the known members still indicate a state (measurement.md, section 3): it
    is unknown in every respect but the point estimate.
    """

    UNKNOWN = 0
    UP = 1
    DOWN = 2
    DOUBT_UP = 3
    DOUBT_DOWN = 4
    GUESS_UP = 5
    GUESS_DOWN = 6

    @property
    def point(self) -> State:
        """The point state: UP, DOWN or UNKNOWN."""
        return _POINT[self]

    @property
    def estimate(self) -> State:
        """The point state, or the guess where there is one: UP, DOWN or UNKNOWN."""
        return _ESTIMATE[self]

    @property
    def is_guess(self) -> bool:
        """Whether the whole is unknown, and its known members indicate a state."""
        return self >= State.GUESS_UP

    @property
    def is_doubt(self) -> bool:
        """Whether the one change between two differing observations may lie on either side of this instant."""
        return self in (State.DOUBT_UP, State.DOUBT_DOWN)


_STATES = tuple(State)
_POINT = (State.UNKNOWN, State.UP, State.DOWN, State.UP, State.DOWN, State.UNKNOWN, State.UNKNOWN)
_ESTIMATE = (State.UNKNOWN, State.UP, State.DOWN, State.UP, State.DOWN, State.UP, State.DOWN)
_KNOWN, _GUESSES = 4, 2  # states that are known, and guesses


class Piece(NamedTuple):
    """The instants t with start <= t < end, microseconds, that share one state."""

    start: int
    end: int
    state: State


class Durations(NamedTuple):
    """How long each state lasted, microseconds. Doubt is split by its point estimate.

    `guessed_up` and `guessed_down` are parts of `unknown`.
    """

    up: int = 0
    down: int = 0
    doubt_up: int = 0
    doubt_down: int = 0
    unknown: int = 0
    guessed_up: int = 0
    guessed_down: int = 0

    @property
    def total(self) -> int:
        """The whole time."""
        return self.up + self.down + self.doubt_up + self.doubt_down + self.unknown

    @property
    def doubt(self) -> int:
        """Time between two observations that differ: up or down."""
        return self.doubt_up + self.doubt_down

    @property
    def known(self) -> int:
        """Up, down or in doubt: what coverage counts."""
        return self.total - self.unknown

    def plus(self, other: Durations) -> Durations:
        """Return the sum. (`+` of tuples concatenates.)"""
        return Durations(*map(int.__add__, self, other))

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Durations:
        """Return how long each state lasts in the pieces."""
        sums = [0] * len(State)
        for start, end, state in pieces:
            sums[state] += end - start
        return cls.of_sums(sums)

    @classmethod
    def of_sums(cls, sums: Sequence[int]) -> Durations:
        """Return the durations from how long each State lasted, by its number."""
        unknown, up, down, doubt_up, doubt_down, guessed_up, guessed_down = sums
        return cls(up, down, doubt_up, doubt_down, unknown + guessed_up + guessed_down, guessed_up, guessed_down)


class StateSums:
    """States from `start` to `end` without a gap, with the prefix sums of their durations.

    Each piece takes one start, one state and four sums in flat arrays: 41 bytes, where a tuple of objects takes 300.
    With `guesses` it also stores guesses, and two more sums.
    """

    __slots__ = ("_columns", "_last", "_starts", "_states", "_sums", "end", "start")

    def __init__(self, start: int, *, guesses: bool = False) -> None:
        self.start = start
        self.end = start
        self._columns = _KNOWN + _GUESSES * guesses
        self._starts = array("q")
        self._states = bytearray()
        self._sums = array("q")  # per piece: up, down, doubt_up, doubt_down (guess_up, guess_down) before it begins
        self._last = array("q", (0,) * self._columns)  # those of the last piece

    def __len__(self) -> int:
        """Return the number of pieces; equal neighbours are one."""
        return len(self._starts)

    def append(self, end: int, state: State) -> None:
        """Append the state of the time from the present end up to `end`; without time nothing changes.

        Raises:
            ValueError: `end` lies before the present end.
        """
        states, present = self._states, self.end
        if end <= present:
            if end < present:
                raise ValueError(f"states are appended in order: {end} < {present}")
            return
        if not states or states[-1] != state:
            if states and (before := states[-1]):
                self._last[before - 1] += present - self._starts[-1]
            self._sums.extend(self._last)
            self._starts.append(present)
            states.append(state)
        self.end = end

    def truncate(self, end: int) -> None:
        """Drop all time from the instant on, which must be inside [start, end]."""
        keep = bisect_left(self._starts, end)
        del self._starts[keep:], self._states[keep:], self._sums[self._columns * keep :]
        self._last = self._sums[-self._columns :] or array("q", (0,) * self._columns)
        self.end = end

    def replace(self, pieces: Sequence[Piece]) -> None:
        """Replace the states of the pieces, which follow each other without a gap inside [start, end].

        Corrects the sums of all later pieces, in a fraction of the time of composing them again.
        """
        end, until = self.end, pieces[-1].end
        later = bisect_right(self._starts, until)
        state = _STATES[self._states[later - 1]]  # of the rest of the piece that `until` lies in
        starts, states, sums = self._starts[later:], self._states[later:], self._sums[self._columns * later :]
        self.truncate(pieces[0].start)
        for piece in pieces:
            self.append(piece.end, piece.state)
        self.append(starts[0] if starts else end, state)
        if starts:
            self._add_difference(sums)
        self._starts += starts
        self._states += states
        self._sums += sums
        self._last = self._sums[-self._columns :]
        self.end = end

    def _add_difference(self, sums: array[int]) -> None:
        """Add to the sums of later pieces the difference between the sums at the present end and their first."""
        reached = self._sums_within(len(self._starts) - 1, self.end)
        for column, (now, before) in enumerate(zip(reached, sums, strict=False)):
            if now != before:
                each = slice(column, None, self._columns)
                sums[each] = array("q", map((now - before).__add__, sums[each]))

    def holds(self, window: Interval) -> bool:
        """Return whether the window lies inside [start, end]."""
        return self.start <= window.start and window.end <= self.end

    def durations(self, window: Interval) -> Durations:
        """Return how long each state lasts within a window inside [start, end]."""
        upto, before = self._before(window.end), self._before(window.start)
        up, down, doubt_up, doubt_down, *guessed = map(int.__sub__, upto, before)
        return Durations(up, down, doubt_up, doubt_down, window.length - up - down - doubt_up - doubt_down, *guessed)

    def durations_in(self, parts: Sequence[Interval]) -> Durations:
        """Return how long each state lasts within the parts together, disjoint and each inside [start, end]."""
        sums, length = [0] * (_KNOWN + _GUESSES), 0
        for part in parts:
            upto, before = self._before(part.end), self._before(part.start)
            for column in range(self._columns):
                sums[column] += upto[column] - before[column]
            length += part.end - part.start
        up, down, doubt_up, doubt_down, *guessed = sums
        return Durations(up, down, doubt_up, doubt_down, length - up - down - doubt_up - doubt_down, *guessed)

    def pieces(self, window: Interval) -> Iterator[Piece]:
        """Yield the pieces of a window inside [start, end], cut at its edges."""
        start = window.start
        index = bisect_right(self._starts, start) - 1
        while start < window.end:
            last = index + 1 == len(self._starts)
            end = window.end if last else min(self._starts[index + 1], window.end)
            yield Piece(start, end, _STATES[self._states[index]])
            start = end
            index += 1

    def began(self, instant: int) -> int:
        """Return the start of the piece that contains the instant, which must be inside [start, end]."""
        return self._starts[bisect_right(self._starts, instant) - 1]

    def _before(self, instant: int) -> array[int]:
        """Return the time in each state but unknown from `start` to the instant."""
        return self._sums_within(bisect_right(self._starts, instant) - 1, instant)

    def _sums_within(self, index: int, instant: int) -> array[int]:
        """Return the same by the index of the piece that contains or ends at the instant; -1 is before the first."""
        if index < 0:
            return array("q", (0,) * self._columns)
        sums = self._sums[self._columns * index : self._columns * (index + 1)]
        if state := self._states[index]:
            sums[state - 1] += instant - self._starts[index]
        return sums


class History(ABC):
    """The states of a check or a product over all time: a settled part with prefix sums, and an open end.

    The open end is computed per query. All time before the settled part is unknown. Timelines and compositions are both
    histories, so the same code measures products, checks and vantages.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def settled(self) -> int | None:
        """The instant before which nothing can change; None if all can."""

    @property
    def steady(self) -> int | None:
        """The instant before which nothing changes unless a member without recent observations is observed again."""
        return self.settled

    @property
    @abstractmethod
    def expires(self) -> int | None:
        """The instant from which all is unknown without another observation; None if nothing was ever known."""

    @property
    @abstractmethod
    def begins(self) -> int | None:
        """The instant of the first observation, known or unknown; None before there is one."""

    @property
    def last_known_at(self) -> int | None:
        """The instant of the last known observation; None when nothing was ever known."""
        return max((at for leaf in self.leaves if (at := leaf.last_known_at) is not None), default=None)

    @property
    def leaves(self) -> tuple[History, ...]:
        """The histories with observations of their own: this one, or recursively the members."""
        return (self,)

    @abstractmethod
    def counts(self, window: Interval) -> Counts:
        """Return how many observations were sent within the window."""

    @abstractmethod
    def _settle(self) -> StateSums | None:
        """Return the settled part, extended as far as possible; None if there is none yet."""

    @abstractmethod
    def _unsettled(self, window: Interval) -> Iterator[Piece]:
        """Yield the pieces of a window that begins at or after the settled part's end."""

    @property
    def first(self) -> int | None:
        """The instant before which all is unknown; None when nothing is settled yet."""
        settled = self._settle()
        return None if settled is None else settled.start

    def promises(self, window: Interval) -> Sequence[tuple[Interval, Objective]]:
        """Return the objectives that were defined for the parts of the window, in order; nothing where none were."""
        return ()

    def durations(self, window: Interval) -> Durations:
        """Return how long each state lasts within the window, in O(log n) for the settled part."""
        settled = self._settle()
        if settled is None:
            return Durations.of(self._unsettled(window))
        if settled.holds(window):
            return settled.durations(window)
        if window.end <= settled.start:
            return Durations(unknown=window.length)
        before, inside, after = _split(window, settled)
        sums = settled.durations(inside)
        if after.length:
            sums = sums.plus(Durations.of(self._unsettled(after)))
        return sums._replace(unknown=sums.unknown + before.length)

    def durations_in(self, parts: Sequence[Interval]) -> Durations:
        """Return how long each state lasts within the parts together, which are in order and disjoint."""
        settled = self._settle()
        if len(parts) > 1 and settled is not None and settled.holds(Interval(parts[0].start, parts[-1].end)):
            return settled.durations_in(parts)
        total = Durations()
        for part in parts:
            total = total.plus(self.durations(part))
        return total

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        """Return how many observations were sent within the parts together, which are in order and disjoint."""
        if len(parts) == 1:
            return self.counts(parts[0])
        counted = [self.counts(part) for part in parts]
        return Counts(*map(sum, zip(*counted, strict=True))) if counted else Counts()

    def pieces(self, window: Interval) -> Iterator[Piece]:
        """Yield the states of the window in order, without a gap, equal neighbours joined."""
        held: Piece | None = None
        for piece in self._raw_pieces(window):
            if held is None:
                held = piece
            elif held.state == piece.state:
                held = Piece(held.start, piece.end, held.state)
            else:
                yield held
                held = piece
        if held is not None:
            yield held

    def state(self, at: int) -> State:
        """Return the state of the one instant."""
        return next(self._raw_pieces(Interval(at, at + 1))).state

    def began(self, at: int) -> int:
        """Return the start of the state just before the instant; `at` itself if that is not settled."""
        settled, steady = self._settle(), self.steady
        return at if settled is None or steady is None or not settled.start < at <= steady else settled.began(at - 1)

    def _raw_pieces(self, window: Interval) -> Iterator[Piece]:
        settled = self._settle()
        if settled is None or window.start >= settled.end:
            return self._unsettled(window)
        return settled.pieces(window) if settled.holds(window) else self._across(window, settled)

    def _across(self, window: Interval, settled: StateSums) -> Iterator[Piece]:
        """Yield the pieces of a window that is partly outside the settled part."""
        start = min(max(window.start, settled.start), window.end)
        end = max(min(window.end, settled.end), start)
        if window.start < start:
            yield Piece(window.start, start, State.UNKNOWN)
        if start < end:
            yield from settled.pieces(Interval(start, end))
        if end < window.end:
            yield from self._unsettled(Interval(end, window.end))


def _split(window: Interval, settled: StateSums) -> tuple[Interval, Interval, Interval]:
    """Return the parts of the window before, inside and after the settled part; each may be empty."""
    start = min(max(window.start, settled.start), window.end)
    end = max(min(window.end, settled.end), start)
    return Interval(window.start, start), Interval(start, end), Interval(end, window.end)
