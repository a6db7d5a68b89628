"""Regression tests of false alarms and misses on pages in four languages, each with a minimal text."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims import Claim, ClaimVerdict, audit
from sla.claims.availabilities import complement, find_levels
from sla.claims.durations import find_durations
from sla.claims.number_format import has_decimal_commas, mark_groups, restore_groups
from sla.claims.number_words import NUMBER_WORDS, spelled_value
from sla.claims.periods import find_period_mentions, period_in_label, unknown_period_word


def wrong_claims(text: str) -> list[Claim]:
    return [claim for claim in audit(text).claims if claim.verdict is ClaimVerdict.WRONG]


def table(header: str, *rows: str) -> str:
    return "\n".join([header, "|" + "---|" * header.count(" | ") + "---|", *rows])


@pytest.mark.parametrize(
    "text",
    [
        "five 9s in a week = 6s",
        "99.9 % in a month = 43m 12s of downtime",
        "99.9 %: a day = 1m 26s, a week = 10m 5s",
        "In der Woche = 6 s bei 99,999 % Verfügbarkeit",
        "1 day = 24 hours, 1 working day = 8 hours of 99.5 % uptime; a day = 8 hours",
    ],
)
def test_period_followed_by_equals_sign_and_downtime_is_not_wrong(text: str) -> None:
    assert wrong_claims(text) == []


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


@pytest.mark.parametrize(
    "text",
    [
        "Beschikbaarheid 99,9%: 8,76 uur per jaar, 43,2 minuten per maand.",
        "Disponibilidade de 99,9%: 8,76 horas por ano, 43,2 minutos por mês.",
        table("| Uptime | Downtime per maand |", "| 99,9% | 8,76 min |"),
    ],
)
def test_claims_with_a_period_in_another_language_are_skipped(text: str) -> None:
    actual = audit(text)
    assert actual.wrong == 0
    assert any("unknown period" in figure.reason for figure in actual.skipped)


@pytest.mark.parametrize(
    "text",
    [
        "The availability target of 99.9 % per month was not met: 3 hours of downtime per month.",
        "A 99.9 % SLA isn't met by a service with 50 minutes of downtime per month.",
        "99,9 % Verfügbarkeit im Monat nicht erreicht: 3 Stunden Ausfall.",
        "Disponibilité de 99,9 % par mois non atteinte : 3 heures d'indisponibilité.",
        "El 99,9 % de disponibilidad mensual no se cumplió: 3 horas de caída.",
        "No se ha cumplido el 99,5 % de disponibilidad mensual (5 horas de caída).",
        "La disponibilité de 99,5 % n'a donc pas été tenue (5 h d'arrêt dans le mois).",
        "Die Verfügbarkeit von 99,5 % konnte nicht ganz gehalten werden (5 Stunden Ausfall im Monat).",
        "99.48 % availability is 3 full hours of downtime a month beyond the 43.2 minutes.",
        table(
            "| Service | SLA | Downtime per month | Met |",
            "| a | 99.9 % | 95 min | no |",
            "| b | 99.5 % | 12 min | yes |",
        ),
        table("| Service | SLA | Downtime per month |", "| a | 99.9 % | 95 min |", "| b | 99.5 % | 12 min |"),
        table("| Service | SLA | Downtime per month |", "| a | 99.9 % | 95.5 min |", "| b | 99.9 % | 12.5 min |"),
        "## Incidents in 2024\n\n- 99.9 %: 95.5 minutes of downtime per month",
        "It is a mistake that 99.9 % means 8.76 minutes of downtime a year.",
    ],
)
def test_missed_target_is_not_a_wrong_claim(text: str) -> None:
    assert wrong_claims(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "90 to 95 % availability means 18.25 to 36.5 days of downtime per year.",
        "99 % bis 99,9 % Verfügbarkeit: 8,76 bis 87,6 Stunden Ausfall im Jahr.",
        "Entre el 99 % y el 99,9 % de disponibilidad: 8,76 horas de inactividad al año.",
        "95-99 % availability (18.25 to 3.65 days of downtime a year)",
        "99.9 % to 99.99 % availability allows 52.56 minutes to 8.76 hours of downtime a year.",
    ],
)
def test_duration_that_fits_either_end_of_a_range_is_right(text: str) -> None:
    claims = audit(text).claims
    assert claims
    assert {claim.verdict for claim in claims} <= {ClaimVerdict.RIGHT, ClaimVerdict.ROUNDED}


def test_duration_that_fits_neither_end_of_a_range_is_unclear() -> None:
    (claim,) = audit("90 to 95 % availability is 4 days of downtime per year").claims
    assert claim.verdict is ClaimVerdict.UNCLEAR


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


def test_complement_of_a_number_needs_a_percent_sign_in_the_header() -> None:
    assert complement("0.1", percent=False) is None
    level = complement("0,1", percent=True)
    assert level is not None
    assert level.ratio == Fraction(999, 1000)


@pytest.mark.parametrize(
    "text",
    [
        "## Downtime per month\n\n- 99 %: 7.2 hours\n- 99.9 %: 8.76 hours",
        "## Weekly\n\n- 99 % uptime: 1 h 41 min\n- 99.9 % uptime: 43 min 12 s",
        "**Per month**\n\n- 99% uptime: 7 h 12 min\n- 99.9% uptime: 8 h 46 min",
        "### Ausfall im Monat\n\nDauerbetrieb.\n\n- 99 %: 7,2 Stunden\n- 99,9 %: 8,76 Stunden",
        "Indisponibilité maximale par an :\n\n- 99 % : 87,6 heures\n- 99,9 % : 43,2 minutes",
    ],
)
def test_period_of_a_heading_applies_to_the_lines_below(text: str) -> None:
    (claim,) = wrong_claims(text)
    assert " for " in claim.diagnosis


@pytest.mark.parametrize(
    "text",
    [
        "Five nines is less than 5 minutes 13 seconds of downtime a year.",
        "99.99 % availability: at most 52 minutes 21 seconds of downtime per year.",
        "Trois neuf, c'est au plus 8 heures 41 minutes 12 secondes d'arrêt par an.",
        "99.9 % availability is more than 8 hours 47 minutes 13 seconds of downtime a year.",
    ],
)
def test_exact_limit_that_is_not_true_is_wrong(text: str) -> None:
    (claim,) = wrong_claims(text)
    assert claim.diagnosis.startswith("not true as a limit")


@pytest.mark.parametrize(
    "text",
    [
        "Five nines is less than 5 minutes 16 seconds of downtime a year.",
        "Five nines is less than 5 minutes of downtime a year.",
        "99.99 % availability: at most 52 minutes 30 seconds of downtime per year.",
        "In office hours 99.99 % availability is less than 52 minutes 13 seconds of downtime a year.",
    ],
)
def test_limit_that_is_true_or_rounded_is_not_wrong(text: str) -> None:
    assert wrong_claims(text) == []


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


def test_list_item_with_another_month_than_the_others_is_wrong() -> None:
    lines = ("99 %: 432 minutes", "99.5 %: 216 minutes", "99.95 %: 21.6 minutes", "99.9 %: 44.6 minutes")
    (claim,) = wrong_claims("## Downtime per month\n\n" + "\n".join(f"- {line}" for line in lines))
    assert claim.diagnosis == "needs a 31-day month; the 3 other rows use a 30-day month"


@pytest.mark.parametrize(
    "text",
    [
        "Availability below 99.9 % but at least 99.0 % (43.2 minutes of downtime per month): 10 %.",
        "99.0 % - 99.9 %: 10 % credit, 30 minutes of downtime per month",
        table("| Objective | Penalty | Longest outage |", "| 99.9 % | < 99.5 %: 500 € per hour | 2 h per month |"),
        table("| Monthly uptime | Outage |", "| < 99.9 % | 8.76 min |", "| < 99 % | 7.2 min |"),
        table("| SLA | 8x5 | 24x7 |", "| 99 % | 20.8 h/year | 87.6 h/year |", "| 99.9 % | 2.08 h/year | 8.76 h/year |"),
        table(
            "| SLA | Hours | Outage per month |", "| 99.5 % | Mon-Fri 7-19 | 1 h 20 min |", "| 99.9 % | 24x7 | 43 min |"
        ),
        table("| SLA (8x5) | Outage (2,080 h) |", "| 99.5 % | 10.4 h |", "| 99.9 % | 2.08 h |"),
        "## Office hours\n\n- 99.9 %: 2.08 hours of downtime per year",
        "60 seconds of downtime per day are ignored at 99.9 %",
        table("| | min | max |", "| Availability | 99.5 % | 99.9 % |", "| Downtime per year | 8.76 h | 43.8 h |"),
        table("| SLA | User-hours lost per year |", "| 99.9 % | 87.6 hours |", "| 99 % | 876 hours |"),
        table("| SLA | Downtime per year |", "| 99.9 % | 87.6 h |", "| 99.9 % | 876 h |", "| 99 % | 87.6 h |"),
        "## Downtime per year\n\n"
        "With 99.5 % and a bill for each single month you have all of 3.6 hours left before it.",
        "22.7 hours of downtime per year; Tier IV has 0.4 hours a year at 99.995 %",
        "0.1 % per year is 8.76 hours of downtime; 0.01 % is 52.56 minutes (99.99 %)",
    ],
)
def test_other_figures_are_not_wrong_claims(text: str) -> None:
    assert wrong_claims(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "99.9 % uptime: 8.76 h of downtime a year, 43.2 min",
        "99,9 % Verfügbarkeit = 8,76 Std./Jahr = 43,2 Min./Monat (30 Tage)",
        "99.9 % availability is 26.28 hours of downtime per 3 years",
        "## Downtime per month\n\n99 %: 7.2 h (per year 87.6 h)\n99.9 %: 43.2 min (per year: 8.76 h)",
        "99.9 % uptime: 43.2 min of downtime (per month), 8.76 h (per year)",
    ],
)
def test_each_duration_has_its_own_period(text: str) -> None:
    claims = audit(text).claims
    assert claims
    assert {claim.verdict for claim in claims} <= {ClaimVerdict.RIGHT, ClaimVerdict.ROUNDED}


def test_headers_without_a_space_between_them_give_no_period() -> None:
    rows = ("99%100.8 minutes (1.68 hours)87.6 hours", "99.5%50.4 minutes (0.84 hours)43.8 hours")
    assert wrong_claims("\n".join(["LevelWeekly DowntimeYearly Downtime", *rows])) == []


def test_text_above_a_table_gives_the_unit_of_its_numbers() -> None:
    (claim,) = wrong_claims("Downtime in minutes per month:\n\n99 %   432\n99.5 %   216\n99.9 %   4.32\n99.95 %   21.6")
    assert claim.claimed == Fraction("259.2")


def test_german_word_was_is_not_english_past_tense() -> None:
    assert len(wrong_claims("Zugesagt sind 99,9 % Verfügbarkeit, was etwa 4,3 Stunden Ausfall pro Monat erlaubt.")) == 1


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (
            "99.9 % uptime\n\n"
            + table("| Period | Time up | Downtime |", "| Year | 8751 h | 8.76 h |", "| Month | 719 h | 43 min |"),
            "indicates uptime",
        ),
        (table("| SLA | Downtime per year |", "| 99.9 % | 8.76 h, 100 € |"), "money"),
        (table("| SLA | Downtime per year |", "| 99.9 % | 4 h response time |"), "something other than downtime"),
        (table("| SLA | Downtime |", "| 99.9 % | 43,2 minuten per maand |"), 'unknown period "maand"'),
        ("99.9 % uptime and 10 % discount for 30 minutes of downtime a year", "another percentage"),
        ("99.9 % uptime for all 30 minutes of the talk", "not called a downtime"),
        ("99.9 % uptime with a support response within 30 minutes a year", "is not a downtime"),
    ],
)
def test_skipped_figures_have_a_reason(page: str, reason: str) -> None:
    assert any(reason in figure.reason for figure in audit(page).skipped)


def test_unexplained_figure_is_wrong_only_if_two_other_rows_are_right() -> None:
    rows = ["| 99 % | 87.6 hours |", "| 99.9 % | 8.76 minutes |", "| 99.5 % | 5.13 hours |", "| 99.95 % | 4.38 hours |"]
    head = "| SLA | Downtime per year |"
    assert [claim.claimed for claim in wrong_claims(table(head, *rows[:3]))] == [Fraction("525.6")]
    assert [claim.claimed for claim in wrong_claims(table(head, *rows))] == [Fraction("525.6"), Fraction(18468)]


def test_downtimes_below_a_threshold_are_unclear() -> None:
    page = table("| Uptime below 99.9 % | Downtime |", "| Per year | 9.76 h |", "| Per month | 53.2 min |")
    assert {claim.verdict for claim in audit(page).claims} == {ClaimVerdict.UNCLEAR}


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
