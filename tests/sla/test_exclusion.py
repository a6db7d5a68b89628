"""Tests of exclusions: raw and contractual figures, the audit, and two agreements computed by hand."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from sla.availability import Verdict
from sla.calendar import Period, Window, calendar_window
from sla.compose import Composition
from sla.exclusion import Cause, ExcludedPiece, Exclusion, audit, dependency_downtime, measure_agreement, totals
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import Objective
from sla.observation import Outcome
from sla.rule import Rule
from sla.service_hours import ServiceHours
from sla.timeline import Timeline
from sla.window import parse_instant, parse_window

HOLD = 130 * SECOND
NINETY_NINE_95 = Objective.parse("99.95%")


def maintenance(start: int, end: int, label: str = "") -> Exclusion:
    return Exclusion(Interval(start, end), Cause.MAINTENANCE, label)


def correction(start: int, end: int, **fields: object) -> Exclusion:
    return Exclusion(Interval(start, end), Cause.CORRECTION, **fields)  # type: ignore[arg-type]


def minutely(start: int, end: int, *outages: tuple[int, int]) -> Timeline:
    """Return a timeline probed each minute from start to end, bad at first <= at <= last of each outage."""
    timeline = Timeline(HOLD)
    for at in range(start, end + 1, MINUTE):
        bad = any(first <= at <= last for first, last in outages)
        timeline.append(at, Outcome.BAD if bad else Outcome.GOOD)
    return timeline


def test_empty_exclusion_or_exclusion_outside_the_window_has_no_effect() -> None:
    planned = maintenance(2, 6)
    others = [correction(4, 4), correction(-3, 0), correction(20, 25), correction(0, 0), correction(20, 20)]
    assert list(audit(Interval(0, 20), [planned, *others])) == [ExcludedPiece(Interval(2, 6), (planned,))]


def test_shared_time_is_one_piece_with_both_causes() -> None:
    """Shared time is counted once."""
    planned, corrected = maintenance(2, 6), correction(4, 9)
    assert list(audit(Interval(0, 20), [corrected, planned])) == [
        ExcludedPiece(Interval(2, 4), (planned,)),
        ExcludedPiece(Interval(4, 6), (planned, corrected)),
        ExcludedPiece(Interval(6, 9), (corrected,)),
    ]


def test_exclusions_are_limited_to_the_window() -> None:
    """Time outside the window and empty exclusions are not in the audit. Duplicates are listed once."""
    across, outside, empty = maintenance(-5, 3), maintenance(30, 40), maintenance(7, 7)
    assert list(audit(Interval(0, 20), [across, outside, empty, across])) == [ExcludedPiece(Interval(0, 3), (across,))]
    assert list(audit(Interval(0, 20), [])) == []


def test_totals_per_cause() -> None:
    """Shared time counts for both causes. Causes without excluded time are omitted. The order is that of the causes."""
    pieces = list(audit(Interval(0, 20), [correction(4, 9), maintenance(2, 6), maintenance(5, 7)]))
    assert list(totals(pieces).items()) == [(Cause.MAINTENANCE, 5), (Cause.CORRECTION, 5)]
    assert totals([]) == {}


def test_json_of_a_correction_has_author_reason_and_time() -> None:
    """The JSON has seconds, RFC 3339 instants, and null for missing values."""
    exclusion = correction(0, SECOND, label="7f", author="Ada", reason="probe account locked", made=MINUTE)
    (piece,) = audit(Interval(0, DAY), [exclusion])
    assert piece.as_json() == {
        "start": "1970-01-01T00:00:00Z",
        "end": "1970-01-01T00:00:01Z",
        "seconds": 1.0,
        "causes": [
            {
                "cause": "correction",
                "label": "7f",
                "author": "Ada",
                "reason": "probe account locked",
                "made": "1970-01-01T00:01:00Z",
            }
        ],
    }
    assert maintenance(0, 1).as_json() == {
        "cause": "maintenance",
        "label": "",
        "author": None,
        "reason": None,
        "made": None,
    }


def test_dependency_is_excluded_while_its_point_state_is_down() -> None:
    """Half of the doubt before the first bad probe and half after the last one count as down. Unknown time does not."""
    timeline = minutely(0, 10 * MINUTE, (4 * MINUTE, 6 * MINUTE))
    exclusions = list(dependency_downtime(timeline, Interval(0, HOUR), "keycloak"))
    assert exclusions == [Exclusion(Interval(210 * SECOND, 390 * SECOND), Cause.DEPENDENCY, "keycloak")]


def test_without_exclusions_contractual_equals_raw() -> None:
    """The audit is empty."""
    day = parse_window("24h", DAY, ZoneInfo("UTC"))
    agreed = measure_agreement(minutely(0, DAY, (HOUR, 2 * HOUR)), day, NINETY_NINE_95, ())
    assert agreed.raw == agreed.contractual
    assert (agreed.excluded_pieces, agreed.excluded) == ((), 0)


def test_future_maintenance_reduces_the_budget_of_a_month_in_progress() -> None:
    """744 h of 99.95 % allow 1,339.2 s. Less 2 h elapsed and 4 h to come: 738 h = 2,656,800 s, which allow 1,328.4 s.

    Only the elapsed 2 h are in the audit.
    """
    zone = ZoneInfo("UTC")
    now = parse_instant("2026-10-11T00:00:00Z")
    window = calendar_window(Period.MONTH, now, zone)
    start = window.full.start
    past = maintenance(start + DAY, start + DAY + 2 * HOUR)
    coming = maintenance(start + 20 * DAY, start + 20 * DAY + 4 * HOUR)
    agreed = measure_agreement(minutely(start, now), window, NINETY_NINE_95, [past, coming])
    assert agreed.raw.budget is not None
    assert agreed.contractual.budget is not None
    assert float(agreed.raw.budget.allowed / SECOND) == pytest.approx(1339.2, abs=1e-9)
    assert float(agreed.contractual.budget.allowed / SECOND) == pytest.approx(1328.4, abs=1e-9)
    assert [piece.interval for piece in agreed.excluded_pieces] == [past.interval]
    assert agreed.excluded == 2 * HOUR
    assert agreed.contractual.window == window.measured


class TestPathfinder:
    """Pathfinder SSO: 99.95 %, planned maintenance excluded (sso-docs, docs/uptime.md).

    30 days = 2,592,000 s. Probes each minute. Two outages:
    - planned: bad from day 3 02:00 to 02:29 (30 probes). Down 29 min for certain (between neighbouring bad probes), and
      2 x 1 min of doubt, of which half is down by the point estimate: 30 min = 1,800 s. Maintenance was announced for
      02:00-03:00 but took effect at 02:00, so the doubt 01:59-02:00, whose second half is down, lies
      before it.
    - not planned: bad from day 9 to 4 min later (5 probes): 4 min certain + 2 x 30 s = 5 min = 300 s.

    Raw: point downtime 2,100 s of 2,592,000 s: 99.918981 %. Allowed 0.0005 x 2,592,000 = 1,296 s: missed.
    Contractual: the window is 2,592,000 - 3,600 = 2,588,400 s, allowed 1,294.2 s. Remaining: 30 s of doubt before
    02:00, and 300 s: 330 s, so 99.987250 %: the point estimate meets it, and so does the lowest bound, for which all
    doubt is down: 60 s before 02:00, none after 02:29 (it ends 02:30, inside), 240 + 120 s: 420 s <= 1,294.2 s.
    """

    WINDOW = Window("30d", Interval(0, 30 * DAY), Interval(0, 30 * DAY))
    PLANNED = 3 * DAY + 2 * HOUR

    def test_raw_is_missed_and_contractual_is_met(self) -> None:
        """The expected values are computed in the docstring of the class."""
        outage = (self.PLANNED, self.PLANNED + 29 * MINUTE)
        timeline = minutely(0, 30 * DAY, outage, (9 * DAY, 9 * DAY + 4 * MINUTE))
        planned = maintenance(self.PLANNED, self.PLANNED + HOUR, "upgrade")
        agreed = measure_agreement(timeline, self.WINDOW, NINETY_NINE_95, [planned])
        assert agreed.raw.downtime.point == 2_100 * SECOND
        assert agreed.raw.availability.point == Fraction(2_592_000 - 2_100, 2_592_000)
        assert agreed.raw.verdict is Verdict.MISSED
        assert agreed.contractual.downtime.point == 330 * SECOND
        assert agreed.contractual.availability.point == Fraction(2_588_400 - 330, 2_588_400)
        assert agreed.contractual.downtime.high == 420 * SECOND
        assert agreed.contractual.budget is not None
        assert agreed.contractual.budget.allowed == Fraction(12_942, 10) * SECOND
        assert agreed.contractual.verdict is Verdict.MET
        assert agreed.excluded_pieces == (ExcludedPiece(planned.interval, (planned,)),)


class TestChefs:
    """CHEFS' draft agreement: 99.95 %, excluding downtime of the platform, of the Keycloak login and of external APIs.

    A day of 86,400 s, probed each minute, allowed 0.0005 x 86,400 = 43.2 s. What was bad:
    - Keycloak 10:00-10:19 (20 probes); CHEFS with it 10:01-10:24 (24 probes): it took five minutes longer to come back.
    - the platform 10:10-10:29 (20 probes).
    - CHES, an external API, 15:00-15:09 (10 probes); CHEFS stayed up.
    Point downtime is the probes times a minute: half a minute before the first and after the last.
    - Keycloak 09:59:30-10:19:30, platform 10:09:30-10:29:30, CHES 14:59:30-15:09:30.
    Excluded: 09:59:30-10:29:30 (30 min, of which 10 min have two causes) and 14:59:30-15:09:30 (10 min): 2,400 s.
    Keycloak 1,200 s, platform 1,200 s, CHES 600 s: 3,000 s, 600 s more than is excluded.
    Raw: CHEFS was down 10:00:30-10:24:30 = 1,440 s: 1 - 1,440 / 86,400 = 98.3333 %: missed.
    Contractual: all of it is excluded; 84,000 s are left, without downtime: 100 %, allowed 42 s, met.
    """

    DAY = Window("24h", Interval(0, DAY), Interval(0, DAY))

    @staticmethod
    def bad(first: str, last: str) -> tuple[int, int]:
        return tuple(int(t[:2]) * HOUR + int(t[3:]) * MINUTE for t in (first, last))  # type: ignore[return-value]

    def test_downtime_of_named_dependencies_is_excluded_once(self) -> None:
        """The expected values are computed in the docstring of the class."""
        chefs = minutely(0, DAY, self.bad("10:01", "10:24"))
        others = {
            "keycloak": minutely(0, DAY, self.bad("10:00", "10:19")),
            "platform": minutely(0, DAY, self.bad("10:10", "10:29")),
            "ches": minutely(0, DAY, self.bad("15:00", "15:09")),
        }
        exclusions = [e for name, other in others.items() for e in dependency_downtime(other, self.DAY.full, name)]
        agreed = measure_agreement(chefs, self.DAY, NINETY_NINE_95, exclusions)
        assert agreed.raw.downtime.point == 1_440 * SECOND
        assert agreed.raw.verdict is Verdict.MISSED
        assert agreed.excluded == 2_400 * SECOND
        assert totals(agreed.excluded_pieces) == {Cause.DEPENDENCY: 2_400 * SECOND}
        assert [[c.label for c in piece.causes] for piece in agreed.excluded_pieces] == [
            ["keycloak"],
            ["keycloak", "platform"],
            ["platform"],
            ["ches"],
        ]
        assert agreed.contractual.durations.total == 84_000 * SECOND
        assert agreed.contractual.availability.point == 1
        assert agreed.contractual.verdict is Verdict.MET

    def test_time_outside_service_hours_is_excluded(self) -> None:
        """The team answers 09:00-17:00 on weekdays: one outage in the night, one in the morning, both ten probes long.

        Monday 00:00 to Saturday 00:00 UTC: 5 x 8 h = 144,000 s of 432,000 s count. Down 600 s of them: 99.5833 %; raw
        1,200 s of 432,000 s: 99.7222 %. A figure for hours can be the lower one.
        """
        monday = parse_instant("2026-11-16T00:00:00Z")
        week = Interval(monday, monday + 5 * DAY)
        outages = [(monday + at, monday + at + 9 * MINUTE) for at in (3 * HOUR, DAY + 10 * HOUR)]
        office = ServiceHours.parse("Mon-Fri 09:00-17:00")
        closed = [Exclusion(span, Cause.SERVICE_HOURS, str(office)) for span in office.outside(week, ZoneInfo("UTC"))]
        window = Window("", week, week)
        agreed = measure_agreement(minutely(week.start, week.end, *outages), window, NINETY_NINE_95, closed)
        assert agreed.raw.availability.point == 1 - Fraction(1_200, 432_000)
        assert agreed.contractual.availability.point == 1 - Fraction(600, 144_000)
        assert agreed.excluded == 288_000 * SECOND


def test_raw_and_contractual_are_marked_as_provisional_independently() -> None:
    figures = measure_agreement(
        minutely(0, HOUR), Window("1h", Interval(0, HOUR), Interval(0, HOUR)), NINETY_NINE_95, []
    )
    marked = figures.mark_provisional(raw=False, contractual=True)
    assert (marked.raw.provisional, marked.contractual.provisional) == (False, True)
    assert figures.mark_provisional(raw=True, contractual=False).raw.provisional
    assert marked.mark_provisional(raw=False, contractual=False) == figures


def test_dependency_downtime_ends_at_its_last_known_observation() -> None:
    """It may have been up after its last observation. Guesses are not excluded either."""
    timeline = minutely(0, 10 * MINUTE, (8 * MINUTE, 10 * MINUTE))
    window = Interval(0, HOUR)
    (only,) = dependency_downtime(timeline, window, "keycloak")
    assert only.interval == Interval(7 * MINUTE + 30 * SECOND, 10 * MINUTE)
    timeline.append(10 * MINUTE + 1, Outcome.UNKNOWN)
    assert list(dependency_downtime(timeline, window, "keycloak")) == [only]
    assert list(dependency_downtime(Timeline(HOLD), window, "keycloak")) == []
    assert list(dependency_downtime(timeline, Interval(20 * MINUTE, HOUR), "keycloak")) == []
    silent = Timeline(HOLD)
    composition = Composition(Rule(), [minutely(0, HOUR), silent])
    assert list(dependency_downtime(composition, window, "keycloak")) == []


def test_dependency_is_known_up_to_the_latest_observation_of_its_checks() -> None:
    early, late = (
        minutely(0, 10 * MINUTE, (5 * MINUTE, 10 * MINUTE)),
        minutely(0, 12 * MINUTE, (5 * MINUTE, 12 * MINUTE)),
    )
    (only,) = dependency_downtime(Composition(Rule(), [early, late]), Interval(0, HOUR), "keycloak")
    assert only.interval.end == 12 * MINUTE
