"""Tests of the parsers of `sla.claims`: durations, availabilities, periods, and the JSON of a result."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims import ClaimVerdict, audit
from sla.claims.availabilities import bare_level, find_levels
from sla.claims.durations import bare_duration, find_durations, unit_in_label
from sla.claims.model import Qualifier
from sla.claims.periods import find_period_mentions, period_in_label
from sla.claims.text_reader import looks_like_csv

SENTENCE = "Without disaster recovery you might still get 99.95% uptime, which is less than 4.38 minutes a year."


def test_json_of_a_claim_has_the_documented_keys() -> None:
    actual = audit(SENTENCE).as_json()
    assert actual == {
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
def test_durations_are_parsed(text: str, seconds: str) -> None:
    (duration,) = find_durations(text)
    assert duration.seconds == Fraction(seconds)


@pytest.mark.parametrize(
    "text", ["$5 m", "four 9s per week", "5 meters", "24/7", "5 minuteman", "p99 5", "version 3.65"]
)
def test_text_without_duration_gives_no_duration(text: str) -> None:
    assert find_durations(text) == []


def test_adjacent_durations_with_decimals_are_separate() -> None:
    assert [a.text for a in find_durations("3.65 days 7.2 hours 14.4 minutes")] == [
        "3.65 days",
        "7.2 hours",
        "14.4 minutes",
    ]


def test_comma_is_read_as_thousands_separator_or_decimal_comma() -> None:
    (duration,) = find_durations("5,256 minutes")
    assert [r.seconds for r in duration.interpretations] == [5256 * 60, Fraction("5.256") * 60]


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("less than 9 hours", Qualifier.BELOW),
        ("no more than 9 hours", Qualifier.BELOW),
        ("over 8 hours", Qualifier.ABOVE),
        ("≈ 8.8 hours", Qualifier.ABOUT),
        ("just under 9 hours", Qualifier.ABOUT),
        ("8.76 hours", Qualifier.EXACT),
    ],
)
def test_words_before_a_duration_set_its_qualifier(text: str, qualifier: Qualifier) -> None:
    assert find_durations(text)[0].qualifier is qualifier


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
def test_availabilities_are_parsed(text: str, ratio: str) -> None:
    assert [level.ratio for level in find_levels(text)] == [Fraction(ratio)]


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
def test_other_percentages_are_not_availabilities(text: str) -> None:
    assert find_levels(text) == []


@pytest.mark.parametrize(("text", "ratio"), [("99.9", "0.999"), ("0.999", "0.999"), ("≥ 99,5", "0.995")])
def test_availability_cell_without_percent_sign(text: str, ratio: str) -> None:
    level = bare_level(text)
    assert level is not None
    assert level.ratio == Fraction(ratio)


@pytest.mark.parametrize("text", ["20", "Gold", "100", "99.9% or 99.99%"])
def test_cell_without_exactly_one_availability_gives_none(text: str) -> None:
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
def test_periods_are_found_in_text(text: str, names: list[str]) -> None:
    assert [m.period.name for m in find_period_mentions(text)] == names


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
def test_period_and_unit_are_found_in_a_header(label: str, period: str | None, unit: str | None) -> None:
    actual = period_in_label(label.replace("_", " "))
    assert (actual.name if actual else None, unit_in_label(label.replace("_", " "))) == (period, unit)


def test_number_without_unit_has_the_unit_of_its_column() -> None:
    duration = bare_duration("~ 52.6", "minutes")
    assert duration is not None
    assert duration.seconds == 3156
    assert bare_duration("none", "minutes") is None


def test_prose_with_commas_is_not_csv() -> None:
    assert not looks_like_csv("99.9% uptime, they say, is good.\n99.5% uptime, they say, is not.")
    assert looks_like_csv("sla,downtime\n99.9%,8.76 hours")


def test_html_claim_has_the_line_of_its_duration() -> None:
    page = "<p>Text\nthat goes on</p>\n<p>99.9% uptime is\n8.76 minutes\nof downtime a year</p>"
    assert [(c.line, c.verdict) for c in audit(page, "html").claims] == [(4, ClaimVerdict.WRONG)]


def test_scripts_are_ignored() -> None:
    page = "<html><script>'99.9% uptime, 3 days of downtime a year'</script><p>nothing</p></html>"
    assert audit(page).claims == ()


@pytest.mark.parametrize(
    "text", ["", "\n\n", "|", "||\n||", "{|", "<table><tr><td>", "%", "=", ",,,\n,,,", "<td>99.9%"]
)
def test_page_without_claims_gives_an_empty_result(text: str) -> None:
    for kind in ("text", "html", "csv", None):
        assert audit(text, kind).as_json() == {"claims": [], "wrong": 0}  # type: ignore[arg-type]


def test_very_long_expressions_and_words_do_not_fail() -> None:
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


def test_rows_without_period_get_the_period_that_most_rows_fit() -> None:
    """Three rows fit a month, so the fourth row is wrong."""
    rows = "Downtime\n99% - 7.2 hours\n99.5% - 3.6 hours\n99.9% - 43.2 hours\n99.99% - 4.32 minutes"
    assert [(c.period, c.verdict) for c in audit(rows).claims] == [
        ("month", ClaimVerdict.RIGHT),
        ("month", ClaimVerdict.RIGHT),
        ("month", ClaimVerdict.WRONG),
        ("month", ClaimVerdict.RIGHT),
    ]


def test_figure_without_period_is_wrong_only_with_three_digits_and_a_factor_of_60() -> None:
    assert audit("99.9% availability: 8.76 minutes").wrong == 1
    assert audit("99.9% availability: 9 minutes").wrong == 0
    assert audit("99.9% availability: 8.5 minutes").wrong == 0
