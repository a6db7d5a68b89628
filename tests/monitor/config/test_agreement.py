"""Agreements: what may be left out, and when nothing is promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.agreement import Agreement, Dependency
from sla.exclusion import Cause
from sla.interval import HOUR, total
from sla.service_hours import ALWAYS
from sla.window import format_instant, parse_interval
from tests.monitor.config.kinds import SMALLEST, complaints, examined, loaded

if TYPE_CHECKING:
    from pathlib import Path


def with_agreement(text: str) -> str:
    return SMALLEST + f"    agreement: {text}\n"


def test_an_agreement_says_hours_holidays_and_what_is_left_out(tmp_path: Path) -> None:
    """Another product's downtime by its id."""
    other = '  - {id: login, objective: 99%, checks: [{id: c, tcp: "h:1"}]}\n'
    text = with_agreement('{service_hours: "Mon-Fri 07:00-18:00", holidays: BC, excludes: [{dependency: login}]}')
    agreement = loaded(tmp_path, text + other).products[0].agreement
    assert str(agreement.service_hours) == "Mon-Fri 07:00-18:00"
    assert agreement.excludes == (Dependency("login"),)
    assert agreement.model_dump(mode="json")["excludes"] == [{"dependency": "login"}]


def test_without_an_agreement_maintenance_and_corrections_are_left_out(tmp_path: Path) -> None:
    """Round the clock, holidays too."""
    agreement = loaded(tmp_path, SMALLEST).products[0].agreement
    assert agreement == Agreement()
    assert (agreement.service_hours, agreement.excludes) == (ALWAYS, ("maintenance", "corrections"))
    year = parse_interval("2025-01-01T00:00:00Z/2026-01-01T00:00:00Z")
    assert list(agreement.out_of_hours(year, "America/Vancouver")) == []


@pytest.mark.parametrize(
    ("where", "week", "hours"),
    [
        ("BC", "2025-09-29T07:00:00Z/2025-10-06T07:00:00Z", 4 * 11),  # National Day for Truth and Reconciliation
        ("BC", "2025-08-04T07:00:00Z/2025-08-11T07:00:00Z", 4 * 11),  # British Columbia Day, which is BC's alone
        ("Canada", "2025-08-04T07:00:00Z/2025-08-11T07:00:00Z", 5 * 11),
        ("Canada", "2025-06-30T07:00:00Z/2025-07-07T07:00:00Z", 4 * 11),  # Canada Day
    ],
)
def test_statutory_holidays_are_out_of_hours(where: str, week: str, hours: int) -> None:
    """Of a week of 55 hours, one day less."""
    agreement = Agreement.model_validate({"service_hours": "Mon-Fri 07:00-18:00", "holidays": where})
    window = parse_interval(week)
    found = list(agreement.out_of_hours(window, "America/Vancouver"))
    assert window.length - total(each.interval for each in found) == hours * HOUR
    assert {each.cause for each in found} == {Cause.SERVICE_HOURS}
    off = [each for each in found if each.label != "Mon-Fri 07:00-18:00"]
    assert [(each.interval.length, each.reason) for each in off] == [(11 * HOUR, f"statutory holiday, {where}")] * (
        (55 - hours) // 11
    )


def test_the_agreements_own_zone_wins() -> None:
    """Christmas Day is the one of that zone; holidays alone leave out their whole day."""
    agreement = Agreement.model_validate({"holidays": "BC", "zone": "America/Toronto"})
    (found,) = agreement.out_of_hours(parse_interval("2025-12-24T00:00:00Z/2025-12-30T00:00:00Z"), "America/Vancouver")
    assert (found.label, found.reason) == ("Christmas Day", "statutory holiday, BC")
    assert format_instant(found.interval.start) == "2025-12-25T05:00:00Z"
    assert format_instant(found.interval.end) == "2025-12-26T05:00:00Z"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("{service_hours: nine to five}", "service_hours", 'write "Mon-Fri 07:00-18:00"'),
        ("{service_hours: 24}", "service_hours", "not service hours"),
        ("{holidays: Ontario}", "holidays", "must be BC or Canada"),
        ("{zone: Vancouver}", "zone", "is not a time zone"),
        ("{excludes: [weekends]}", "excludes[0]", "write maintenance, corrections, or {dependency: <product>}"),
        ("{excludes: [{dependency: [a]}]}", "excludes[0]", "write maintenance"),
        ("{excludes: [{product: login}]}", "excludes[0]", "write maintenance"),
        (
            "{excludes: [{dependency: nobody}]}",
            "excludes[0].dependency",
            'no product "nobody"; there are demo',
        ),
        ("{excludes: [{dependency: demo}]}", "excludes[0].dependency", "is the product itself"),
        ("{exclude: [maintenance]}", "exclude", "did you mean excludes?"),
    ],
)
def test_a_mistake_is_told_at_its_key(tmp_path: Path, text: str, where: str, says: str) -> None:
    """With what to write."""
    (complaint,) = complaints(tmp_path, with_agreement(text))
    assert f" products.demo.agreement.{where}: " in complaint
    assert says in complaint


def test_a_shift_of_the_evening_before_goes_on_and_the_holidays_own_is_off_to_its_end() -> None:
    """Nights of Christmas 2025: that of the 24th is served to its end, that of the 25th is off to its own."""
    agreement = Agreement.model_validate({"service_hours": "22:00-02:00", "holidays": "BC", "zone": "UTC"})
    window = parse_interval("2025-12-24T12:00:00Z/2025-12-26T12:00:00Z")
    named = {each.label: each.interval for each in agreement.out_of_hours(window, "UTC")}
    assert named["Christmas Day"] == parse_interval("2025-12-25T22:00:00Z/2025-12-26T02:00:00Z")
    inside = parse_interval("2025-12-25T23:00:00Z/2025-12-25T23:30:00Z")
    assert [each.interval for each in agreement.out_of_hours(inside, "UTC")] == [inside]


def test_maintenance_that_the_agreement_counts_is_doubted(tmp_path: Path) -> None:
    """It is allowed, as CHEFS' draft has it, and a surprise to whoever planned it."""
    block = "    maintenance: [{start: 2026-12-06T02:00, end: 2026-12-06T04:00, reason: x}]\n"
    (warning,) = examined(tmp_path, with_agreement("{excludes: [corrections]}") + block).warnings
    assert " products.demo.maintenance: downtime during maintenance is counted" in str(warning)
    assert not examined(tmp_path, SMALLEST + block).warnings
