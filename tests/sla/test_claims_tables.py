"""Regression tests of false alarms and misses in tables of pages, each with a minimal table."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims import ClaimVerdict, audit
from tests.support.claims import table, wrong_claims


@pytest.mark.parametrize(
    "header",
    ["Available hours per year", "Stunden verfügbar im Jahr", "Heures de disponibilité par an", "Uptime (h/year)"],
)
def test_uptime_column_is_skipped(header: str) -> None:
    page = table(f"| SLA | {header} | Downtime (h/year) |", "| 99 % | 8672.4 | 87.6 |", "| 99.9 % | 8751.24 | 8.76 |")
    actual = audit(page)
    assert (actual.wrong, len(actual.claims)) == (0, 2)
    assert {figure.reason for figure in actual.skipped} == {"its header indicates uptime"}


@pytest.mark.parametrize("header", ["Hours", "Stunden im Jahr"])
def test_uptime_column_with_a_general_header_is_not_wrong(header: str) -> None:
    page = table(
        f"| SLA | {header} | Downtime per year |", "| 99 % | 8672.4 h | 87.6 h |", "| 99.9 % | 8751.24 h | 8.76 h |"
    )
    assert wrong_claims(page) == []


@pytest.mark.parametrize("header", ["Unavailability", "Nichtverfügbarkeit", "Indisponibilité", "No disponibilidad"])
def test_availability_is_the_complement_of_an_unavailability_column(header: str) -> None:
    page = table(
        f"| {header} | Downtime per year |", "| 1 % | 3.65 days |", "| 0.5 % | 43.8 hours |", "| 0.1 % | 8.76 days |"
    )
    assert [(claim.availability, claim.verdict) for claim in audit(page).claims] == [
        (Fraction(99, 100), ClaimVerdict.RIGHT),
        (Fraction(199, 200), ClaimVerdict.RIGHT),
        (Fraction(999, 1000), ClaimVerdict.WRONG),
    ]


ROWS = ("| 99 % | 87.6 hours |", "| 99.5 % | 43.8 hours |", "| 99.95 % | 4.38 hours |", "| 99.99 % | 52.56 min |")


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ("| 99.9 % | 8.73 hours |", 1),
        ("| 99.9 % | 8.64 hours |", 1),
        ("| 99.9 % | 8.784 hours |", 1),
        ("| 99.9 % | 8.72 hours |", 1),
        ("| 99.9 % | 8.79 hours |", 1),
        ("| 99.9 % | 8.75 hours |", 0),
        ("| 99.9 % | 8.77 hours |", 0),
        ("| 99.9 % | 8.784 hours (leap year) |", 0),
        ("| 99.9 % | 8.8 hours |", 0),
        ("| 99.9 % | about 8.73 hours |", 0),
    ],
)
def test_row_with_an_unusual_year_is_wrong_unless_the_row_states_that_year(row: str, count: int) -> None:
    claims = wrong_claims(table("| SLA | Downtime per year |", *ROWS, row))
    assert len(claims) == count
    assert all("other rows" in claim.diagnosis for claim in claims)


def test_table_with_the_same_unusual_year_in_all_rows_is_right() -> None:
    page = table(
        "| SLA | Downtime per year |", "| 99 % | 87.36 hours |", "| 99.5 % | 43.68 hours |", "| 99.9 % | 8.736 hours |"
    )
    assert wrong_claims(page) == []


@pytest.mark.parametrize(
    ("header", "row", "count"),
    [
        ("Downtime per year (365 days)", "8.73 hours", 1),
        ("Downtime per year (8,760 h)", "8.73 hours", 1),
        ("Downtime per year (365 days)", "8.76 hours", 0),
    ],
)
def test_length_in_the_header_applies_to_each_row(header: str, row: str, count: int) -> None:
    assert len(wrong_claims(table(f"| SLA | {header} |", *ROWS, f"| 99.9 % | {row} |"))) == count


def test_unusual_length_in_the_header_counts_as_usual() -> None:
    rows = ("| 99 % | 446.4 min |", "| 99.5 % | 223.2 min |", "| 99.95 % | 22.32 min |", "| 99.9 % | 43.2 min |")
    (claim,) = wrong_claims(table("| SLA | Downtime per month (31 days) |", *rows))
    assert claim.claimed == 2592


def test_rows_per_day_have_only_one_length() -> None:
    rows = ("| 99 % | 14.4 min |", "| 99.9 % | 1.44 min |", "| 99.95 % | 43.2 s |", "| 99.99 % | 8.66 s |")
    assert wrong_claims(table("| SLA | Downtime per day |", *rows)) == []


def test_headers_without_a_space_between_them_give_no_period() -> None:
    rows = ("99%100.8 minutes (1.68 hours)87.6 hours", "99.5%50.4 minutes (0.84 hours)43.8 hours")
    assert wrong_claims("\n".join(["LevelWeekly DowntimeYearly Downtime", *rows])) == []


def test_text_above_a_table_gives_the_unit_of_its_numbers() -> None:
    (claim,) = wrong_claims("Downtime in minutes per month:\n\n99 %   432\n99.5 %   216\n99.9 %   4.32\n99.95 %   21.6")
    assert claim.claimed == Fraction("259.2")


def test_unexplained_figure_is_wrong_only_if_two_other_rows_are_right() -> None:
    rows = ["| 99 % | 87.6 hours |", "| 99.9 % | 8.76 minutes |", "| 99.5 % | 5.13 hours |", "| 99.95 % | 4.38 hours |"]
    head = "| SLA | Downtime per year |"
    assert [claim.claimed for claim in wrong_claims(table(head, *rows[:3]))] == [Fraction("525.6")]
    assert [claim.claimed for claim in wrong_claims(table(head, *rows))] == [Fraction("525.6"), Fraction(18468)]


def test_strict_json_lists_skipped_figures_as_printed_with_reasons() -> None:
    page = table(
        "| Verfügbarkeit | Stunden verfügbar | Ausfall pro Jahr |",
        "| 99,9 % | 8.751,24 | 8,76 h |",
        "| 99 % | 8.672,4 | 87,6 h |",
    )
    assert audit(page).as_json(strict=True)["passed"] == [
        {"line": 3, "text": "99,9 % | Stunden verfügbar: 8.751,24", "reason": "its header indicates uptime"},
        {"line": 4, "text": "99 % | Stunden verfügbar: 8.672,4", "reason": "its header indicates uptime"},
    ]
    assert "passed" not in audit(page).as_json()
