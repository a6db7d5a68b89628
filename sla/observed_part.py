"""Figures of the observed part of a window that starts before the record (measurement.md, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, UnknownPolicy, availability
from sla.confidence_bound import ConfidenceBound, lower_confidence_bound
from sla.interval import Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from sla.after_exclusions import AfterExclusions
    from sla.objective import Objective
    from sla.observation_counts import Counts
    from sla.state_history import History
    from sla.states import Durations


@dataclass(frozen=True, slots=True)
class ObservedPart:
    """The part of a window from its first known observation to its end.

    `since` is the instant of that observation. `decidable_at` is the earliest instant at which the window's verdict can
    be `met` if the target stays up after the window's end; None if never, or without an objective.
    """

    since: int
    availability: Bounds[Fraction | None]
    confidence_bound: ConfidenceBound | None
    decidable_at: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the part as JSON data: instants as RFC 3339 in UTC, ratios, null if there is no figure."""
        bounds = {name: None if share is None else float(share) for name, share in self.availability._asdict().items()}
        return {
            "since": format_instant(self.since),
            "availability": bounds,
            "proven": self.confidence_bound and self.confidence_bound.availability,
            "decidable_at": None if self.decidable_at is None else format_instant(self.decidable_at),
        }


@dataclass(frozen=True, slots=True)
class Span:
    """A window and whether it continues. `full_window` is the complete calendar window if `window` is its elapsed part.

    A `rolling` window moves with time. Any other complete window has ended, and its verdict does not change.
    """

    window: Interval
    rolling: bool = False
    full_window: Interval | None = None


def observed_part(
    history: History,
    span: Span,
    objective: Objective | None,
    counted: AfterExclusions,
    measured: tuple[Durations, Counts],
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE,
) -> ObservedPart | None:
    """Return the observed part of the window. None if the record begins before or after the window.

    `counted` is the history after exclusions. `measured` are its durations and counts in the complete window, in which
    the time before the record is unknown.
    """
    since, window = history.first, span.window
    if since is None or not window.start < since < window.end:
        return None
    durations, counts = measured
    record = _Record(history, since, span, counted)
    durations = durations._replace(unknown=durations.unknown - record.counted(window.start, since))
    decidable_at = None
    if objective is not None:
        ahead = record.open_end() if durations.doubt_up else 0
        record.lost = durations.total - durations.up - ahead
        decidable_at = _decidable_at(record, objective)
    return ObservedPart(
        since, availability(durations, unknown), lower_confidence_bound(counts.good, counts.known), decidable_at
    )


class _Record:
    """A record that starts in the window. `lost` is its time until the window's end that is not certainly up."""

    def __init__(self, history: History, since: int, span: Span, counted: AfterExclusions) -> None:
        self.span, self.lost = span, 0
        self._history, self._since = history, since
        self._counted = counted
        self._observed = self.counted(since, span.window.end)

    def counted(self, start: int, end: int) -> int:
        """Return the time from `start` to `end`, both in the window, after exclusions."""
        return self._counted.length(Interval(start, end))

    def open_end(self) -> int:
        """Return the time in doubt after the last observations in which the point estimate is up.

        It counts as up here, because the next good observation confirms it.
        """
        known_until, end = self._history.probably_final_until, self.span.window.end
        start = self._since if known_until is None else min(max(known_until, self._since), end)
        return self._counted.durations(Interval(start, end)).doubt_up

    def tail(self, start: int) -> tuple[int, int]:
        """Return the time from `start` to the window's end after exclusions, and the part that is not certainly up."""
        if start <= self._since:  # the time before the record is not certainly up
            before = self.counted(start, self._since)
            return self._observed + before, self.lost + before
        passed = self._counted.durations(Interval(self._since, min(start, self.span.window.end)))
        return self._observed - passed.total, self.lost - (passed.total - passed.up)


def _decidable_at(record: _Record, objective: Objective) -> int | None:
    """Return the earliest instant at which the window's verdict can be `met` if the target stays up after its end.

    For a rolling window, exclusions after its end are ignored.
    """
    window, full_window, share = record.span.window, record.span.full_window, 1 - objective.ratio
    allowed, per = share.numerator, share.denominator  # integers: `per` times the time, microseconds

    def missing(start: int) -> int:
        ahead = start - window.start  # the future time in the window, all up and without exclusions
        length, lost = record.tail(start)
        return per * lost - allowed * (length + ahead)

    if missing(window.start) <= 0:
        return window.end
    if full_window is not None:
        lost = per * record.tail(window.start)[1]
        return _first_without_missing(
            window.end, full_window.end, lambda at: lost - allowed * record.counted(full_window.start, at), allowed
        )
    if not record.span.rolling:
        return None
    start = _first_without_missing(window.start, window.end, missing, per + allowed)
    return None if start is None else start + window.length


def _first_without_missing(low: int, high: int, missing: Callable[[int], int], slope: int) -> int | None:
    """Return the smallest number in (low, high] with `missing` of 0 or less. None if `missing(high)` is above 0.

    `missing(low)` must be above 0. The function never increases, and decreases by at most `slope` per step, which gives
    a minimum distance. It is almost linear, so the search interpolates, and bisects after an interpolation that did not
    halve the range.
    """
    left, right = (low, missing(low)), (high, missing(high))  # nearest evaluated points on both sides
    if right[1] > 0:
        return None
    low -= -left[1] // slope
    halve = False
    while low < high:
        (start, start_value), (end, end_value) = left, right
        middle, length = (low + high) // 2, high - low
        if not halve:
            middle = min(max(start + (end - start) * start_value // (start_value - end_value), low), high - 1)
        value = missing(middle)
        if value > 0:
            low, left = middle - (-value // slope), (middle, value)
        else:
            high, right = max(low, middle - (-value // slope)), (middle, value)
        halve = not halve and 2 * (high - low) > length
    return low
