"""The states of an instant, pieces of time with one state, and durations per state."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class State(IntEnum):
    """The state of a check or product at one instant.

    DOUBT_UP and DOUBT_DOWN: between two different observations; the suffix is the point state. GUESS_UP and GUESS_DOWN:
    the product's state is unknown, but its known members indicate one (measurement.md, section 3). Only `estimate` uses
    a guess; everywhere else it counts as unknown.
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
        """The point state without guesses: UP, DOWN or UNKNOWN."""
        return _POINT[self]

    @property
    def estimate(self) -> State:
        """The point state, or the guess if there is one: UP, DOWN or UNKNOWN."""
        return _ESTIMATE[self]

    @property
    def is_guess(self) -> bool:
        """Whether this is a guess for an unknown state."""
        return self >= State.GUESS_UP

    @property
    def is_doubt(self) -> bool:
        """Whether this instant is between two different observations."""
        return self in (State.DOUBT_UP, State.DOUBT_DOWN)


_POINT = (State.UNKNOWN, State.UP, State.DOWN, State.UP, State.DOWN, State.UNKNOWN, State.UNKNOWN)
_ESTIMATE = (State.UNKNOWN, State.UP, State.DOWN, State.UP, State.DOWN, State.UP, State.DOWN)


class Piece(NamedTuple):
    """An interval [start, end), microseconds, in which the state does not change."""

    start: int
    end: int
    state: State


class Durations(NamedTuple):
    """The duration of each state, microseconds. Doubt is split by its point estimate.

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
        """The sum of all durations."""
        return self.up + self.down + self.doubt_up + self.doubt_down + self.unknown

    @property
    def doubt(self) -> int:
        """The time between two different observations."""
        return self.doubt_up + self.doubt_down

    @property
    def known(self) -> int:
        """The time that is up, down or in doubt, which counts as covered."""
        return self.total - self.unknown

    def plus(self, other: Durations) -> Durations:
        """Return the sum. (`+` of tuples concatenates.)"""
        return Durations(*map(int.__add__, self, other))

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Durations:
        """Return the duration of each state in the pieces."""
        sums = [0] * len(State)
        for start, end, state in pieces:
            sums[state] += end - start
        return cls.of_sums(sums)

    @classmethod
    def of_sums(cls, sums: Sequence[int]) -> Durations:
        """Return the durations from a sequence of sums, indexed by State."""
        unknown, up, down, doubt_up, doubt_down, guessed_up, guessed_down = sums
        return cls(up, down, doubt_up, doubt_down, unknown + guessed_up + guessed_down, guessed_up, guessed_down)
