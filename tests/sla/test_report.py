"""Tests of the figures of a report: its periods, each measured like other windows."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from sla.calendar import Period, Window, calendar_window
from sla.evidence import Evidence, attested
from sla.exclusion import Cause, Exclusion, measure_agreement
from sla.incident import Incident, IncidentPart
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.measured import measure
from sla.objective import Objective
from sla.observation import Observation, Outcome
from sla.outage import LimitKind, OutageLimit
from sla.readiness import Checklist, ChecklistItem, readiness
from sla.report import MAX_DAILY, MIN_MONTHS, TREND_PERIODS, Report, Subject, incident_json, last_complete, report
from sla.timeline import Timeline
from sla.window import parse_instant

ZONE = ZoneInfo("America/Vancouver")
BEGIN, AT = parse_instant("2025-09-10T00:00:00Z"), parse_instant("2025-11-20T12:00:00Z")
DOWN = Interval(AT - 3 * DAY, AT - 3 * DAY + 2 * HOUR)
GOAL = Objective.parse("99.9%")
CUT = (Exclusion(Interval(DOWN.start, DOWN.start + HOUR), Cause.MAINTENANCE),)


def observation_at(at: int) -> Observation:
    bad = DOWN.start <= at < DOWN.end
    return Observation("p/c", at, Outcome.BAD if bad else Outcome.GOOD)


HISTORY = Timeline.of(map(observation_at, range(BEGIN, AT, 10 * MINUTE)), 25 * MINUTE)


def report_of(window: Window, *incidents: Incident) -> Report:
    return report("p", Subject(HISTORY, GOAL, 10 * MINUTE, lambda _: CUT, incidents=incidents), window, ZONE)


MONTH = calendar_window(Period.MONTH, AT, ZONE)
REPORT = report_of(MONTH)


def test_days_add_up_to_the_window() -> None:
    assert [step.window.measured.start for step in REPORT.steps[1:]] == [
        e.window.measured.end for e in REPORT.steps[:-1]
    ]
    for figure in ("raw", "contractual"):
        complete = getattr(REPORT.figures, figure)
        parts = [getattr(step.figures, figure) for step in REPORT.steps]
        assert sum(part.durations.down for part in parts) == complete.durations.down
        assert sum(part.excluded for part in parts) == complete.excluded
        assert sum(part.counts.known for part in parts) == complete.counts.known
    assert {step.window.measured.length for step in REPORT.steps[:-1]} == {DAY, 25 * HOUR}


def test_exclusions_are_requested_from_the_earliest_window_to_the_latest() -> None:
    requested: list[Interval] = []

    def exclusions(span: Interval) -> tuple[Exclusion, ...]:
        requested.append(span)
        return CUT

    actual = report("p", Subject(HISTORY, GOAL, 10 * MINUTE, exclusions), MONTH, ZONE)
    windows = [step.window.full for step in (*actual.steps, *actual.months, *actual.trend)]
    assert requested == [Interval(min(window.start for window in windows), MONTH.full.end)]


def test_trend_begins_with_the_record_and_ends_with_the_window() -> None:
    names = [(step.window.full.start, step.window.in_progress) for step in REPORT.trend]
    starts = ("2025-09-01T07:00:00Z", "2025-10-01T07:00:00Z", "2025-11-01T07:00:00Z")
    assert names == [(parse_instant(start), start.startswith("2025-11")) for start in starts]
    assert REPORT.trend[-1].figures == REPORT.figures


def test_outage_limits_are_evaluated_over_the_window_after_exclusions() -> None:
    """Down for two hours, the first one during maintenance. The total includes time before a short window."""
    limits = (OutageLimit(LimitKind.LONGEST, 2 * HOUR), OutageLimit(LimitKind.TOTAL, HOUR // 2, 30 * DAY))
    subject = Subject(HISTORY, GOAL, 10 * MINUTE, lambda _: CUT, limits=limits)
    actual = report("p", subject, MONTH, ZONE)
    assert [outage.limit for outage in actual.figures.outages] == list(limits)
    assert [outage.measured.low for outage in actual.figures.outages] == [50 * MINUTE, 50 * MINUTE]
    assert [limit["verdict"] for limit in actual.as_json()["outage_limits"]] == ["met", "missed"]
    assert not any(step.figures.outages for step in actual.steps)
    today = report("p", subject, calendar_window(Period.DAY, AT, ZONE), ZONE)
    assert [outage.measured.low for outage in today.figures.outages] == [0, 50 * MINUTE]


def test_every_period_is_measured_like_other_windows() -> None:
    for step in (*REPORT.steps, *REPORT.months, *REPORT.trend):
        assert step.figures == measure_agreement(HISTORY, step.window, GOAL, CUT, interval=10 * MINUTE)
        complete = step.window.full if step.window.in_progress else None
        assert step.figures.raw == measure(
            HISTORY, step.window.measured, GOAL, interval=10 * MINUTE, full_window=complete
        )


def test_month_in_progress_has_the_budget_of_the_complete_month() -> None:
    last = REPORT.months[-1].figures.contractual.budget
    assert last is not None
    assert last.allowed == GOAL.allowed(MONTH.full.length - HOUR)


LONG = Timeline.of_pairs(
    ((at, Outcome.GOOD) for at in range(parse_instant("2024-10-15T00:00:00Z"), AT, 6 * HOUR)), 13 * HOUR
)


@pytest.mark.parametrize(
    ("start", "first", "count"),
    [
        ("2025-11-01T07:00:00Z", "2025-06-01T07:00:00Z", MIN_MONTHS),  # one month: the six that end with it
        ("2025-06-01T07:00:00Z", "2025-06-01T07:00:00Z", MIN_MONTHS),  # exactly six
        ("2025-05-31T07:00:00Z", "2025-05-01T07:00:00Z", 7),  # the seventh is touched by a day
        ("2025-01-01T08:00:00Z", "2025-01-01T08:00:00Z", 11),  # every month of a longer window
        ("2024-10-01T07:00:00Z", "2024-10-01T07:00:00Z", 14),  # the month in which the record began
        ("2024-09-01T07:00:00Z", "2024-10-01T07:00:00Z", 14),  # none from before it
    ],
)
def test_report_has_at_least_six_months_of_budget(start: str, first: str, count: int) -> None:
    span = Interval(parse_instant(start), AT)
    months = report("p", Subject(LONG, GOAL, 6 * HOUR, lambda _: ()), Window("w", span, span), ZONE).months
    assert MIN_MONTHS == 6
    assert (months[0].window.full.start, len(months)) == (parse_instant(first), count)
    assert [month.window.full.start for month in months[1:]] == [month.window.full.end for month in months[:-1]]
    assert (months[-1].window.full, months[-1].window.measured.end) == (MONTH.full, AT)


def test_trend_of_a_rolling_window_has_windows_of_the_same_length() -> None:
    span = Interval(AT - 7 * DAY, AT)
    actual = report_of(Window("7d", span, span))
    assert len(actual.trend) == TREND_PERIODS + 1
    ends = [step.window.measured.end for step in actual.trend]
    assert ends == [AT - back * 7 * DAY for back in range(TREND_PERIODS, -1, -1)]


def test_long_window_has_steps_of_months() -> None:
    span = Interval(AT - MAX_DAILY - 1, AT)
    actual = report_of(Window("long", span, span))
    assert actual.by_month
    assert [step.window.name for step in actual.steps] == ["month"] * len(actual.steps)
    assert (actual.steps[0].window.measured.start, actual.steps[-1].window.measured.end) == (span.start, span.end)


def test_window_of_exactly_the_limit_has_steps_of_days() -> None:
    """July and August are the two longest consecutive months."""
    assert MAX_DAILY == 62 * DAY
    span = Interval(AT - MAX_DAILY, AT)
    assert not report_of(Window("long", span, span)).by_month


def test_complete_month_has_exactly_its_days() -> None:
    actual = report_of(last_complete(Period.MONTH, AT, ZONE))
    assert (len(actual.steps), len(actual.months)) == (31, 2)
    assert actual.steps[-1].window.measured.end == MONTH.full.start


def test_window_that_ends_at_the_start_of_the_record_is_omitted() -> None:
    half = (AT - BEGIN) // 2
    span = Interval(AT - half, AT)
    assert [step.window.measured.start for step in report_of(Window("half", span, span)).trend] == [BEGIN, AT - half]


def test_window_without_elapsed_time_has_no_months_and_no_figures() -> None:
    actual = report_of(calendar_window(Period.MONTH, MONTH.full.start, ZONE))
    assert (actual.steps, actual.months) == ((), ())
    assert actual.figures.raw.availability == (None, None, None)


def test_json_without_unmet_items_has_no_ceiling() -> None:
    def ceiling(*evidence: Evidence) -> object:
        item = ChecklistItem("dr", "Disaster recovery", "", "", Fraction("0.9995"))
        subject = Subject(HISTORY, GOAL, 10 * MINUTE, lambda _: ())
        ready = readiness(Checklist("c", "C", "", (item,)), evidence, AT)
        return report("p", replace(subject, readiness=ready), MONTH, ZONE).as_json()["claim_ceiling"]

    assert ceiling() == 0.9995
    assert ceiling(attested("dr", "Ada", AT + DAY)) is None


def test_trend_of_the_last_complete_month_has_the_month_before() -> None:
    window = last_complete(Period.MONTH, AT, ZONE)
    assert (window.name, window.in_progress) == ("last month", False)
    assert window.full == MONTH.full.__class__(parse_instant("2025-10-01T07:00:00Z"), MONTH.full.start)
    assert [step.window.full.start for step in report_of(window).trend] == [
        parse_instant("2025-09-01T07:00:00Z"),
        window.full.start,
    ]


def test_incidents_touch_the_window_and_are_as_known_at_its_end() -> None:
    before = Incident.open("p", "p/c", MONTH.full.start - HOUR, "x").resolve(MONTH.full.start)
    across = Incident.open("p", "p/c", MONTH.full.start - MINUTE, "x").resolve(MONTH.full.start + HOUR)
    later = Incident.open("p", "p/c", AT - HOUR, "x").resolve(AT + HOUR, HISTORY)
    after = Incident.open("p", "p/c", AT, "x")
    incidents = report_of(MONTH, after, later, across, before).incidents
    assert [part.incident.id for part in incidents] == [across.id, later.id]
    assert (incidents[1].incident.resolved, incidents[1].incident.downtime) == (None, None)


def test_incident_resolved_at_the_end_of_the_window_is_resolved() -> None:
    ended = Incident.open("p", "p/c", AT - HOUR, "x").resolve(AT, HISTORY)
    later = Incident.open("p", "p/d", AT - HOUR, "x").resolve(AT + 1, HISTORY)
    assert {
        incident.incident.check: incident.incident.resolved for incident in report_of(MONTH, ended, later).incidents
    } == {
        "p/c": AT,
        "p/d": None,
    }


def test_open_incident_has_its_downtime_so_far() -> None:
    """The downtime is measured up to the end of the measured time, with the history of the incident's check."""
    at = DOWN.start + HOUR
    window = Window("7d", Interval(at - 7 * DAY, at), Interval(at - 7 * DAY, at))
    begun = Incident.open("p", "p/c", DOWN.start, "deadline")
    subject = Subject(HISTORY, GOAL, 10 * MINUTE, lambda _: (), checks={"p/c": HISTORY})
    for incident in (begun, begun.resolve(DOWN.end, HISTORY)):
        [actual] = report("p", replace(subject, incidents=[incident]), window, ZONE).incidents
        assert (actual.incident.resolved, actual.incident.downtime) == (None, HOUR + 5 * MINUTE)


