"""Tests of definitions: digests of their meaning, and the text of changes."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.budget_window import BudgetWindow
from sla.calendar import Period
from sla.definition import Definition, Member, differences
from sla.fact import Fact
from sla.interval import DAY, MILLISECOND, MINUTE, SECOND
from sla.latency_terms import LatencyTerm
from sla.objective import Objective
from sla.rule import Rule

WEB = Member("forms/web", "local", 130 * SECOND, MINUTE)
API = Member("forms/api", "local", 130 * SECOND, MINUTE)
FAST = LatencyTerm("forms/web", Fraction(95, 100), 400 * MILLISECOND, 30 * DAY)
BASE = Definition(
    "forms", 5, Rule(), (WEB, API), Objective.parse("99.9%"), BudgetWindow(30 * DAY), '{"excludes":["maintenance"]}'
)


@pytest.mark.parametrize(
    "same",
    [
        replace(BASE, members=(API, WEB)),
        replace(BASE, rule=Rule(2)),
        replace(BASE, made=7),
        replace(BASE, objective=Objective.parse("three nines")),
        replace(BASE, agreement='{ "excludes": ["maintenance"] }'),
        replace(BASE, supersedes=("abc",)),
    ],
)
def test_digest_does_not_depend_on_notation(same: Definition) -> None:
    assert same.digest == BASE.digest
    assert differences(BASE, same) == []


@pytest.mark.parametrize(
    ("other", "lines"),
    [
        (replace(BASE, objective=Objective.parse("99.95%")), ["objective 99.9% -> 99.95%"]),
        (replace(BASE, window=BudgetWindow(90 * DAY)), ["window 30d -> 90d"]),
        (replace(BASE, window=BudgetWindow.calendar(Period.FISCAL_YEAR)), ["window 30d -> each fiscal year"]),
        (replace(BASE, window=BudgetWindow.calendar(Period.MONTH)), ["window 30d -> each month"]),
        (replace(BASE, rule=Rule(1)), ["rule all -> any"]),
        (replace(BASE, latency=(FAST,)), ["latency objective added: 95% under 400ms of web over 30d"]),
        (replace(BASE, members=(WEB,)), ["check removed: api"]),
        (replace(BASE, members=(WEB, API, replace(API, check="forms/db"))), ["check added: db"]),
        (
            replace(BASE, members=(WEB, replace(API, vantage="east"))),
            ["check added: api at east", "check removed: api"],
        ),
        (
            replace(BASE, members=(WEB, replace(API, interval=30 * SECOND, hold=70 * SECOND))),
            ["interval of api 1m -> 30s", "hold of api 2m 10s -> 1m 10s"],
        ),
        (replace(BASE, quorum=2), ["vantages that must see a check down 1 -> 2"]),
        (replace(BASE, agreement='{"excludes":[]}'), ['excludes ["maintenance"] -> []']),
        (replace(BASE, agreement='{"excludes":["maintenance"],"holidays":"BC"}'), ["holidays none -> BC"]),
        (replace(BASE, members=()), ["removed from the configuration"]),
    ],
)
def test_different_meaning_has_a_different_digest_and_is_listed(other: Definition, lines: list[str]) -> None:
    assert other.digest != BASE.digest
    assert differences(BASE, other) == lines


def test_same_number_of_fewer_checks_is_a_different_rule() -> None:
    """2 of 3 tolerates the failure of one check, all of 2 does not."""
    three = replace(BASE, rule=Rule(2), members=(WEB, API, replace(API, check="forms/db")))
    assert differences(three, BASE) == ["rule at_least 2 -> all", "check removed: db"]


def test_new_and_returning_definition_list_all_parts() -> None:
    ended = replace(BASE, members=())
    assert differences(None, BASE) == ["defined: all of web, api; objective 99.9% over 30d"]
    assert differences(ended, BASE) == ["configured again: all of web, api; objective 99.9% over 30d"]
    assert ended.ended
    assert ended.digest == replace(ended, objective=Objective.parse("90%"), rule=Rule(3)).digest


members = st.lists(
    st.builds(
        Member,
        st.sampled_from(["p/a", "p/b", "p/c"]),
        st.sampled_from(["local", "east"]),
        st.integers(0, 2**40),
        st.integers(1, 2**40),
    ),
    max_size=4,
).map(tuple)
objectives = st.fractions(Fraction(1, 10**6), 1 - Fraction(1, 10**9)).map(Objective)
definitions = st.builds(
    Definition,
    st.just("p"),
    st.integers(0, 2**52),
    st.builds(Rule, st.none() | st.integers(1, 4)),
    members,
    objectives,
    st.integers(1, 2**50).map(BudgetWindow) | st.sampled_from(Period).map(BudgetWindow.calendar),
    st.sampled_from(["{}", '{"excludes":["corrections",{"dependency":"sso"}],"zone":"UTC"}']),
    st.lists(st.text("abcdef0123456789", min_size=12, max_size=12), max_size=2).map(tuple),
    quorum=st.integers(1, 4),
)


@given(definitions)
def test_definition_round_trips_through_its_fact(definition: Definition) -> None:
    fact = definition.fact("ninewatch.yaml")
    read = Definition.read(fact)
    assert read == definition
    assert (read.digest, read.id) == (definition.digest, fact.id)
    assert fact.content()["digest"] == definition.digest
    assert fact.content()["source"] == "ninewatch.yaml"


def test_unknown_keys_are_ignored() -> None:
    body = BASE.as_json() | {"colour": "green"}
    body["members"][0]["weight"] = 2
    assert Definition.read(Fact.of(5, "configuration", "definition", "forms", body)) == BASE


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "most of them"},
        {"members": [{"check": "forms/web"}]},
        {"members": 5},
        {"objective": "1/0"},
        {"objective": None},
        {"window_seconds": "long"},
        {"window_period": "fortnight"},
        {"window_seconds": 1e400},
    ],
)
def test_invalid_definition_raises_value_error(change: dict[str, object]) -> None:
    body = json.dumps(BASE.as_json() | change)
    with pytest.raises(ValueError, match=r".+"):
        Definition.read(Fact("abc", 5, "configuration", "definition", "forms", body))


def test_changed_latency_objectives() -> None:
    before, after = (replace(BASE, latency=(replace(FAST, limit=limit),)) for limit in (FAST.limit, MILLISECOND))
    assert len({BASE.digest, before.digest, after.digest}) == 3
    assert Definition.read(before.fact("test")).latency == (FAST,)
    assert "latency_objectives" not in BASE.as_json()
    assert differences(before, before) == []
    assert differences(before, after) == [
        "latency objective 95% under 400ms of web over 30d -> 95% under 1ms of web over 30d"
    ]
    assert differences(before, BASE) == ["latency objective removed: 95% under 400ms of web over 30d"]
