"""Durations, availabilities, periods and numbers of claims are parsed in four languages."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims.availabilities import complement, find_levels
from sla.claims.durations import find_durations
from sla.claims.number_format import has_decimal_commas, mark_groups, restore_groups
from sla.claims.number_words import NUMBER_WORDS, spelled_value
from sla.claims.periods import find_period_mentions, period_in_label, unknown_period_word


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("8.672,4 Stunden", "31220640"),
        ("8 760 heures", "31536000"),
        ("8 751 h 14 min", "31504440"),
        ("8 h 45 par an", "31500"),
        ("acht Stunden und sechsundvierzig Minuten", "31560"),
        ("quatre-vingt-sept heures et trente-six minutes", "315360"),
        ("ocho horas y cuarenta y cinco minutos", "31500"),
        ("forty-six minutes", "2760"),
        ("1 Tag 12 Stunden", "129600"),
        ("1 mínimo de 5 minutos", "300"),
    ],
)
def test_durations_are_parsed_in_four_languages(text: str, seconds: str) -> None:
    (duration,) = find_durations(mark_groups(text, commas=True))
    assert duration.seconds == Fraction(seconds)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("drei Neunen", "0.999"),
        ("« quatre neuf »", "0.9999"),
        ("cinco nueves", "0.99999"),
        ("ninety-nine point nine five percent", "0.9995"),
        ("neunundneunzig Komma neun Prozent", "0.999"),
        ("quatre-vingt-dix-neuf pour cent", "0.99"),
        ("noventa y nueve coma nueve por ciento", "0.999"),
        ("99.9％", "0.999"),
    ],
)
def test_availabilities_are_parsed_in_four_languages(text: str, ratio: str) -> None:
    assert [level.ratio for level in find_levels(text)] == [Fraction(ratio)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("pro Kalendermonat", ["month"]),
        ("im Jahr", ["year"]),
        ("par trimestre", ["quarter"]),
        ("à l’année", ["year"]),
        ("al año", ["year"]),
        ("per 3 years", ["3 years"]),
        ("alle zwei Jahre", ["2 years"]),
        ("sur trois ans", ["3 years"]),
        ("in six months", ["half-year"]),
        ("every 2 quarters", ["half-year"]),
        ("per 4 quarters", ["year"]),
        ("per 1 month", ["month"]),
        ("in an unplanned way", []),
        ("over 30 days of downtime", []),
        ("within 30 days", []),
        ("in 3 days", []),
    ],
)
def test_periods_are_found_in_four_languages_but_not_deadlines(text: str, names: list[str]) -> None:
    assert [mention.period.name for mention in find_period_mentions(text)] == names


@pytest.mark.parametrize(
    ("label", "name"),
    [("3 mois", "quarter"), ("30 day month", "month"), ("Ausfall in h/Jahr", "year"), ("5 Jahre", "5 years")],
)
def test_counted_period_is_found_in_a_header(label: str, name: str) -> None:
    period = period_in_label(label)
    assert period is not None
    assert period.name == name


@pytest.mark.parametrize(
    ("text", "word"), [(" per maand", "maand"), (" por mês", "mês"), (" per cent", None), (".", None)]
)
def test_period_in_another_language_is_returned_as_unknown(text: str, word: str | None) -> None:
    assert unknown_period_word(text) == word


def test_complement_of_a_number_needs_a_percent_sign_in_the_header() -> None:
    assert complement("0.1", percent=False) is None
    level = complement("0,1", percent=True)
    assert level is not None
    assert level.ratio == Fraction(999, 1000)


def test_dots_group_thousands_only_on_a_page_with_decimal_commas() -> None:
    assert has_decimal_commas("99,9 %, 8,76 h")
    assert not has_decimal_commas("99.9 %, 8.76 h, 5,256 min")
    assert "." in mark_groups("5.256 min", commas=False)
    marked = mark_groups("5.256 min, 8 760 h, 99.999 %", commas=True)
    assert (len(marked), restore_groups(marked)) == (28, "5.256 min, 8 760 h, 99.999 %")
    assert find_durations(marked)[0].seconds == 5256 * 60


def test_number_words_exist_up_to_99_in_each_language() -> None:
    arguments = ("ninety-nine", "neunundneunzig", "quatre-vingt-dix-neuf", "noventa y nueve")
    assert {NUMBER_WORDS[word] for word in arguments} == {99}
    assert [NUMBER_WORDS[word] for word in ("einundzwanzig", "vingt et un", "veintidós", "soixante-douze")] == [
        21,
        21,
        22,
        72,
    ]
    assert spelled_value("ninety-five percent") == 95
