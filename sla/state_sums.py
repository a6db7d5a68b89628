"""States over time with prefix sums: O(1) to append, O(log n) for the durations in any window."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from operator import sub
from typing import TYPE_CHECKING

from sla.states import Durations, Piece, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sla.interval import Interval

_STATES = tuple(State)
_KNOWN, _GUESSES = 4, 2  # number of known states, number of guesses


class StateSums:
    """States from `start` to `end` without a gap, with the prefix sums of their durations.

    Flat arrays store one start, one state and four sums per piece: 41 bytes instead of 300 for objects. `guesses` adds
    two sums.
    """

    __slots__ = ("_columns", "_last", "_starts", "_states", "_sums", "end", "start")

    def __init__(self, start: int, *, guesses: bool = False) -> None:
        self.start = start
        self.end = start
        self._columns = _KNOWN + _GUESSES * guesses
        self._starts = array("q")
        self._states = bytearray()
        self._sums = array("q")  # per piece: up, down, doubt_up, doubt_down (guess_up, guess_down) before it begins
        self._last = array("q", (0,) * self._columns)  # the sums of the last piece

    def __len__(self) -> int:
        """Return the number of pieces. Adjacent pieces with equal states are merged."""
        return len(self._starts)

    def append(self, end: int, state: State) -> None:
        """Append the state from the current end up to `end`. Has no effect if both are equal.

        Raises:
            ValueError: `end` is before the current end.
        """
        states, current_end = self._states, self.end
        if end <= current_end:
            if end < current_end:
                raise ValueError(f"states are appended in order: {end} < {current_end}")
            return
        if not states or states[-1] != state:
            if states and (before := states[-1]):
                self._last[before - 1] += current_end - self._starts[-1]
            self._sums.extend(self._last)
            self._starts.append(current_end)
            states.append(state)
        self.end = end

    def truncate(self, end: int) -> None:
        """Remove all time from the instant on, which must be inside [start, end]."""
        keep = bisect_left(self._starts, end)
        del self._starts[keep:], self._states[keep:], self._sums[self._columns * keep :]
        self._last = self._sums[-self._columns :] or array("q", (0,) * self._columns)
        self.end = end

    def replace(self, pieces: Sequence[Piece]) -> None:
        """Replace the states of contiguous pieces inside [start, end].

        Corrects the sums of later pieces, which is much faster than recomputing them.
        """
        end, until = self.end, pieces[-1].end
        later = bisect_right(self._starts, until)
        state = _STATES[self._states[later - 1]]  # of the rest of the piece that contains `until`
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
        """Shift all later sums by the difference between the current sums and the first of them."""
        current_sums = self._sums_within(len(self._starts) - 1, self.end)
        for column, (now, before) in enumerate(zip(current_sums, sums, strict=False)):
            if now != before:
                column_slice = slice(column, None, self._columns)
                sums[column_slice] = array("q", map((now - before).__add__, sums[column_slice]))

    def contains(self, window: Interval) -> bool:
        """Return whether the window is inside [start, end]."""
        return self.start <= window.start and window.end <= self.end

    def durations(self, window: Interval) -> Durations:
        """Return the duration of each state within a window inside [start, end]."""
        sums_at_end, sums_at_start = self._sums_before(window.end), self._sums_before(window.start)
        up, down, doubt_up, doubt_down, *guessed = map(int.__sub__, sums_at_end, sums_at_start)
        return Durations(up, down, doubt_up, doubt_down, window.length - up - down - doubt_up - doubt_down, *guessed)

    def durations_to(self, middle: int, end: int, rest: Durations, starts: Sequence[int]) -> list[Durations]:
        """Return the duration of each state from each start to `end`. Time before `self.start` is unknown.

        `rest` has the durations from `middle` to `end`. `middle` is at most `self.end`; starts are at most `middle`.
        """
        up, down, doubt_up, doubt_down, *guesses = self._sums_before(middle)
        totals = [up + rest.up, down + rest.down, doubt_up + rest.doubt_up, doubt_down + rest.doubt_down]
        if guesses:
            totals += [guesses[0] + rest.guessed_up, guesses[1] + rest.guessed_down]
        result, piece_starts, sums, columns = [], self._starts, self._sums, self._columns
        for start in starts:
            index = bisect_right(piece_starts, start) - 1
            since = totals[:]
            if index >= 0:
                since = list(map(sub, totals, sums[columns * index : columns * (index + 1)]))
                if state := self._states[index]:
                    since[state - 1] -= start - piece_starts[index]
            up, down, doubt_up, doubt_down, *guessed = since
            unknown = end - start - up - down - doubt_up - doubt_down
            result.append(Durations(up, down, doubt_up, doubt_down, unknown, *guessed))
        return result

    def durations_in(self, parts: Sequence[Interval]) -> Durations:
        """Return the total duration of each state in the parts, which must be disjoint and inside [start, end]."""
        sums, length = [0] * (_KNOWN + _GUESSES), 0
        for part in parts:
            sums_at_end, sums_at_start = self._sums_before(part.end), self._sums_before(part.start)
            for column in range(self._columns):
                sums[column] += sums_at_end[column] - sums_at_start[column]
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

    def state_start(self, instant: int) -> int:
        """Return the start of the piece that contains the instant, which must be inside [start, end]."""
        return self._starts[bisect_right(self._starts, instant) - 1]

    def _sums_before(self, instant: int) -> array[int]:
        """Return the sums of all states except unknown from `start` to the instant."""
        return self._sums_within(bisect_right(self._starts, instant) - 1, instant)

    def _sums_within(self, index: int, instant: int) -> array[int]:
        """Return the sums up to the instant, which is in or at the end of the piece `index` (-1: before the first)."""
        if index < 0:
            return array("q", (0,) * self._columns)
        sums = self._sums[self._columns * index : self._columns * (index + 1)]
        if state := self._states[index]:
            sums[state - 1] += instant - self._starts[index]
        return sums
