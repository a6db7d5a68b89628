"""The states of an instant, and how long each lasts."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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


_POINT = (State.UNKNOWN, State.UP, State.DOWN, State.UP, State.DOWN, State.UNKNOWN, State.UNKNOWN)
_ESTIMATE = (State.UNKNOWN, State.UP, State.DOWN, State.UP, State.DOWN, State.UP, State.DOWN)


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
