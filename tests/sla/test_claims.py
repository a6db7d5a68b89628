"""Reading a page: the figures in it, their digits, what belongs together, and the shape of the result."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims import Verdict, audit
from sla.claims.availabilities import bare_level, levels
from sla.claims.durations import amounts, bare_amount, unit_in_label
from sla.claims.model import Bound
from sla.claims.periods import in_label, mentions
from sla.claims.text_reader import looks_like_csv

SENTENCE = "Without disaster recovery you might still get 99.95% uptime, which is less than 4.38 minutes a year."


def test_the_json_of_a_claim_has_exactly_the_agreed_keys() -> None:
    found = audit(SENTENCE).as_json()
    assert found == {
        "claims": [
            {
                "line": 1,
                "text": "99.95% uptime, which is less than 4.38 minutes a year",
                "availability": 0.9995,
                "claimed_seconds": 262.8,
                "period": "year",
                "expected_seconds": 15768.0,
                "factor": 60.0,
                "verdict": "wrong",
                "diagnosis": "hours labelled minutes",
            }
        ],
        "wrong": 1,
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("8h 45m 57s", "31557"),
        ("8.77 hours", "31572"),
        ("52.6 minutes", "3156"),
        ("1 hour and 27.6 minutes", "5256"),
        ("26.3 s", "26.3"),
        ("4m 22s", "262"),
        ("3.65 days", "315360"),
        ("3 days, 15 hours, 36 minutes", "315360"),
        ("864 ms", "0.864"),
        ("8:45:57", "31557"),
        ("8:46 h/year", "31560"),
        ("52:36 min", "3156"),
        ("8,76 Stunden", "31536"),
        ("1,440 minutes", "86400"),
        ("half an hour", "1800"),
        ("52.6分钟", "3156"),
        ("8.76h/yr", "31536"),
        ("one week", "604800"),
    ],
)
def test_a_duration_is_read_however_it_is_written(text: str, seconds: str) -> None:
    (amount,) = amounts(text)
    assert amount.seconds == Fraction(seconds)


@pytest.mark.parametrize(
    "text", ["$5 m", "four 9s per week", "5 meters", "24/7", "5 minuteman", "p99 5", "version 3.65"]
)
def test_what_is_no_duration_is_not_read_as_one(text: str) -> None:
    assert amounts(text) == []


def test_durations_side_by_side_are_not_one_duration_unless_the_larger_is_whole() -> None:
    assert [a.text for a in amounts("3.65 days 7.2 hours 14.4 minutes")] == ["3.65 days", "7.2 hours", "14.4 minutes"]


def test_a_grouped_number_may_be_a_decimal_comma() -> None:
    (amount,) = amounts("5,256 minutes")
    assert [r.seconds for r in amount.readings] == [5256 * 60, Fraction("5.256") * 60]


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("less than 9 hours", Bound.BELOW),
        ("no more than 9 hours", Bound.BELOW),
        ("over 8 hours", Bound.ABOVE),
        ("≈ 8.8 hours", Bound.ABOUT),
        ("just under 9 hours", Bound.ABOUT),
        ("8.76 hours", Bound.EXACT),
    ],
)
def test_a_hedge_before_a_duration_is_kept(text: str, bound: Bound) -> None:
    assert amounts(text)[0].bound is bound


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("99.95% uptime", "0.9995"),
        ("99,95 % Verfügbarkeit", "0.9995"),
        ("99.9 percent", "0.999"),
        ("four nines", "0.9999"),
        ("three and a half nines", "0.9995"),
        ("5 9's", "0.99999"),
        ("availability of 0.9999", "0.9999"),
        ("99.9\\% available", "0.999"),
    ],
)
def test_an_availability_is_read_however_it_is_written(text: str, ratio: str) -> None:
    assert [level.ratio for level in levels(text)] == [Fraction(ratio)]


@pytest.mark.parametrize(
    "text",
    [
        "CPU at 95% for 10 minutes",
        "99% of requests",
        "99th percentile",
        "95% confidence",
        "10% credit",
        "100% free",
        "0.9995 metres",
        "disk usage above 90%",
    ],
)
def test_a_percentage_of_something_else_is_no_availability(text: str) -> None:
    assert levels(text) == []


@pytest.mark.parametrize(("text", "ratio"), [("99.9", "0.999"), ("0.999", "0.999"), ("≥ 99,5", "0.995")])
def test_a_cell_needs_no_percent_sign(text: str, ratio: str) -> None:
    level = bare_level(text)
    assert level is not None
    assert level.ratio == Fraction(ratio)


@pytest.mark.parametrize("text", ["20", "Gold", "100", "99.9% or 99.99%"])
def test_a_cell_that_is_no_single_availability_is_none(text: str) -> None:
    assert bare_level(text) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("8 hours a year", ["year"]),
        ("per 30 days", ["month"]),
        ("in any 90-day period", ["quarter"]),
        ("monthly uptime", ["month"]),
        ("p.a.", ["year"]),
        ("less than an hour a year", ["year"]),
        ("over 7 hours", []),
        ("every 45 days", ["45 days"]),
        ("the yearbook", []),
    ],
)
def test_a_period_is_found_where_it_is_named(text: str, names: list[str]) -> None:
    assert [m.period.name for m in mentions(text)] == names


@pytest.mark.parametrize(
    ("label", "period", "unit"),
    [
        ("Downtime per year", "year", None),
        ("Downtime/year (days)", "year", "days"),
        ("Minutes per month", "month", "minutes"),
        ("Month (30 days)", "month", None),
        ("downtime_seconds_per_day", "day", "seconds"),
        ("Per year or month", None, None),
        ("Availability", None, None),
    ],
)
def test_a_header_names_its_period_and_unit(label: str, period: str | None, unit: str | None) -> None:
    found = in_label(label.replace("_", " "))
    assert (found.name if found else None, unit_in_label(label.replace("_", " "))) == (period, unit)


def test_a_bare_number_takes_the_unit_of_its_column() -> None:
    amount = bare_amount("~ 52.6", "minutes")
    assert amount is not None
    assert amount.seconds == 3156
    assert bare_amount("none", "minutes") is None


def test_prose_with_commas_is_not_taken_for_csv() -> None:
    assert not looks_like_csv("99.9% uptime, they say, is good.\n99.5% uptime, they say, is not.")
    assert looks_like_csv("sla,downtime\n99.9%,8.76 hours")


def test_a_claim_stands_on_the_line_of_its_duration_in_html_too() -> None:
    page = "<p>Text\nthat goes on</p>\n<p>99.9% uptime is\n8.76 minutes\nof downtime a year</p>"
    assert [(c.line, c.verdict) for c in audit(page, "html").claims] == [(4, Verdict.WRONG)]


def test_scripts_and_styles_are_not_read() -> None:
    page = "<html><script>'99.9% uptime, 3 days of downtime a year'</script><p>nothing</p></html>"
    assert audit(page).claims == ()


@pytest.mark.parametrize(
    "text", ["", "\n\n", "|", "||\n||", "{|", "<table><tr><td>", "%", "=", ",,,\n,,,", "<td>99.9%"]
)
def test_a_page_of_nothing_claims_nothing(text: str) -> None:
    for kind in ("text", "html", "csv", None):
        assert audit(text, kind).as_json() == {"claims": [], "wrong": 0}  # type: ignore[arg-type]


def test_a_pathological_page_is_read_without_failing() -> None:
    page = (
        "99.9% "
        + "allow" * 2000
        + " 8.76 hours a year\n"
        + "(" * 3000
        + "\n99.9% = "
        + "1+" * 900
        + "1 = 2\n99.9%: 0 s"
    )
    assert audit(page).wrong == 0


def test_rows_of_a_table_that_state_no_period_explain_each_other() -> None:
    """Three rows agree on a month; the fourth is wrong against it."""
    rows = "Downtime\n99% - 7.2 hours\n99.5% - 3.6 hours\n99.9% - 43.2 hours\n99.99% - 4.32 minutes"
    assert [(c.period, c.verdict) for c in audit(rows).claims] == [
        ("month", Verdict.RIGHT),
        ("month", Verdict.RIGHT),
        ("month", Verdict.WRONG),
        ("month", Verdict.RIGHT),
    ]


def test_a_single_figure_without_a_period_is_wrong_only_if_three_digits_are_sixty_times_too_small() -> None:
    assert audit("99.9% availability: 8.76 minutes").wrong == 1
    assert audit("99.9% availability: 9 minutes").wrong == 0
    assert audit("99.9% availability: 8.5 minutes").wrong == 0
