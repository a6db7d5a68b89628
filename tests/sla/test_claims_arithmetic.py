"""Tests of printed arithmetic (expressions, weights, composite rows), and of pages with invalid markup."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims import Claim, ClaimVerdict, audit
from sla.claims.expression import parse
from sla.claims.figure_text import duration_text, per_period_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("99.9% * 99.9%", "0.998001"),
        ("1 - (1 - 0.9)^2", "0.99"),
        ("(43,200 - 420) / 43,200", "0.99027777777777777778"),
        ("2(3 + 4)", "14"),
        (".5 + .25", "0.75"),
    ],
)
def test_expressions_are_evaluated_exactly(text: str, value: str) -> None:
    actual = parse(text)
    assert actual is not None
    assert abs(actual.value - Fraction(value)) < Fraction(1, 10**15)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        ")",
        "1 1",
        "(1 1)",
        "a + 1",
        "1 / 0",
        "2 ^ 0.5",
        "2 ^ 999",
        "(" * 30 + "1" + ")" * 30,
        "1+" * 400,
    ],
)
def test_invalid_expression_gives_none(text: str) -> None:
    assert parse(text) is None


def table(*rows: str, above: str = "") -> list[Claim]:
    lines = [rows[0], "|---|---|---|", *rows[1:]]
    return list(audit(f"{above}\n\n" + "\n".join(lines)).claims)


WEIGHTED = ("| Service | Weight | SLO |", "| a | 0.5 | 99.9% |", "| b | 0.3 | 99.5% |", "| c | 0.2 | 99% |")


def test_weights_that_sum_to_1_and_their_weighted_sum_are_right() -> None:
    claims = table(*WEIGHTED, "| Total | 1.0 | 99.6% |")
    assert [(c.verdict, c.diagnosis) for c in claims] == [
        (ClaimVerdict.RIGHT, "the weights sum to 1"),
        (ClaimVerdict.RIGHT, "the weighted sum is 99.6 %"),
    ]


def test_weights_that_do_not_sum_to_1_are_wrong_and_the_total_is_unclear() -> None:
    rows = ("| Service | Weight | SLO |", "| a | 0.8 | 99.9% |", "| b | 0.5 | 99.9% |", "| c | 0.2 | 98% |")
    claims = table(*rows, "| Total | | 89.47% |")
    assert [c.verdict for c in claims] == [ClaimVerdict.WRONG, ClaimVerdict.UNCLEAR]
    assert claims[0].diagnosis == "the weights sum to 1.5, not 1"


def test_total_that_differs_from_the_weighted_sum_is_wrong() -> None:
    assert [c.verdict for c in table(*WEIGHTED, "| Total | 1 | 98.6% |")] == [ClaimVerdict.RIGHT, ClaimVerdict.WRONG]


@pytest.mark.parametrize("weights", [("3", "2"), ("0", "0"), ("high", "low")])
def test_relative_weights_and_words_give_no_claim(weights: tuple[str, str]) -> None:
    rows = [f"| {w} part | {w} | 99.9% |" for w in weights]
    assert table("| Service | Weight | SLO |", *rows) == []


def test_part_without_availability_is_ignored() -> None:
    assert [c.verdict for c in table(*WEIGHTED, "| d | 0.1 | |")] == [ClaimVerdict.RIGHT]


def test_weights_without_availability_give_no_claim() -> None:
    rows = ("| Criterion | Weight | Score |", "| price | 0.5 | 0.9 |", "| service | 0.3 | 0.8 |")
    assert table(*rows) == []


PARTS = ("| Part | Kind | SLA |", "| web | x | 99.9% |", "| data | y | 99.5% |")


@pytest.mark.parametrize(
    ("total", "verdicts"),
    [
        ("| Composite | | 99.4% |", [ClaimVerdict.ROUNDED]),
        ("| In parallel, combined | | 99.9995% |", [ClaimVerdict.RIGHT]),
        ("| Composite | | 99.7% |", [ClaimVerdict.WRONG]),
        ("| Composite | | 99.5% |", [ClaimVerdict.WRONG]),
        ("| Composite | | 98.2% |", []),
        ("| Overall target | | 99.7% |", []),
    ],
)
def test_composite_row_is_compared_with_its_parts(total: str, verdicts: list[ClaimVerdict]) -> None:
    assert [c.verdict for c in table(*PARTS, total)] == verdicts


def test_composite_row_without_parts_gives_no_claim() -> None:
    assert table("| Part | Kind | SLA |", "| web | x | 99.9% |", "| Composite | y | 99.9% |") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("availability 99.9% * 99.5% = 99.5%", "that of the weakest part"),
        ("availability 99.9% * 99.99% = 99.7%", "the product is 99.89001 %"),
        ("availability 0.999 + 0.001 * 0.5 = 0.8", "the sum is 99.95 %"),
        ("availability 1 - 0.999 * 0.5 = 0.9", "the result is 50.05 %"),
    ],
)
def test_diagnosis_of_a_wrong_result_has_the_right_result(text: str, message: str) -> None:
    assert message in audit(text).claims[0].diagnosis


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("availability 0.9 + 0.05 = 0.95", ClaimVerdict.RIGHT),
        ("availability 1 - 0.5 * 0.2 = 0.99", ClaimVerdict.WRONG),
        ("availability 0.999 * 0.999 = 0.9988", ClaimVerdict.WRONG),
        ("availability 0.999 * 0.999 = 0.9981", ClaimVerdict.UNCLEAR),
        ("availability 99% / 1.5 = 60%", None),
    ],
)
def test_deviating_result_is_wrong_only_if_the_equation_is_unambiguous(text: str, verdict: ClaimVerdict | None) -> None:
    assert [c.verdict for c in audit(text).claims] == ([verdict] if verdict else [])


@pytest.mark.parametrize("text", ["99.9% * 99.9% = 99.8% * 2", "99.9% * 99.9% = 5x", "99.9% * 3 = 2"])
def test_incomplete_equation_gives_no_claim(text: str) -> None:
    assert audit(text).claims == ()


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("99.9% uptime: 8.76 hours (43.2 minutes spent) a year", 1),
        ("99.9% uptime: 8.76 hours of downtime a year (525.6 minutes)", 2),
        ("99.9% uptime: 8.76 hours (87.6 minutes) of downtime a year", 2),
        ("8.76 hours = 8.77 hours of downtime", 0),
    ],
)
def test_duration_in_brackets_is_checked_only_without_other_words(text: str, claims: int) -> None:
    assert len(audit(text).claims) == claims


def test_claim_without_seconds_has_no_factor() -> None:
    (claim,) = audit("99.9% × 99.9% = 99.9%").claims
    assert claim.factor is None
    assert claim.as_json()["factor"] is None


@pytest.mark.parametrize(
    ("page", "claims"),
    [
        ("<table><td>99.9%</td><td>8.76 hours/year</td></table>", 1),
        ("<td>99.9% uptime</td><td>8.76 hours a year</td>", 1),
        ("<table><tr><th>SLA<th>per year<tr><td rowspan=3>99.9%<td>8.76 h<tr><td>525.6 min<tr><td>8h 45m</table>", 3),
        ("<ul><li>99.9% uptime:<br>8.76 hours of downtime a year<li>nothing</ul>", 1),
        ("<table></table></table><p>99.9% uptime</script> is 8.76 hours of downtime a year", 1),
        (
            "<table><tr><td colspan='x'>99.9%<br>SLA</td><td>8.76 <b>hours</b> downtime a year</td></tr></table>",
            1,
        ),
    ],
)
def test_invalid_html_is_parsed(page: str, claims: int) -> None:
    actual = audit(page, "html").claims
    assert len(actual) == claims
    assert all(c.verdict in {ClaimVerdict.RIGHT, ClaimVerdict.ROUNDED} for c in actual)


def test_wiki_table_with_extra_text_and_without_end_mark() -> None:
    page = "{|\n! SLA !! Downtime per year\nremark\n|-\n| 99.9% || 8.76 hours\n"
    assert [c.verdict for c in audit(page).claims] == [ClaimVerdict.RIGHT]


def test_duration_far_from_its_availability_is_not_wrong() -> None:
    texts = [
        "With 99.9% uptime and many words between, a person somewhere is served 20 hours a year",
        "99.9% and 99.99% availability give 8 days and 6 minutes and 7 hours of downtime a year",
    ]
    for text in texts:
        assert {c.verdict for c in audit(text).claims} <= {
            ClaimVerdict.UNCLEAR,
            ClaimVerdict.RIGHT,
            ClaimVerdict.ROUNDED,
        }


def test_duration_text_uses_a_suitable_unit() -> None:
    texts = [duration_text(Fraction(s)) for s in (315_360, 31_536, 315, 5, Fraction(1, 2), 10**10)]
    assert texts == ["3.65 days", "8.76 h", "5.25 min", "5 s", "500 ms", "115,741 days"]
    assert [per_period_text(p) for p in ("year", "hour", "45 days")] == ["a year", "an hour", "in 45 days"]
