"""Agreements: exclusions, service hours and statutory holidays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.agreement import Agreement, Dependency
from monitor.config.service_hours_exclusions import service_hours_exclusions
from sla.exclusion import Cause
from sla.interval import DAY, HOUR, total
from sla.maintenance_terms import MaintenanceTerms
from sla.service_hours import ALWAYS
from sla.window import format_instant, parse_interval
from tests.monitor.config.kinds import MINIMAL, examine_text, load_text, problems_of

if TYPE_CHECKING:
    from pathlib import Path


def with_agreement(text: str) -> str:
    return MINIMAL + f"    agreement: {text}\n"


def test_agreement_has_service_hours_holidays_and_exclusions(tmp_path: Path) -> None:
    """Another product's downtime is excluded by the product's id."""
    second_product = '  - {id: login, objective: 99%, checks: [{id: c, tcp: "h:1"}]}\n'
    text = with_agreement('{service_hours: "Mon-Fri 07:00-18:00", holidays: BC, excludes: [{dependency: login}]}')
    agreement = load_text(tmp_path, text + second_product).products[0].agreement
    assert str(agreement.service_hours) == "Mon-Fri 07:00-18:00"
    assert agreement.excludes == (Dependency("login"),)
    assert agreement.model_dump(mode="json")["excludes"] == [{"dependency": "login"}]


def test_default_agreement_excludes_maintenance_and_corrections(tmp_path: Path) -> None:
    """The default service hours are always, including holidays."""
    agreement = load_text(tmp_path, MINIMAL).products[0].agreement
    assert agreement == Agreement()
    assert (agreement.service_hours, agreement.excludes) == (ALWAYS, ("maintenance", "corrections"))
    year = parse_interval("2025-01-01T00:00:00Z/2026-01-01T00:00:00Z")
    assert list(service_hours_exclusions(agreement, year, "America/Vancouver")) == []


@pytest.mark.parametrize(
    ("calendar", "week", "hours"),
    [
        ("BC", "2025-09-29T07:00:00Z/2025-10-06T07:00:00Z", 4 * 11),  # National Day for Truth and Reconciliation
        ("BC", "2025-08-04T07:00:00Z/2025-08-11T07:00:00Z", 4 * 11),  # British Columbia Day, in BC only
        ("Canada", "2025-08-04T07:00:00Z/2025-08-11T07:00:00Z", 5 * 11),
        ("Canada", "2025-06-30T07:00:00Z/2025-07-07T07:00:00Z", 4 * 11),  # Canada Day
    ],
)
def test_statutory_holidays_are_out_of_hours(calendar: str, week: str, hours: int) -> None:
    """A week has 55 service hours; a holiday removes one day."""
    agreement = Agreement.model_validate({"service_hours": "Mon-Fri 07:00-18:00", "holidays": calendar})
    window = parse_interval(week)
    exclusions = list(service_hours_exclusions(agreement, window, "America/Vancouver"))
    assert window.length - total(exclusion.interval for exclusion in exclusions) == hours * HOUR
    assert {exclusion.cause for exclusion in exclusions} == {Cause.SERVICE_HOURS}
    holidays = [exclusion for exclusion in exclusions if exclusion.label != "Mon-Fri 07:00-18:00"]
    assert [(holiday.interval.length, holiday.reason) for holiday in holidays] == [
        (11 * HOUR, f"statutory holiday, {calendar}")
    ] * ((55 - hours) // 11)


def test_agreements_zone_overrides_the_portfolios() -> None:
    """Christmas Day is the day in this zone. Without service hours, the full day is excluded."""
    agreement = Agreement.model_validate({"holidays": "BC", "zone": "America/Toronto"})
    (exclusions,) = service_hours_exclusions(
        agreement, parse_interval("2025-12-24T00:00:00Z/2025-12-30T00:00:00Z"), "America/Vancouver"
    )
    assert (exclusions.label, exclusions.reason) == ("Christmas Day", "statutory holiday, BC")
    assert format_instant(exclusions.interval.start) == "2025-12-25T05:00:00Z"
    assert format_instant(exclusions.interval.end) == "2025-12-26T05:00:00Z"


@pytest.mark.parametrize(
    ("text", "key", "expected_text"),
    [
        ("{service_hours: nine to five}", "service_hours", 'use "Mon-Fri 07:00-18:00"'),
        ("{service_hours: 24}", "service_hours", "not service hours"),
        ("{holidays: Ontario}", "holidays", "must be BC or Canada"),
        ("{zone: Vancouver}", "zone", "is not a time zone"),
        (
            "{excludes: [weekends]}",
            "excludes[0]",
            "use maintenance, corrections, {dependency: <product>}, or {failover_of: <product>}",
        ),
        ("{excludes: [{dependency: [a]}]}", "excludes[0]", "use maintenance"),
        ("{excludes: [{product: login}]}", "excludes[0]", "use maintenance"),
        (
            "{excludes: [{dependency: nobody}]}",
            "excludes[0].dependency",
            'unknown product "nobody"; known products: demo',
        ),
        ("{excludes: [{dependency: demo}]}", "excludes[0].dependency", "is the product itself"),
        ("{exclude: [maintenance]}", "exclude", "did you mean excludes?"),
    ],
)
def test_mistake_is_reported_at_its_key_with_a_remedy(tmp_path: Path, text: str, key: str, expected_text: str) -> None:
    (problem,) = problems_of(tmp_path, with_agreement(text))
    assert f" products.demo.agreement.{key}: " in problem
    assert expected_text in problem


def test_holiday_excludes_the_shift_that_starts_on_it() -> None:
    """Nights of Christmas 2025: the shift of the 24th is served to its end; the shift of the 25th is excluded to its
    end.
    """
    agreement = Agreement.model_validate({"service_hours": "22:00-02:00", "holidays": "BC", "zone": "UTC"})
    window = parse_interval("2025-12-24T12:00:00Z/2025-12-26T12:00:00Z")
    interval_of = {
        exclusion.label: exclusion.interval for exclusion in service_hours_exclusions(agreement, window, "UTC")
    }
    assert interval_of["Christmas Day"] == parse_interval("2025-12-25T22:00:00Z/2025-12-26T02:00:00Z")
    part_of_shift = parse_interval("2025-12-25T23:00:00Z/2025-12-25T23:30:00Z")
    assert [exclusion.interval for exclusion in service_hours_exclusions(agreement, part_of_shift, "UTC")] == [
        part_of_shift
    ]


def test_maintenance_that_the_agreement_does_not_exclude_gets_a_warning(tmp_path: Path) -> None:
    """Such an agreement is allowed, as in the draft for CHEFS, but may be unexpected."""
    block = "    maintenance: [{start: 2026-12-06T02:00, end: 2026-12-06T04:00, reason: x}]\n"
    (warning,) = examine_text(tmp_path, with_agreement("{excludes: [corrections]}") + block).warnings
    assert " products.demo.maintenance: downtime during maintenance is counted" in str(warning)
    assert not examine_text(tmp_path, MINIMAL + block).warnings


def test_terms_for_maintenance(tmp_path: Path) -> None:
    text = with_agreement("{maintenance: {notice: 5d, at_most: 4h per month, approval: second_person}}")
    agreement = load_text(tmp_path, text).products[0].agreement
    assert agreement.maintenance is not None
    assert agreement.maintenance.terms == MaintenanceTerms(5 * DAY, 4 * HOUR, second_person=True)
    assert agreement.model_dump(mode="json")["maintenance"]["at_most"] == "4h per month"


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("{}", "has no condition; specify notice, at_most or approval"),
        ("{at_most: 4h}", 'not a duration per calendar month; use "4h per month"'),
        ("{at_most: 4}", 'not a duration per calendar month; use "4h per month"'),
        ("{at_most: soon per month}", "soon"),
        ("{at_most: 28d per month}", "must be shorter than a month"),
        ("{notice: 5}", "has no unit"),
        ("{approval: yes}", "second_person"),
        ("{notise: 5d}", "did you mean notice?"),
    ],
)
def test_invalid_terms_have_a_remedy(tmp_path: Path, terms: str, message: str) -> None:
    (problem,) = problems_of(tmp_path, with_agreement(f"{{maintenance: {terms}}}"))
    assert message in str(problem)


def test_terms_without_excluded_maintenance_are_rejected(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, with_agreement("{excludes: [corrections], maintenance: {notice: 5d}}"))
    assert "has no effect, because excludes does not contain maintenance" in str(problem)


def test_configured_maintenance_that_cannot_be_approved_gives_a_warning(tmp_path: Path) -> None:
    planned = '[{start: "2026-12-06T02:00", end: "2026-12-06T04:00", reason: patches}]'
    text = with_agreement("{maintenance: {approval: second_person}}") + f"    maintenance: {planned}\n"
    assert any("cannot be approved" in str(warning) for warning in examine_text(tmp_path, text).warnings)
