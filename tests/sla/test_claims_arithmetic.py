"""Arithmetic that a page shows: expressions, weights, composite rows; and markup that is not quite right."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.claims import Claim, Verdict, audit
from sla.claims.expression import parse
from sla.claims.figure_text import of_year, say


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
def test_an_expression_is_evaluated_exactly(text: str, value: str) -> None:
    found = parse(text)
    assert found is not None
    assert abs(found.value - Fraction(value)) < Fraction(1, 10**15)


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
def test_what_is_no_expression_is_none(text: str) -> None:
    assert parse(text) is None


def table(*rows: str, above: str = "") -> list[Claim]:
    ruled = [rows[0], "|---|---|---|", *rows[1:]]
    return list(audit(f"{above}\n\n" + "\n".join(ruled)).claims)


WEIGHTED = ("| Service | Weight | SLO |", "| a | 0.5 | 99.9% |", "| b | 0.3 | 99.5% |", "| c | 0.2 | 99% |")


def test_weights_that_sum_to_one_and_their_mean_are_right() -> None:
    found = table(*WEIGHTED, "| Total | 1.0 | 99.6% |")
    assert [(c.verdict, c.diagnosis) for c in found] == [
        (Verdict.RIGHT, "the weights sum to 1"),
        (Verdict.RIGHT, "the weighted sum is 99.6 %"),
    ]


def test_weights_that_do_not_sum_to_one_are_wrong_and_the_total_then_unclear() -> None:
    rows = ("| Service | Weight | SLO |", "| a | 0.8 | 99.9% |", "| b | 0.5 | 99.9% |", "| c | 0.2 | 98% |")
    found = table(*rows, "| Total | | 89.47% |")
    assert [c.verdict for c in found] == [Verdict.WRONG, Verdict.UNCLEAR]
    assert found[0].diagnosis == "the weights sum to 1.5, not 1"


def test_a_total_that_is_not_the_weighted_sum_is_wrong() -> None:
    assert [c.verdict for c in table(*WEIGHTED, "| Total | 1 | 98.6% |")] == [Verdict.RIGHT, Verdict.WRONG]


@pytest.mark.parametrize("weights", [("3", "2"), ("0", "0"), ("high", "low")])
def test_relative_weights_and_words_are_left_alone(weights: tuple[str, str]) -> None:
    rows = [f"| {w} part | {w} | 99.9% |" for w in weights]
    assert table("| Service | Weight | SLO |", *rows) == []


def test_a_part_without_an_availability_is_left_out() -> None:
    assert [c.verdict for c in table(*WEIGHTED, "| d | 0.1 | |")] == [Verdict.RIGHT]


def test_weights_of_something_else_than_availability_are_left_alone() -> None:
    rows = ("| Criterion | Weight | Score |", "| price | 0.5 | 0.9 |", "| service | 0.3 | 0.8 |")
    assert table(*rows) == []


PARTS = ("| Part | Kind | SLA |", "| web | x | 99.9% |", "| data | y | 99.5% |")


@pytest.mark.parametrize(
    ("total", "verdicts"),
    [
        ("| Composite | | 99.4% |", [Verdict.ROUNDED]),
        ("| In parallel, combined | | 99.9995% |", [Verdict.RIGHT]),
        ("| Composite | | 99.7% |", [Verdict.WRONG]),
        ("| Composite | | 99.5% |", [Verdict.WRONG]),
        ("| Composite | | 98.2% |", []),
        ("| Overall target | | 99.7% |", []),
    ],
)
def test_a_composite_row_follows_from_its_parts(total: str, verdicts: list[Verdict]) -> None:
    assert [c.verdict for c in table(*PARTS, total)] == verdicts


def test_a_composite_row_without_parts_is_left_alone() -> None:
    assert table("| Part | Kind | SLA |", "| web | x | 99.9% |", "| Composite | y | 99.9% |") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("availability 99.9% * 99.5% = 99.5%", "that of the weakest part"),
        ("availability 99.9% * 99.99% = 99.7%", "the product is 99.89001 %"),
        ("availability 0.999 + 0.001 * 0.5 = 0.8", "the sum is 99.95 %"),
        ("availability 1 - 0.999 * 0.5 = 0.9", "the result is 50.05 %"),
    ],
)
def test_a_wrong_result_is_told_with_the_right_one(text: str, words: str) -> None:
    assert words in audit(text).claims[0].diagnosis


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("availability 0.9 + 0.05 = 0.95", Verdict.RIGHT),
        ("availability 1 - 0.5 * 0.2 = 0.99", Verdict.WRONG),
        ("availability 0.999 * 0.999 = 0.9988", Verdict.WRONG),
        ("availability 0.999 * 0.999 = 0.9981", Verdict.UNCLEAR),
        ("availability 99% / 1.5 = 60%", None),
    ],
)
def test_a_result_that_is_off_is_wrong_only_if_nothing_else_can_be_meant(text: str, verdict: Verdict | None) -> None:
    assert [c.verdict for c in audit(text).claims] == ([verdict] if verdict else [])


@pytest.mark.parametrize("text", ["99.9% * 99.9% = 99.8% * 2", "99.9% * 99.9% = 5x", "99.9% * 3 = 2"])
def test_an_equation_that_goes_on_is_left_alone(text: str) -> None:
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
def test_a_figure_in_brackets_is_checked_only_if_it_stands_alone(text: str, claims: int) -> None:
    assert len(audit(text).claims) == claims


def test_a_claim_without_seconds_has_no_factor() -> None:
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
def test_html_is_read_as_it_comes(page: str, claims: int) -> None:
    found = audit(page, "html").claims
    assert len(found) == claims
    assert all(c.verdict in {Verdict.RIGHT, Verdict.ROUNDED} for c in found)


def test_a_wiki_table_may_hold_remarks_and_end_without_a_mark() -> None:
    page = "{|\n! SLA !! Downtime per year\nremark\n|-\n| 99.9% || 8.76 hours\n"
    assert [c.verdict for c in audit(page).claims] == [Verdict.RIGHT]


def test_a_figure_far_from_its_words_is_doubted() -> None:
    between = [
        "With 99.9% uptime and many words between, somebody somewhere is served 20 hours a year",
        "99.9% and 99.99% availability give 8 days and 6 minutes and 7 hours of downtime a year",
    ]
    for text in between:
        assert {c.verdict for c in audit(text).claims} <= {Verdict.UNCLEAR, Verdict.RIGHT, Verdict.ROUNDED}


def test_figures_are_said_in_a_unit_a_person_would_choose() -> None:
    said = [say(Fraction(s)) for s in (315_360, 31_536, 315, 5, Fraction(1, 2), 10**10)]
    assert said == ["3.65 days", "8.76 h", "5.25 min", "5 s", "500 ms", "115,741 days"]
    assert [of_year(p) for p in ("year", "hour", "45 days")] == ["a year", "an hour", "in 45 days"]
