"""Limits on outages that an agreement promises next to its availability: none over 22 minutes, 4 hours in 30 days.

An outage is a stretch of time without a break in which the product is down. Its three lengths follow measurement.md,
section 5: `low` counts time that is certainly down, `point` the point estimate, `high` all time that is not certainly
up. Excluded time (section 4) is not counted, and does not split an outage in two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, Verdict
from sla.interval import SECOND, Counted, Interval, subtract
from sla.states import Piece, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sla.state_history import History


class LimitKind(StrEnum):
    """What a limit bounds: the longest single outage, or all outages of a rolling period together."""

    LONGEST = "longest_outage"
    TOTAL = "total_outage"


@dataclass(frozen=True, slots=True)
class OutageLimit:
    """A promised limit, microseconds. `per` is the length of the rolling period of a TOTAL, None for LONGEST."""

    kind: LimitKind
    limit: int
    per: int | None = None


@dataclass(frozen=True, slots=True)
class OutageFigure:
    """What was measured against a limit, microseconds, and what it decides."""

    limit: OutageLimit
    measured: Bounds[int]

    @property
    def verdict(self) -> Verdict:
        """MET if even the upper bound keeps the limit, MISSED if even the lower bound exceeds it."""
        if self.measured.high <= self.limit.limit:
            return Verdict.MET
        return Verdict.MISSED if self.measured.low > self.limit.limit else Verdict.UNDECIDED

    def as_json(self) -> dict[str, Any]:
        """Return the figure for programs: durations in seconds, `per_seconds` null for a single outage."""
        per = self.limit.per
        return {
            "promise": self.limit.kind.value,
            "limit_seconds": self.limit.limit / SECOND,
            "per_seconds": None if per is None else per / SECOND,
            "outage_seconds": {name: us / SECOND for name, us in self.measured._asdict().items()},
            "verdict": self.verdict.value,
        }


# What counts as an outage for each bound.
_COUNTS: Bounds[Callable[[State], bool]] = Bounds(
    lambda state: state is State.DOWN,
    lambda state: state.estimate is State.DOWN,
    lambda state: state is not State.UP,
)


def evaluate_limit(
    limit: OutageLimit, history: History, window: Interval, excluded: Iterable[Interval] = ()
) -> OutageFigure:
    """Return what the history says of the limit over the window.

    LONGEST is the longest outage, as far as it lies in the window. TOTAL is the highest sum of outages over all rolling
    periods that lie in the window; over a window shorter than the period it is that of the period that ends with it.
    """
    if limit.per is None:
        return OutageFigure(limit, _longest(history, window, tuple(excluded)))
    span = required_history([limit], window)
    counted = list(_counted(history, span, tuple(excluded)))
    low, point, high = (_worst(counted, span, limit.per, counts) for counts in _COUNTS)
    return OutageFigure(limit, Bounds(low, point, high))


def required_history(limits: Iterable[OutageLimit], window: Interval) -> Interval:
    """Return the time that the limits look at: the window, and before it what a longer period reaches back to."""
    starts = [window.end - limit.per for limit in limits if limit.per is not None]
    return Interval(min(window.start, *starts, window.start), window.end)


def _longest(history: History, window: Interval, excluded: tuple[Interval, ...]) -> Bounds[int]:
    pieces = list(history.pieces(window))
    clock = Counted(subtract(window, excluded))
    low, point, high = (max(_outages(pieces, clock, counts), default=0) for counts in _COUNTS)
    return Bounds(low, point, high)


def _outages(pieces: Sequence[Piece], clock: Counted, counts: Callable[[State], bool]) -> Iterator[int]:
    """Yield the counted length of each stretch of pieces that are an outage."""
    for is_outage, stretch in groupby(pieces, lambda piece: counts(piece.state)):
        if is_outage:
            held = list(stretch)
            yield clock.before(held[-1].end) - clock.before(held[0].start)


def _counted(history: History, window: Interval, excluded: tuple[Interval, ...]) -> Iterator[Piece]:
    for part in subtract(window, excluded):
        yield from history.pieces(part)


def _worst(pieces: Sequence[Piece], span: Interval, per: int, counts: Callable[[State], bool]) -> int:
    """Return the highest sum of counted outages within `per`, over all periods that lie in the span.

    The sum over a sliding period is piecewise linear in its end: it bends only where an outage begins or ends, or where
    one leaves the period, so its maximum lies at one of those instants or at an end of the range.
    """
    clock = Counted(Interval(piece.start, piece.end) for piece in pieces if counts(piece.state))
    first = span.start + per
    ends = {first, span.end}
    for piece in pieces:
        if counts(piece.state):
            ends |= {piece.start, piece.end, piece.start + per, piece.end + per}
    return max(clock.before(end) - clock.before(end - per) for end in ends if first <= end <= span.end)
