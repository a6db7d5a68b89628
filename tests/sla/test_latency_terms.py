"""Latency objectives of definitions: which earlier objective each one replaced, and which applies to each day."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import DAY, HOUR, MILLISECOND, Interval
from sla.latency_terms import LatencyTerm, earlier_term, promised_objectives

MONTH = 30 * DAY


def term(share: int, limit: int, window: int = MONTH, check: str = "") -> LatencyTerm:
    return LatencyTerm(check, Fraction(share, 100), limit * MILLISECOND, window)


A, B, C = term(95, 400), term(99, 2000), term(90, 300)


def next_midnight(at: int) -> int:
    return -(-at // DAY) * DAY


@pytest.mark.parametrize(
    ("later", "terms", "earlier", "expected"),
    [
        (A, [A], [A], A),
        (A, [A, B], [B, A], A),
        (A, [A], [], None),
        (A, [A], [term(95, 500)], term(95, 500)),
        (A, [A], [term(95, 400, 7 * DAY)], term(95, 400, 7 * DAY)),
        (C, [C, A], [A], None),
        (A, [C, A], [A], A),
        (C, [C, B], [A, term(99, 1000)], A),
        (B, [C, B], [A, term(99, 1000)], term(99, 1000)),
        (A, [A], [term(95, 400, check="p/a")], None),
        (
            term(95, 400, check="p/a"),
            [A, term(95, 400, check="p/a")],
            [term(95, 500, check="p/a")],
            term(95, 500, check="p/a"),
        ),
    ],
)
def test_objective_continues_the_one_that_it_replaced(
    later: LatencyTerm, terms: list[LatencyTerm], earlier: list[LatencyTerm], expected: LatencyTerm | None
) -> None:
    assert earlier_term(later, terms, earlier) == expected


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        ([], [(0, 10, A)]),
        ([(0, [A])], [(0, 10, A)]),
        ([(3 * DAY + HOUR, [A])], [(0, 10, A)]),
        ([(0, [C]), (4 * DAY - HOUR, [A])], [(0, 4, C), (4, 10, A)]),
        ([(0, [C]), (4 * DAY, [A])], [(0, 4, C), (4, 10, A)]),
        ([(0, [C]), (9 * DAY + 1, [A])], [(0, 10, C)]),
        ([(0, [C]), (4 * DAY, [A]), (5 * DAY, [A, B])], [(0, 4, C), (4, 10, A)]),
        ([(0, []), (4 * DAY, [A])], [(0, 10, A)]),
        ([(0, [C]), (2 * DAY, []), (4 * DAY, [A])], [(0, 2, C), (2, 10, A)]),
        ([(-9 * DAY, [B]), (-2 * DAY, [C]), (4 * DAY, [A])], [(0, 4, C), (4, 10, A)]),
        ([(0, [C]), (4 * DAY, [B]), (4 * DAY + 1, [A])], [(0, 4, C), (4, 5, B), (5, 10, A)]),
        ([(0, [C]), (4 * DAY - 1, [B]), (4 * DAY, [A])], [(0, 4, C), (4, 10, A)]),
        ([(0, [C])], [(0, 10, C)]),
    ],
)
def test_changed_objective_applies_from_the_next_midnight(
    definitions: list[tuple[int, list[LatencyTerm]]], expected: list[tuple[int, int, LatencyTerm]]
) -> None:
    parts = promised_objectives(A, [A], definitions, Interval(0, 10 * DAY), next_midnight)
    assert parts == [(Interval(start * DAY, end * DAY), part.objective) for start, end, part in expected]


@given(st.lists(st.tuples(st.integers(0, 240), st.sampled_from([A, B, C])), max_size=6), st.integers(0, 240))
def test_later_definition_does_not_change_earlier_days(loads: list[tuple[int, LatencyTerm]], now: int) -> None:
    """One objective is changed some times. Each day keeps the objective that applied when it ended."""
    definitions = [(hour * HOUR, [changed]) for hour, changed in sorted(loads, key=lambda load: load[0])]
    known = [definition for definition in definitions if definition[0] <= now * HOUR]
    end = now // 24 * DAY
    if not known or not end:
        return
    before, after = (
        promised_objectives(load[-1][1][0], load[-1][1], load, Interval(0, until), next_midnight)
        for load, until in ((known, end), (definitions, 11 * DAY))
    )
    for day in range(0, end, DAY):
        assert _at(before, day) == _at(after, day)


def _at(parts: object, at: int) -> object:
    (objective,) = [objective for part, objective in parts if part.start <= at < part.end]  # type: ignore[attr-defined]
    return objective


def test_objective_as_data_and_text() -> None:
    objective = LatencyTerm("p/a", Fraction(2, 3), 1_500_000, MONTH)
    assert LatencyTerm.from_json(objective.as_json()) == objective
    assert str(term(95, 400, check="p/a")) == "95% under 400ms of a"
    assert str(A) == "95% under 400ms"