def test_incident_has_its_downtime_in_the_window_and_in_total() -> None:
    """The values are as known at the instant of the report, which may be after the window's end."""
    ended = Incident.open("p", "p/c", DOWN.start, "deadline").resolve(DOWN.end, HISTORY)
    subject = Subject(HISTORY, GOAL, 10 * MINUTE, lambda _: (), incidents=[ended], checks={"p/c": HISTORY})
    middle = DOWN.start + HOUR
    spans = (Interval(middle - DAY, middle), Interval(middle, middle + DAY))
    parts = []
    for span in spans:
        actual = report("p", subject, Window("w", span, span), ZONE, DOWN.end + HOUR)
        [only] = actual.incidents
        assert (only.incident.resolved, only.incident.downtime) == (DOWN.end, ended.downtime)
        assert actual.as_json()["incidents"][0]["downtime_in_window_seconds"] == (only.downtime_in_window or 0) / SECOND
        parts.append(only.downtime_in_window)
    assert parts[0] == HOUR + 5 * MINUTE
    assert sum(part or 0 for part in parts) == ended.downtime


def test_each_window_of_a_report_has_its_own_provisional_mark() -> None:
    subject = Subject(HISTORY, GOAL, 10 * MINUTE, lambda _: (), provisional=lambda end: (end >= AT, True))
    actual = report("p", subject, MONTH, ZONE)
    assert (actual.figures.raw.provisional, actual.figures.contractual.provisional) == (True, True)
    assert [step.figures.raw.provisional for step in actual.steps] == [*[False] * (len(actual.steps) - 1), True]
    assert all(step.figures.contractual.provisional for step in actual.trend)


def test_empty_record_gives_a_report_without_figures() -> None:
    actual = report("p", Subject(Timeline(MINUTE), GOAL, MINUTE, lambda _: ()), MONTH, ZONE)
    assert actual.figures.raw.availability == (0, None, 1)
    assert (actual.months, len(actual.trend)) == ((), 1)
    assert actual.as_json()["raw"]["availability"]["point"] is None


def test_incident_json_has_downtime_in_seconds_or_null() -> None:
    begun = Incident.open("p", "p/c", DOWN.start, "deadline")
    ended = begun.resolve(DOWN.end, HISTORY)
    resolved_json, open_json = incident_json(IncidentPart(ended, MINUTE)), incident_json(IncidentPart(begun, None))
    assert (resolved_json["downtime_in_window_seconds"], open_json["downtime_in_window_seconds"]) == (60, None)
    assert (resolved_json["downtime_seconds"], open_json["downtime_seconds"]) == ((ended.downtime or 0) / SECOND, None)
    assert open_json["resolved"] is None
