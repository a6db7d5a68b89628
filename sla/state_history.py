"""The states of a check or a product over time: how long each lasts in any window, in O(log n)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sla.interval import Interval
from sla.observation_counts import Counts
from sla.states import Durations, Piece, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sla.objective import Objective
    from sla.state_sums import StateSums


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
