"""Tests of eras: each instant is measured with the definition of that time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import Verdict
from sla.calendar import Window
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.interval import Interval
from sla.measured import measure, measure_states
from sla.objective import Objective
from sla.observation import Outcome
from sla.observation_counts import Counts
from sla.rule import Rule
from sla.states import Durations, State
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import histories, holds, pairs, windows

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
HOLD = 25


def regular_timeline(step: int, start: int, end: int, outcome: Outcome = GOOD) -> Timeline:
    return Timeline.of_pairs([(at, outcome) for at in range(start, end + 1, step)], HOLD)


def composed(*members: Timeline, k: int | None = None) -> Composition:
    return Composition(Rule(k), members)


def test_added_member_changes_no_state_before_its_first_observation() -> None:
    """Loaded at 50 and first observed at 63. The former definition applies until 63."""
    old, new = regular_timeline(10, 0, 100), regular_timeline(10, 63, 100, BAD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new), (new,), HOLD)])
    assert eras.durations(Interval(0, 63)) == Durations(up=63)
    assert eras.durations(Interval(63, 90)) == Durations(down=27)
    assert [tuple(piece) for piece in eras.pieces(Interval(40, 80))] == [(40, 63, State.UP), (63, 80, State.DOWN)]


@pytest.mark.parametrize("starts", [[], [70, 80], [10, 49, 63, 80], [-20]])
def test_windows_with_one_end_are_measured_like_each_alone(starts: list[int]) -> None:
    """The windows may be in one era, across two, or begin before the first observation."""
    old, new = regular_timeline(10, 0, 100), regular_timeline(10, 63, 100, BAD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new), (new,), HOLD)])
    assert eras.durations_to(90, starts) == [eras.durations(Interval(start, 90)) for start in starts]


@pytest.mark.parametrize(("end", "starts"), [(90, [-20, 20, 35, 80]), (90, [40]), (25, [-5, 20])])
def test_windows_that_begin_before_the_first_definition_are_unknown_until_it(end: int, starts: list[int]) -> None:
    """The definition is loaded at 30, so the earlier observations do not count."""
    eras = Eras([Era(30, composed(regular_timeline(10, 0, 100)))])
    assert eras.durations_to(end, starts) == [eras.durations(Interval(start, end)) for start in starts]
    assert eras.durations_to(90, [20]) == [Durations(up=60, unknown=10)]


def test_added_member_without_observations_is_unknown_after_one_hold() -> None:
    old, new = regular_timeline(10, 0, 100), Timeline(HOLD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new), (new,), HOLD)])
    assert eras.state(74) is State.UP
    assert eras.state(75) is State.GUESS_UP
    new.append(60, UNKNOWN)
    assert eras.state(60) is State.GUESS_UP, "an unknown observation is one"
    assert eras.state(59) is State.UP


def test_removed_member_does_not_change_past_states() -> None:
    """A definition without new members applies when it is loaded."""
    up, down = regular_timeline(10, 0, 100), regular_timeline(10, 0, 100, BAD)
    eras = Eras([Era(EVER, composed(up, down)), Era(50, composed(up))])
    assert eras.durations(Interval(0, 90)) == Durations(up=40, down=50)
    assert eras.state_start(70) == 50


def test_definition_is_decided_when_new_members_are_observed_or_after_two_holds() -> None:
    """An earlier observation of a new member may still arrive for another hold."""
    old, new = regular_timeline(10, 0, 100), Timeline(HOLD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new), (new,), HOLD)])
    assert [eras.decided_until(now) for now in (40, 50, 60, 99, 100)] == [40, 50, 50, 50, 100]
    new.append(60, UNKNOWN)
    assert eras.decided_until(70) == 70
    assert Eras([Era(EVER, composed(old)), Era(50, composed(old))]).decided_until(60) == 60


def test_time_before_the_first_definition_is_unknown_without_a_guess() -> None:
    """Its members are observed at 10 and at 14, and these observations are counted."""
    first, second = regular_timeline(10, 10, 100), regular_timeline(10, 14, 100)
    eras = Eras([Era(5, composed(first, second), (first, second), HOLD)])
    assert eras.durations(Interval(0, 34)) == Durations(up=20, unknown=14)
    assert eras.counts(Interval(0, 14)).good == 1
    assert (eras.first, eras.first_observation_at, eras.final_until) == (10, 10, 94)


def test_definition_replaced_before_it_applies_has_no_era() -> None:
    old, never = regular_timeline(10, 0, 100), Timeline(HOLD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, never), (never,), HOLD), Era(60, composed(old))])
    assert eras.durations(Interval(0, 90)) == Durations(up=90)


def test_product_without_members_is_unknown() -> None:
    """It was removed from the configuration and added again."""
    check = regular_timeline(10, 0, 100)
    eras = Eras([Era(EVER, composed(check)), Era(30, None), Era(60, composed(check), (check,), HOLD)])
    assert eras.durations(Interval(0, 90)) == Durations(up=60, unknown=30)
    assert eras.counts(Interval(30, 60)) == (0, 0, 0)
    assert eras.state(45) is State.UNKNOWN
    assert eras.state_start(45) == 45


def test_members_and_expiry_are_those_of_the_newest_definition() -> None:
    old, new = regular_timeline(10, 0, 100), regular_timeline(10, 60, 80)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(new), (new,), HOLD)])
    assert eras.members == (new,)
    assert (eras.final_until, eras.probably_final_until, eras.expires_at, eras.leaves) == (80, 80, 105, (old, new))
    eras.precompute()
    assert eras.durations(Interval(0, 80)) == Durations(up=80)
    ended = Eras([Era(EVER, composed(old)), Era(50, None)])
    ended.precompute()
    assert (ended.members, ended.final_until, ended.probably_final_until, ended.expires_at) == ((), None, None, None)
    assert list(ended.pieces(Interval(60, 60))) == []
    ended.redefine([Era(EVER, composed(old))])
    assert ended.durations(Interval(0, 80)) == Durations(up=80)


def test_budget_is_the_sum_over_the_objectives_of_the_window() -> None:
    """99 % for 60, 90 % for 40, of which 25 are excluded: 0.6 and 1.5 allowed, not 10 % or 1 % of all."""
    check = regular_timeline(10, 0, 100)
    loose, strict = Objective.parse("90%"), Objective.parse("99%")
    eras = Eras([Era(0, composed(check), objective=strict), Era(60, composed(check), objective=loose)])
    actual = measure(eras, Interval(0, 100), loose, excluded=[Interval(70, 95)])
    assert actual.objective == loose
    assert actual.allowed == Fraction(60, 100) + Fraction(15, 10)
    assert actual.effective_objective == Objective(1 - Fraction(21, 10) / 75)
    assert actual.as_json()["objectives"] == [
        {"from": "1970-01-01T00:00:00Z", "objective": 0.99, "allowed_seconds": pytest.approx(6e-7)},
        {"from": "1970-01-01T00:00:00.000060Z", "objective": 0.9, "allowed_seconds": pytest.approx(1.5e-6)},
    ]
    assert (actual.budget and actual.budget.allowed) == actual.allowed
    window = Interval(0, 100)
    raw = measure_states(eras, Window("own", window, window), loose, eras.durations(window))
    assert raw.allowed == Fraction(60, 100) + Fraction(40, 10)
    period = measure_states(eras, Window("month", Interval(0, 200), window), loose, eras.durations(window))
    assert period.allowed == Fraction(60, 100) + Fraction(140, 10)


def test_past_window_uses_the_objective_of_its_time() -> None:
    """95 % up meets 90 %, independent of the current objective."""
    check = Timeline.of_pairs([(at, BAD if 40 <= at < 44 else GOOD) for at in range(101)], HOLD)
    loose, strict = Objective.parse("90%"), Objective.parse("99.9%")
    eras = Eras([Era(0, composed(check), objective=loose), Era(100, composed(check), objective=strict)])
    actual = measure(eras, Interval(0, 100), strict)
    assert (actual.objective, actual.verdict) == (loose, Verdict.MET)
    assert "objectives" not in actual.as_json()
    assert measure(eras, Interval(0, 100)).objective is None, "not asked for"
    assert measure(composed(check), Interval(0, 100), strict).verdict is Verdict.MISSED


def test_first_objective_and_agreement_also_apply_before_the_first_era() -> None:
    check, goal = regular_timeline(10, 50, 100), Objective.parse("90%")
    eras = Eras([Era(50, composed(check), objective=goal, agreement="{}")])
    assert eras.objectives(Interval(0, 100)) == [(Interval(0, 100), goal)]
    assert list(eras.agreements(Interval(40, 60))) == [("{}", Interval(40, 60))]
    assert Eras([Era(EVER, composed(check))]).objectives(Interval(0, 100)) == ()


def test_objectives_of_an_empty_window_allow_no_downtime() -> None:
    check = regular_timeline(10, 0, 100)
    goals = [Objective.parse("90%"), Objective.parse("99%")]
    eras = Eras([Era(0, composed(check), objective=goals[0]), Era(50, composed(check), objective=goals[1])])
    actual = measure(eras, Interval(0, 100), goals[1], excluded=[Interval(0, 100)])
    assert (actual.allowed, actual.effective_objective, actual.burn_rate, actual.point_meets_objective) == (
        0,
        goals[1],
        None,
        None,
    )


@dataclass(frozen=True)
class DrawnDefinition:
    """A generated definition: the numbers of its members, and how many of them must be up."""

    made: int
    members: tuple[int, ...]
    k: int


definitions = st.lists(
    st.builds(
        DrawnDefinition, st.integers(0, 40), st.sets(st.integers(0, 3), min_size=1).map(tuple), st.integers(1, 4)
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda build: build.made,
).map(lambda generated: sorted(generated, key=lambda definition: definition.made))
checks = st.lists(st.tuples(histories, holds), min_size=4, max_size=4)


def cell(actual: list[DrawnDefinition], members: list[tuple[oracle.Seen, int]], x: int) -> str:
    """Compute the state per instant as defined in measurement.md: the valid definition and its result."""
    starts, before = [], set[int]()
    for definition in actual:
        new = [members[number] for number in definition.members if number not in before]
        latest = definition.made + max((hold for _, hold in new), default=0)
        firsts = [
            min((at for at, _ in observations if at >= definition.made), default=latest) for observations, _ in new
        ]
        starts.append(min(latest, max([definition.made, *firsts])))
        before = set(definition.members)
    holding = [definition for definition, start in zip(actual, starts, strict=True) if start <= x]
    if not holding:
        return "unknown"
    definition = holding[-1]
    states = [oracle.cell(*members[number], x) for number in definition.members]
    return oracle.compose(states, min(definition.k, len(states)))


def eras_of(actual: list[DrawnDefinition], timelines: list[Timeline], members: list[tuple[oracle.Seen, int]]) -> Eras:
    loaded, before = [], set[int]()
    for definition in actual:
        new = [number for number in definition.members if number not in before]
        inside = composed(
            *(timelines[number] for number in definition.members), k=min(definition.k, len(definition.members))
        )
        hold = max((members[number][1] for number in new), default=0)
        loaded.append(Era(definition.made, inside, tuple(timelines[number] for number in new), hold))
        before = set(definition.members)
    return Eras(loaded)


def test_defined_until_has_the_members_of_earlier_definitions() -> None:
    old, new = regular_timeline(10, 0, 100), regular_timeline(10, 50, 100)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new), (new,), HOLD), Era(70, None)])
    assert eras.defined_until(50) == (old,)
    assert eras.defined_until(51) == (old, new)
    assert eras.defined_until(90) == (old, new)


def test_ended_definition_counts_no_observations_if_the_first_never_applied() -> None:
    """The first definition may apply until it is replaced, so its observations count until then."""
    check, other = regular_timeline(10, 0, 100), Timeline(HOLD)
    eras = Eras([Era(5, composed(check, other), (check, other), 1_000), Era(40, None)])
    assert eras.counts(Interval(0, 40)).good == 4
    assert eras.counts(Interval(0, 100)).good == 4
    assert eras.counts(Interval(40, 100)).good == 0


@given(definitions, checks, windows)
def test_every_instant_uses_the_definition_of_its_time(
    actual: list[DrawnDefinition], members: list[tuple[oracle.Seen, int]], window: Interval
) -> None:
    """Compared with an independent implementation of measurement.md."""
    timelines = [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members]
    eras = eras_of(actual, timelines, members)
    cells = [cell(actual, members, x) for x in range(window.start, window.end)]
    assert eras.durations(window) == oracle.durations(cells)
    assert [p.state.name.lower() for p in eras.pieces(window) for _ in range(p.start, p.end)] == cells


@given(definitions, checks, windows)
def test_later_definition_changes_no_past_figure(
    actual: list[DrawnDefinition], members: list[tuple[oracle.Seen, int]], window: Interval
) -> None:
    """Whatever is loaded at or after the window's end."""
    timelines = [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members]
    earlier = [definition for definition in actual if definition.made < window.end]
    if earlier:
        figures = eras_of(earlier, timelines, members).durations(window)
        assert eras_of(actual, timelines, members).durations(window) == figures


@pytest.mark.parametrize(
    "parts", [[], [(20, 40)], [(0, 10), (30, 60), (80, 85)], [(60, 70), (80, 90)], [(80, 99), (110, 200)]]
)
def test_parts_together_are_the_sum_of_each(parts: list[tuple[int, int]]) -> None:
    """Windows within one era, across two eras, and after the last observation."""
    old, new = regular_timeline(10, 0, 100), regular_timeline(10, 50, 100, BAD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new, k=1))])
    spans = [Interval(*part) for part in parts]
    durations, counts = Durations(), Counts()
    for span in spans:
        durations, counts = durations.plus(eras.durations(span)), counts.plus(eras.counts(span))
    assert (eras.durations_in(spans), eras.counts_in(spans)) == (durations, counts)
    assert Eras([Era(EVER, None)]).durations_in(spans).unknown == sum(span.length for span in spans)
