"""Terms of an agreement for maintenance: notice, approval by a second person, and a cap per calendar month.

See measurement.md, section 4. Maintenance that does not meet the terms counts in the contractual figure. Later facts do
not change whether an instant is excluded, so past figures never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sla.duration import format_duration
from sla.interval import SECOND, Interval, subtract, union
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.exclusion import Exclusion

MonthOf = Callable[[int], Interval]


@dataclass(frozen=True, slots=True)
class MaintenanceTerms:
    """The conditions for excluding maintenance; None or False for no condition. Durations are in microseconds.

    `notice` is the minimum time between the announcement of a window and its start. `monthly_cap` is the maximum
    maintenance excluded per calendar month. `second_person` requires approval by another person than the author.
    """

    notice: int | None = None
    monthly_cap: int | None = None
    second_person: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncedMaintenance:
    """A part of a maintenance window that was announced at one instant. Instants are in microseconds since the epoch.

    `start` is the start of the window. `announced` is None if not recorded.
    `approved` is the instant of the first approval by another person than the author, None without one.
    """

    exclusion: Exclusion
    start: int
    announced: int | None = None
    approved: int | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceNotExcluded:
    """Maintenance that counts in the contractual figure, with the reasons."""

    exclusion: Exclusion
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the maintenance as JSON data: instants as RFC 3339 in UTC, the length in seconds."""
        span, source = self.exclusion.interval, self.exclusion.as_json()
        return {
            "start": format_instant(span.start),
            "end": format_instant(span.end),
            "seconds": span.length / SECOND,
            **{name: source[name] for name in ("label", "author", "reason", "made")},
            "because": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class AgreedMaintenance:
    """The maintenance that an agreement excludes, and the maintenance that counts in the contractual figure."""

    excluded: tuple[Exclusion, ...]
    not_excluded: tuple[MaintenanceNotExcluded, ...] = ()


def agreed_maintenance(
    terms: MaintenanceTerms, parts: Iterable[AnnouncedMaintenance], month: MonthOf
) -> AgreedMaintenance:
    """Return the maintenance that the terms exclude, and the rest with the reasons.

    `parts` must include all maintenance since the start of the calendar month, in chronological order, because of the
    cap. Maintenance without sufficient notice or approval does not count towards the cap. `month` returns the calendar
    month of an instant.
    """
    eligible: list[Exclusion] = []
    not_excluded: list[MaintenanceNotExcluded] = []
    for part in parts:
        if reasons := tuple(_reasons_not_excluded(terms, part)):
            not_excluded.append(MaintenanceNotExcluded(part.exclusion, reasons))
        else:
            eligible.append(part.exclusion)
    if terms.monthly_cap is not None:
        within_cap = list(_within_cap((exclusion.interval for exclusion in eligible), terms.monthly_cap, month))
        reason = f"more than {format_duration(terms.monthly_cap)} in the calendar month"
        above_cap = (piece for exclusion in eligible for piece in _parts_outside(exclusion, within_cap))
        not_excluded += [MaintenanceNotExcluded(piece, (reason,)) for piece in above_cap]
        eligible = [piece for exclusion in eligible for piece in _parts_within(exclusion, within_cap)]
    return AgreedMaintenance(tuple(_merge_exclusions(eligible)), tuple(_merge_pieces(not_excluded)))


def _reasons_not_excluded(terms: MaintenanceTerms, part: AnnouncedMaintenance) -> Iterator[str]:
    """Yield the reasons why the terms do not exclude the part, apart from the cap."""
    if terms.notice is not None:
        required = f"{format_duration(terms.notice)} of notice are required"
        if part.announced is None:
            yield f"it is not recorded when it was announced; {required}"
        elif part.announced >= part.start:
            yield f"announced after its start; {required}"
        elif (notice := part.start - part.announced) < terms.notice:
            yield f"announced {format_duration(notice)} before its start; {required}"
    if terms.second_person and part.approved is None:
        yield "not approved by a second person"
    elif terms.second_person and part.approved is not None and part.approved > part.start:
        yield "approved after its start"


def _within_cap(spans: Iterable[Interval], cap: int, month: MonthOf) -> Iterator[Interval]:
    """Yield the first `cap` microseconds of the spans in each calendar month. Overlapping time counts once."""
    used: dict[Interval, int] = {}
    allowed: list[Interval] = []
    for span in union(spans):
        start = span.start
        while start < span.end:
            current = month(start)
            end = min(span.end, current.end)
            granted = min(end - start, cap - used.get(current, 0))
            used[current] = used.get(current, 0) + granted
            allowed.append(Interval(start, start + granted))
            start = end
    return union(allowed)


def _parts_within(exclusion: Exclusion, within_cap: Iterable[Interval]) -> Iterator[Exclusion]:
    for part in within_cap:
        start, end = max(exclusion.interval.start, part.start), min(exclusion.interval.end, part.end)
        if start < end:
            yield replace(exclusion, interval=Interval(start, end))


def _parts_outside(exclusion: Exclusion, within_cap: Iterable[Interval]) -> Iterator[Exclusion]:
    for part in subtract(exclusion.interval, within_cap):
        yield replace(exclusion, interval=part)


def _merge_exclusions(exclusions: Iterable[Exclusion]) -> Iterator[Exclusion]:
    """Yield the exclusions in order. Adjacent exclusions that differ only in their interval are merged."""
    return (
        piece.exclusion for piece in _merge_pieces(MaintenanceNotExcluded(exclusion, ()) for exclusion in exclusions)
    )


def _merge_pieces(pieces: Iterable[MaintenanceNotExcluded]) -> Iterator[MaintenanceNotExcluded]:
    """Yield the pieces in chronological order. Adjacent pieces that differ only in their interval are merged."""
    by_meaning: dict[MaintenanceNotExcluded, list[Interval]] = {}
    for piece in pieces:
        meaning = replace(piece, exclusion=replace(piece.exclusion, interval=Interval(0, 0)))
        by_meaning.setdefault(meaning, []).append(piece.exclusion.interval)
    merged = [
        replace(meaning, exclusion=replace(meaning.exclusion, interval=interval))
        for meaning, intervals in by_meaning.items()
        for interval in union(intervals)
    ]
    return iter(sorted(merged, key=lambda piece: (piece.exclusion.interval, piece.exclusion.label, piece.reasons)))
