"""Agreements as plain data: equal meanings give equal data, and the data excludes the same time."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.config.agreement import Agreement
from monitor.config.agreement_meaning import agreement_meaning, agreement_of
from monitor.config.service_hours_exclusions import service_hours_exclusions
from sla.interval import DAY, Interval
from sla.window import parse_instant


def meaning_of(zone: str = "America/Vancouver", **fields: Any) -> dict[str, Any]:
    return agreement_meaning(Agreement.model_validate(fields), zone)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"service_hours": "Mon-Sun 00:00-24:00", "zone": "UTC"}),
        ({}, {"service_hours": "Mon-Sun 18:00-06:00, 06:00-18:00"}),
        (
            {"service_hours": "Mon-Fri 07:00-18:00"},
            {"service_hours": "mon-thu 07:00-12:00, 12:00-18:00; Fri 7:00-18:00"},
        ),
        ({"service_hours": "Mon 22:00-02:00"}, {"service_hours": "Mon 22:00-24:00; Tue 00:00-02:00"}),
        ({"service_hours": "Sun 22:00-02:00"}, {"service_hours": "Mon 00:00-02:00; Sun 22:00-24:00"}),
        ({"holidays": "BC"}, {"holidays": "BC", "zone": "America/Vancouver"}),
        (
            {"excludes": ["corrections", {"dependency": "sso"}, "maintenance"]},
            {"excludes": [{"dependency": "sso"}, "maintenance", "corrections", "maintenance"]},
        ),
        ({"longest_outage": "22m"}, {"longest_outage": "1320s"}),
    ],
)
def test_agreements_with_equal_meaning_give_equal_data(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert meaning_of(**first) == meaning_of(**second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            {"holidays": "BC", "service_hours": "Mon 22:00-02:00"},
            {"holidays": "BC", "service_hours": "Mon 22:00-24:00; Tue 00:00-02:00"},
        ),
        ({"holidays": "BC"}, {"holidays": "Canada"}),
        ({"holidays": "BC"}, {"holidays": "BC", "zone": "UTC"}),
        ({"excludes": []}, {"excludes": ["maintenance"]}),
        ({}, {"total_outage": {"limit": "4h", "per": "30d"}}),
    ],
)
def test_agreements_with_different_meaning_give_different_data(first: dict[str, Any], second: dict[str, Any]) -> None:
    """First case: a shift that begins on a holiday is excluded after midnight too."""
    assert meaning_of(**first) != meaning_of(**second)


def test_zone_without_effect_is_omitted() -> None:
    assert "zone" not in meaning_of("UTC")
    assert "zone" not in meaning_of("UTC", maintenance={"notice": "5d"})
    assert meaning_of("UTC", maintenance={"at_most": "4h per month"})["zone"] == "UTC"
    assert meaning_of("UTC", service_hours="Mon 07:00-18:00")["zone"] == "UTC"
    assert meaning_of("UTC", service_hours="Mon 07:00-18:00")["service_hours"] == {"Mon": ["07:00-18:00"]}


WINDOW = Interval(parse_instant("2026-12-01T00:00:00Z"), parse_instant("2026-12-01T00:00:00Z") + 70 * DAY)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"service_hours": "Mon-Fri 07:00-18:00"},
        {"service_hours": "Mon-Fri 07:00-18:00", "holidays": "BC"},
        {"service_hours": "Mon-Sun 22:00-02:00; Sat 10:00-14:30", "zone": "UTC"},
        {"service_hours": "Fri 22:00-02:00, 00:00-24:00", "holidays": "Canada"},
        {"holidays": "BC", "zone": "Europe/Berlin"},
        {"excludes": [{"dependency": "sso"}, "maintenance"]},
        {"excludes": [], "longest_outage": "22m", "total_outage": {"limit": "4h", "per": "30d"}},
        {"maintenance": {"notice": "5d", "at_most": "4h per month", "approval": "second_person"}},
        {"maintenance": {"at_most": "4h per month"}, "zone": "UTC"},
    ],
)
def test_agreement_from_data_excludes_the_same_time(fields: dict[str, Any]) -> None:
    agreement = Agreement.model_validate(fields)
    data = agreement_meaning(agreement, "America/Vancouver")
    restored = agreement_of(data | {"of a newer version": 1})
    assert agreement_meaning(restored, "America/Vancouver") == data
    zone = "America/Vancouver"
    assert excluded_intervals(restored, zone) == excluded_intervals(agreement, zone)
    assert set(restored.excludes) == set(agreement.excludes)
    assert list(restored.limits()) == list(agreement.limits())
    assert restored.maintenance == agreement.maintenance


def excluded_intervals(agreement: Agreement, zone: str) -> list[Interval]:
    return sorted(hour.interval for hour in service_hours_exclusions(agreement, WINDOW, zone))


def test_restored_service_hours_are_printed_in_short_form() -> None:
    restored = agreement_of(
        meaning_of(service_hours="Mon 07:00-18:00; Tue-Fri 7:00-18:00; Sun 10:00-12:00, 13:00-14:00")
    )
    assert str(restored.service_hours) == "Mon-Fri 07:00-18:00; Sun 10:00-12:00, 13:00-14:00"


@pytest.mark.parametrize(
    "change",
    [
        {"excludes": 5},
        {"service_hours": "always"},
        {"service_hours": {"Mon": ["seven"]}},
        {"longest_outage_seconds": "long"},
        {"total_outage": {"limit_seconds": 5}},
        {"maintenance": {"notice_seconds": [5]}},
    ],
)
def test_invalid_agreement_data_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        agreement_of(meaning_of() | change)
