"""Limits on outages in an agreement: no outage over 22 minutes, at most 4 hours of outages in 30 days.

An outage is an uninterrupted time in which the product is down. It has three lengths (measurement.md, section 5): `low`
is certain downtime, `point` the point estimate, `high` all time that is not certainly up. Excluded time (section 4) is
not counted and does not split an outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, Verdict
from sla.interval import SECOND, CountedTime, Interval, subtract
from sla.states import Piece, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sla.state_history import History


class LimitKind(StrEnum):
    """The kind of a limit: on the longest single outage, or on the sum of all outages in a rolling period."""

    LONGEST = "longest_outage"
    TOTAL = "total_outage"


@dataclass(frozen=True, slots=True)
class OutageLimit:
    """A promised limit, microseconds. `per` is the length of the rolling period for TOTAL, None for LONGEST."""

    kind: LimitKind
    limit: int
    per: int | None = None


@dataclass(frozen=True, slots=True)
class OutageFigure:
    """The outage time that a limit applies to (microseconds), and the verdict."""

    limit: OutageLimit
    measured: Bounds[int]

    @property
    def verdict(self) -> Verdict:
        """MET if the upper bound is within the limit, MISSED if the lower bound exceeds it, else UNDECIDED."""
        if self.measured.high <= self.limit.limit:
            return Verdict.MET
        return Verdict.MISSED if self.measured.low > self.limit.limit else Verdict.UNDECIDED

    def as_json(self) -> dict[str, Any]:
        """Return the figure as JSON data: durations in seconds, `per_seconds` null for a single outage."""
        per = self.limit.per
        return {
            "promise": self.limit.kind.value,
            "limit_seconds": self.limit.limit / SECOND,
            "per_seconds": None if per is None else per / SECOND,
            "outage_seconds": {name: us / SECOND for name, us in self.measured._asdict().items()},
            "verdict": self.verdict.value,
        }


# Whether a state counts as an outage, for each bound.
_IS_OUTAGE: Bounds[Callable[[State], bool]] = Bounds(
    lambda state: state is State.DOWN,
    lambda state: state.estimate is State.DOWN,
    lambda state: state is not State.UP,
)


def evaluate_limit(
    limit: OutageLimit, history: History, window: Interval, excluded: Iterable[Interval] = ()
) -> OutageFigure:
    """Return the figure of the limit over the window.

    LONGEST is the longest outage within the window. TOTAL is the highest sum of outages in any rolling period within
    the window, or in the period that ends with the window if the window is shorter.
    """
    if limit.per is None:
        return OutageFigure(limit, _longest(history, window, tuple(excluded)))
    span = required_history([limit], window)
    counted = list(_counted_pieces(history, span, tuple(excluded)))
    low, point, high = (_highest_sum(counted, span, limit.per, is_outage) for is_outage in _IS_OUTAGE)
    return OutageFigure(limit, Bounds(low, point, high))


def required_history(limits: Iterable[OutageLimit], window: Interval) -> Interval:
    """Return the time needed to evaluate the limits: the window, extended back to the length of the longest period."""
    starts = [window.end - limit.per for limit in limits if limit.per is not None]
    return Interval(min(window.start, *starts, window.start), window.end)


def _longest(history: History, window: Interval, excluded: tuple[Interval, ...]) -> Bounds[int]:
    pieces = list(history.pieces(window))
    clock = CountedTime(subtract(window, excluded))
    low, point, high = (max(_outages(pieces, clock, is_outage), default=0) for is_outage in _IS_OUTAGE)
    return Bounds(low, point, high)


def _outages(pieces: Sequence[Piece], clock: CountedTime, is_outage: Callable[[State], bool]) -> Iterator[int]:
    """Yield the counted length of each outage in the pieces."""
    for in_outage, group in groupby(pieces, lambda piece: is_outage(piece.state)):
        if in_outage:
            outage = list(group)
            yield clock.before(outage[-1].end) - clock.before(outage[0].start)


def _counted_pieces(history: History, window: Interval, excluded: tuple[Interval, ...]) -> Iterator[Piece]:
    for part in subtract(window, excluded):
        yield from history.pieces(part)


def _highest_sum(pieces: Sequence[Piece], span: Interval, per: int, is_outage: Callable[[State], bool]) -> int:
    """Return the highest sum of outages in any period of length `per` within the span.

    The sum is a piecewise linear function of the period's end. Its slope changes only where an outage begins, ends or
    leaves the period, so the maximum is at one of these instants or at the start of the range.
    """
    clock = CountedTime(Interval(piece.start, piece.end) for piece in pieces if is_outage(piece.state))
    first = span.start + per
    ends = {first}
    for piece in pieces:
        if is_outage(piece.state):
            ends |= {piece.start, piece.end, piece.start + per, piece.end + per}
    return max(clock.before(end) - clock.before(end - per) for end in ends if first <= end <= span.end)
