"""Regression tests of false alarms and misses on pages in four languages, each with a minimal text."""

from __future__ import annotations

import pytest

from sla.claims import ClaimVerdict, audit
from tests.support.claims import table, wrong_claims


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


def test_downtimes_below_a_threshold_are_unclear() -> None:
    page = table("| Uptime below 99.9 % | Downtime |", "| Per year | 9.76 h |", "| Per month | 53.2 min |")
    assert {claim.verdict for claim in audit(page).claims} == {ClaimVerdict.UNCLEAR}
