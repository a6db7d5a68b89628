"""The states of a check or a product over time, with the duration of each state in any window in O(log n)."""

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
    """The states of a check or a product over all time: a final part with prefix sums, and the time after it.

    States after the final part may change and are computed per query. Time before the final part is unknown. Timelines
    and compositions are histories, so the same code measures products, checks and vantages.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def final_until(self) -> int | None:
        """The end of the final part, which no later observation can change. None if there is no final part."""

    @property
    def probably_final_until(self) -> int | None:
        """The instant before which no state changes, unless a member without recent observations is observed again."""
        return self.final_until

    @property
    @abstractmethod
    def expires_at(self) -> int | None:
        """The instant from which all time is unknown without further observations. None without known observations."""

    @property
    @abstractmethod
    def first_observation_at(self) -> int | None:
        """The instant of the first observation with any outcome. None without observations."""

    @property
    def last_known_at(self) -> int | None:
        """The instant of the last known observation. None without known observations."""
        return max((at for leaf in self.leaves if (at := leaf.last_known_at) is not None), default=None)

    @property
    def leaves(self) -> tuple[History, ...]:
        """The histories that contain observations: this history, or all direct and indirect members."""
        return (self,)

    @abstractmethod
    def counts(self, window: Interval) -> Counts:
        """Return the number of observations within the window."""

    @abstractmethod
    def _extend_final_part(self) -> StateSums | None:
        """Extend the final part as far as possible and return it. None if there is no final part."""

    @abstractmethod
    def _pieces_after_final_part(self, window: Interval) -> Iterator[Piece]:
        """Yield the pieces of a window that begins at the end of the final part or later."""

    @property
    def first(self) -> int | None:
        """The start of the final part; all earlier time is unknown. None if there is no final part."""
        final = self._extend_final_part()
        return None if final is None else final.start

    def objectives(self, window: Interval) -> Sequence[tuple[Interval, Objective]]:
        """Return the parts of the window with their defined objectives, in order. Empty without definitions."""
        return ()

    def durations(self, window: Interval) -> Durations:
        """Return the duration of each state within the window, in O(log n) for the final part."""
        final = self._extend_final_part()
        if final is None:
            return Durations.of(self._pieces_after_final_part(window))
        if final.contains(window):
            return final.durations(window)
        if window.end <= final.start:
            return Durations(unknown=window.length)
        before, inside, after = _split(window, final)
        sums = final.durations(inside)
        if after.length:
            sums = sums.plus(Durations.of(self._pieces_after_final_part(after)))
        return sums._replace(unknown=sums.unknown + before.length)

    def durations_to(self, end: int, starts: Sequence[int]) -> list[Durations]:
        """Return the duration of each state in the windows from each of the starts to `end`."""
        final = self._extend_final_part()
        inside = end if final is None else min(end, final.end)
        if final is None or max(starts, default=inside) > inside:
            return [self.durations(Interval(start, end)) for start in starts]
        rest = Durations.of(self._pieces_after_final_part(Interval(inside, end))) if inside < end else Durations()
        return final.durations_to(inside, end, rest, starts)

    def durations_in(self, parts: Sequence[Interval]) -> Durations:
        """Return the total duration of each state in the parts. The parts must be ordered and disjoint."""
        final = self._extend_final_part()
        if len(parts) > 1 and final is not None and final.contains(Interval(parts[0].start, parts[-1].end)):
            return final.durations_in(parts)
        total = Durations()
        for part in parts:
            total = total.plus(self.durations(part))
        return total

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        """Return the total number of observations in the parts. The parts must be ordered and disjoint."""
        if len(parts) == 1:
            return self.counts(parts[0])
        counted = [self.counts(part) for part in parts]
        return Counts(*map(sum, zip(*counted, strict=True))) if counted else Counts()

    def pieces(self, window: Interval) -> Iterator[Piece]:
        """Yield the pieces of the window in order, without gaps. Adjacent pieces with equal states are merged."""
        pending: Piece | None = None
        for piece in self._raw_pieces(window):
            if pending is None:
                pending = piece
            elif pending.state == piece.state:
                pending = Piece(pending.start, piece.end, pending.state)
            else:
                yield pending
                pending = piece
        if pending is not None:
            yield pending

    def state(self, at: int) -> State:
        """Return the state at the instant."""
        return next(self._raw_pieces(Interval(at, at + 1))).state

    def state_start(self, at: int) -> int:
        """Return the start of the state directly before the instant. Returns `at` if that state is not final."""
        final, stable_until = self._extend_final_part(), self.probably_final_until
        return (
            at
            if final is None or stable_until is None or not final.start < at <= stable_until
            else final.state_start(at - 1)
        )

    def _raw_pieces(self, window: Interval) -> Iterator[Piece]:
        final = self._extend_final_part()
        if final is None or window.start >= final.end:
            return self._pieces_after_final_part(window)
        return final.pieces(window) if final.contains(window) else self._pieces_across_boundary(window, final)

    def _pieces_across_boundary(self, window: Interval, final: StateSums) -> Iterator[Piece]:
        """Yield the pieces of a window that is partly outside the final part."""
        start = min(max(window.start, final.start), window.end)
        end = max(min(window.end, final.end), start)
        if window.start < start:
            yield Piece(window.start, start, State.UNKNOWN)
        if start < end:
            yield from final.pieces(Interval(start, end))
        if end < window.end:
            yield from self._pieces_after_final_part(Interval(end, window.end))


def _split(window: Interval, final: StateSums) -> tuple[Interval, Interval, Interval]:
    """Split the window into the parts before, inside and after the final part. Each part may be empty."""
    start = min(max(window.start, final.start), window.end)
    end = max(min(window.end, final.end), start)
    return Interval(window.start, start), Interval(start, end), Interval(end, window.end)
