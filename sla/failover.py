"""Duration and downtime of a failover, measured from the histories of the product and its sites.

A disturbance is time in which the product is down, or in which no site or several sites are active. A failover lasts
from its first disturbance (or the site change) to its last one. Disturbances less than `settle` apart belong to one
failover. It has ended when the product was up for `settle` at the new site. The lower bound counts only certain
disturbances, the upper bound all time that is not certainly undisturbed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sla import availability
from sla.availability import Bounds
from sla.duration import format_duration
from sla.interval import DAY, SECOND, Interval, subtract, union
from sla.sites import SiteState, site_pieces, sites_final_until
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sla.sites import SiteChange, SitePiece
    from sla.state_history import History
    from sla.states import Piece

MAX_LEAD: Final = DAY  # downtime that began earlier before the site change is not part of the failover
IN_PROGRESS: Final = "in progress, or observations may still arrive"
CHANGED_AGAIN: Final = "the active site changed again before the product was up for the settle time"


@dataclass(frozen=True, slots=True)
class FailoverTerms:
    """The promised failover time `within` (None: no promise) and the settle time, microseconds."""

    within: int | None
    settle: int


@dataclass(frozen=True, slots=True)
class FailoverResult:
    """The measured figures of a failover; `started` and `ended` are estimates, None if it has not ended.

    `final`: later observations cannot change the figures. `met`: whether the promised failover time was met (None if
    undecided), with the `reason`.
    """

    started: int
    ended: int | None
    duration: Bounds[int | None]
    downtime: Bounds[int | None]
    final: bool
    met: bool | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the object of the API."""
        return {
            "started": format_instant(self.started),
            "ended": None if self.ended is None else format_instant(self.ended),
            "duration_seconds": _seconds(self.duration),
            "downtime_seconds": _seconds(self.downtime),
            "met": self.met,
            "reason": self.reason,
        }


def failover_result(
    change: SiteChange,
    product: History,
    sites: Mapping[str, History],
    at: int,
    terms: FailoverTerms,
    until: int | None = None,
) -> FailoverResult:
    """Return the figures of a failover as of `at`, from the histories as of the same instant.

    `until` is the instant at which the site changed again, if it did: later time belongs to the next change.
    """
    end = min(at, at if until is None else until)
    window = Interval(min(change.left - MAX_LEAD, end), end)
    spans = _Disturbances.of(product, sites, window)
    ended = _end(change, product, spans.estimated, window, terms.settle)
    start = _chained_start(change.point, spans.estimated, terms.settle)
    last = max([change.point, *(span.end for span in spans.estimated if span.start < (ended or end))])
    longest = _longest_span(Interval(start, last), change, spans.possible)
    low = _length([span for span in spans.certain if span.start >= start and span.end <= last])
    has_ended = ended is not None
    duration = Bounds[int | None](low, last - start if has_ended else None, longest.length if has_ended else None)
    downtime = _downtime(product, Interval(start, last), longest)
    final_from = until if ended is None else ended + terms.settle
    final = final_from is not None and _final_until(product, sites) >= final_from
    met, reason = _verdict(duration, terms.within, final=final)
    return FailoverResult(start, last if has_ended else None, duration, downtime, final, met, reason)


@dataclass(frozen=True, slots=True)
class _Disturbances:
    """The disturbed time: certain, estimated and possible. Each contains the one before."""

    certain: Sequence[Interval]
    estimated: Sequence[Interval]
    possible: Sequence[Interval]

    @classmethod
    def of(cls, product: History, sites: Mapping[str, History], window: Interval) -> _Disturbances:
        pieces, certain = list(product.pieces(window)), list(site_pieces(sites, window))
        estimated = list(site_pieces(sites, window, estimate=True))
        disturbed_states = (SiteState.NONE, SiteState.SEVERAL)
        return cls(
            _disturbed_intervals(pieces, lambda state: state is State.DOWN, certain, disturbed_states),
            _disturbed_intervals(pieces, lambda state: state.estimate is State.DOWN, estimated, disturbed_states),
            _disturbed_intervals(
                pieces, lambda state: state is not State.UP, certain, (*disturbed_states, SiteState.UNKNOWN)
            ),
        )


def _disturbed_intervals(
    pieces: Iterable[Piece],
    disturbed: Callable[[State], bool],
    sites: Iterable[SitePiece],
    site_states: Sequence[SiteState],
) -> list[Interval]:
    """Return the time in which the product is disturbed or the sites are in one of the states, in order."""
    disturbances = [Interval(start, end) for start, end, state in pieces if disturbed(state)]
    return list(
        union([*disturbances, *(Interval(span.start, span.end) for span in sites if span.active.state in site_states)])
    )


def _end(
    change: SiteChange, product: History, disturbed: Sequence[Interval], window: Interval, settle: int
) -> int | None:
    """Return the estimated end: the start of the first undisturbed time of `settle`. None if there is none."""
    begin = min(max(change.arrived, window.start), window.end)
    for undisturbed in _undisturbed(product, disturbed, Interval(begin, window.end)):
        if undisturbed.length >= settle:
            return undisturbed.start
    return None


def _undisturbed(product: History, disturbed: Sequence[Interval], window: Interval) -> Iterator[Interval]:
    """Yield the parts of the window in which the product is estimated to be up and nothing is disturbed."""
    for up in union(Interval(p.start, p.end) for p in product.pieces(window) if p.state.estimate is State.UP):
        yield from subtract(up, disturbed)


def _chained_start(point: int, disturbed: Sequence[Interval], settle: int) -> int:
    """Return the start of the disturbances before the site change that are less than `settle` apart."""
    start = point
    for interval in reversed([interval for interval in disturbed if interval.start < point]):
        if start - interval.end >= settle:
            break
        start = interval.start
    return start


def _longest_span(span: Interval, change: SiteChange, possible: Sequence[Interval]) -> Interval:
    """Return the longest possible failover, which includes all adjacent possible disturbances."""
    start, end = min(span.start, change.left), max(span.end, change.arrived)
    for interval in reversed(possible):
        if interval.start < start <= interval.end:
            start = interval.start
    for interval in possible:
        if interval.start <= end < interval.end:
            end = interval.end
    return Interval(start, end)


def _downtime(product: History, span: Interval, longest: Interval) -> Bounds[int | None]:
    """Return the downtime: low and point within the estimated time of the failover, high within its longest time."""
    low, point, _ = availability.downtime(product.durations(span))
    return Bounds(low, point, availability.downtime(product.durations(longest)).high)


def _length(spans: Sequence[Interval]) -> int:
    return spans[-1].end - spans[0].start if spans else 0


def _final_until(product: History, sites: Mapping[str, History]) -> int:
    """Return the instant before which later observations cannot change a state; 0 if there is none."""
    return min(product.final_until or 0, sites_final_until(sites) or 0)


def _verdict(duration: Bounds[int | None], within: int | None, *, final: bool) -> tuple[bool | None, str]:
    """Return whether the promised failover time was met (None if undecided), and the reason."""
    low, high = duration.low or 0, duration.high
    if within is not None and low > within:
        return False, f"lasted at least {format_duration(low)}; the promised time is {format_duration(within)}"
    if not final:
        return None, IN_PROGRESS
    if high is None:
        return None, CHANGED_AGAIN
    if within is None:
        return None, "no failover time is promised"
    if high <= within:
        return True, f"lasted at most {format_duration(high, up=True)}; the promised time is {format_duration(within)}"
    return None, "the bounds of the duration do not decide"


def _seconds(figure: Bounds[int | None]) -> dict[str, float | None]:
    return {name: None if value is None else value / SECOND for name, value in figure._asdict().items()}
