"""Terms for maintenance: notice, approval and the cap per calendar month."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from sla.calendar import Period, calendar_window
from sla.exclusion import Cause, Exclusion
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.maintenance_terms import AgreedMaintenance, AnnouncedMaintenance, MaintenanceTerms, agreed_maintenance
from sla.window import parse_instant

START = parse_instant("2026-11-10T02:00:00Z")
MONTH_END = parse_instant("2026-12-01T00:00:00Z")
NOTICE = MaintenanceTerms(notice=5 * DAY)
CAP = MaintenanceTerms(monthly_cap=4 * HOUR)
APPROVAL = MaintenanceTerms(second_person=True)


def month(at: int) -> Interval:
    return calendar_window(Period.MONTH, at, ZoneInfo("UTC")).full


def exclusion(start: int, length: int, label: str = "w") -> Exclusion:
    return Exclusion(Interval(start, start + length), Cause.MAINTENANCE, label, "Ana", "upgrade", 1)


def part(start: int, length: int, announced: int | None = 0, approved: int | None = None) -> AnnouncedMaintenance:
    return AnnouncedMaintenance(exclusion(start, length), start, announced, approved)


def agreed(terms: MaintenanceTerms, *parts: AnnouncedMaintenance) -> AgreedMaintenance:
    return agreed_maintenance(terms, parts, month)


def hours(agreed: AgreedMaintenance) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    def of(exclusions: list[Exclusion]) -> list[tuple[float, float]]:
        return [((e.interval.start - START) / HOUR, (e.interval.end - START) / HOUR) for e in exclusions]

    return of(list(agreed.excluded)), of([kept.exclusion for kept in agreed.not_excluded])


@pytest.mark.parametrize(
    ("announced", "reasons"),
    [
        (START - 5 * DAY, ()),
        (START - 5 * DAY + 1, ("announced 4d 23h before its start; 5d of notice are required",)),
        (START - 2 * HOUR, ("announced 2h before its start; 5d of notice are required",)),
        (START, ("announced after its start; 5d of notice are required",)),
        (START + MINUTE, ("announced after its start; 5d of notice are required",)),
        (None, ("it is not recorded when it was announced; 5d of notice are required",)),
    ],
)
def test_late_or_unknown_announcement_is_not_excluded(announced: int | None, reasons: tuple[str, ...]) -> None:
    actual = agreed(NOTICE, part(START, HOUR, announced))
    assert [kept.reasons for kept in actual.not_excluded] == ([reasons] if reasons else [])
    assert len(actual.excluded) == (0 if reasons else 1)


def test_notice_is_until_the_start_of_the_window_not_of_its_part() -> None:
    later = replace(part(START + 4 * HOUR, HOUR, START - 5 * DAY + HOUR), start=START)
    assert [kept.reasons[0][:15] for kept in agreed(NOTICE, later).not_excluded] == ["announced 4d 23"]


@pytest.mark.parametrize(
    ("approved", "reasons"),
    [
        (START, ()),
        (START + 1, ("approved after its start",)),
        (None, ("not approved by a second person",)),
    ],
)
def test_approval_counts_until_the_start(approved: int | None, reasons: tuple[str, ...]) -> None:
    actual = agreed(APPROVAL, part(START, HOUR, approved=approved))
    assert [kept.reasons for kept in actual.not_excluded] == ([reasons] if reasons else [])


def test_several_reasons_are_listed_together() -> None:
    terms = MaintenanceTerms(notice=DAY, monthly_cap=HOUR, second_person=True)
    (kept,) = agreed(terms, part(START, HOUR, START - HOUR)).not_excluded
    assert kept.reasons == (
        "announced 1h before its start; 1d of notice are required",
        "not approved by a second person",
    )
    assert kept.as_json() == {
        "start": "2026-11-10T02:00:00Z",
        "end": "2026-11-10T03:00:00Z",
        "seconds": 3600.0,
        "label": "w",
        "author": "Ana",
        "reason": "upgrade",
        "made": "1970-01-01T00:00:00.000001Z",
        "because": list(kept.reasons),
    }


def test_first_windows_of_the_month_use_the_cap_and_the_rest_is_not_excluded() -> None:
    parts = [part(START + 20 * HOUR, 2 * HOUR), part(START, 3 * HOUR), part(START + 10 * HOUR, 2 * HOUR)]
    assert hours(agreed(CAP, *parts)) == ([(0, 3), (10, 11)], [(11, 12), (20, 22)])
    reasons = {kept.reasons for kept in agreed(CAP, *parts).not_excluded}
    assert reasons == {("more than 4h in the calendar month",)}


def test_overlapping_windows_use_the_cap_once() -> None:
    parts = [
        part(START, 3 * HOUR),
        replace(part(START + HOUR, 4 * HOUR), exclusion=exclusion(START + HOUR, 4 * HOUR, "v")),
    ]
    assert hours(agreed(CAP, *parts)) == ([(0, 3), (1, 4)], [(4, 5)])


def test_maintenance_that_is_late_does_not_use_the_cap() -> None:
    terms = MaintenanceTerms(notice=DAY, monthly_cap=4 * HOUR)
    parts = [part(START, 3 * HOUR, START), part(START + 10 * HOUR, 4 * HOUR)]
    assert hours(agreed(terms, *parts)) == ([(10, 14)], [(0, 3)])


def test_each_calendar_month_has_its_own_cap() -> None:
    """The window across the end of the month uses four hours of each month; the excluded parts are one exclusion."""
    across = part(MONTH_END - 4 * HOUR, 9 * HOUR)
    actual = agreed(CAP, across)
    assert [e.interval for e in actual.excluded] == [Interval(MONTH_END - 4 * HOUR, MONTH_END + 4 * HOUR)]
    assert [kept.exclusion.interval for kept in actual.not_excluded] == [
        Interval(MONTH_END + 4 * HOUR, MONTH_END + 5 * HOUR)
    ]


def test_adjacent_parts_are_joined_unless_they_differ() -> None:
    parts = [part(START, HOUR), part(START + HOUR, HOUR), part(START + 2 * HOUR, HOUR, START)]
    assert hours(agreed(NOTICE, *parts)) == ([(0, 2)], [(2, 3)])
    assert hours(agreed(MaintenanceTerms(), *parts)) == ([(0, 3)], [])
