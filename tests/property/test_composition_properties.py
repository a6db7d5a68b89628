"""Properties of compositions, compared with the rule applied to each cell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla.availability import UnknownPolicy, availability, coverage
from sla.compose import Composition
from sla.interval import Interval
from sla.observation import Outcome
from sla.rule import Rule
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import histories, holds, pairs, windows

groups = st.lists(st.tuples(histories, holds), min_size=1, max_size=4)


@given(groups, st.integers(1, 4), windows)
def test_state_of_every_cell_follows_from_the_rule(
    members: list[tuple[oracle.Seen, int]], k: int, window: Interval
) -> None:
    """The state in a cell depends only on the members' states in this cell."""
    k = min(k, len(members))
    composition = Composition(Rule(k), [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members])
    cells = [
        oracle.compose([oracle.cell(observations, hold, x) for observations, hold in members], k)
        for x in range(window.start, window.end)
    ]
    assert composition.durations(window) == oracle.durations(cells)
    assert [composition.state(x).name.lower() for x in range(window.start, window.end)] == cells
    assert [p.state.name.lower() for p in composition.pieces(window) for _ in range(p.start, p.end)] == cells


@given(groups, st.integers(1, 4), st.integers(1, 2), windows)
def test_composition_of_compositions(members: list[tuple[oracle.Seen, int]], k: int, j: int, window: Interval) -> None:
    """A product of checks with several vantages applies the rules in two steps in every cell."""
    k = min(k, len(members))
    inner = [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members]
    outer = Composition(Rule(j), [Composition(Rule(k), inner), inner[0]])
    cells = []
    for x in range(window.start, window.end):
        states = [oracle.cell(observations, hold, x) for observations, hold in members]
        cells.append(oracle.compose([oracle.compose(states, k), states[0]], j))
    assert outer.durations(window) == oracle.durations(cells)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 6) | st.just(60), st.sampled_from(list(Outcome))), max_size=30
    ),
    holds,
    windows,
    st.booleans(),
)
def test_incremental_composition_equals_a_new_one(
    steps: list[tuple[int, int, Outcome]], hold: int, window: Interval, joining: bool
) -> None:
    """A composition that is queried after every observation has the same states as one built from the full record.

    Also when a member is observed again long after its last observation expired.
    """
    members = [Timeline(hold) for _ in range(3)]
    growing = Composition(Rule(2), members, joining=joining)
    for who, wait, outcome in steps:
        members[who].append((members[who].last_at or 0) + wait, outcome)
        growing.precompute()
        fresh = Composition(Rule(2), members, joining=joining)
        assert growing.durations(window) == fresh.durations(window)
        assert list(growing.pieces(window)) == list(fresh.pieces(window))
        assert growing.counts(window) == fresh.counts(window)


@given(groups, st.integers(1, 3), st.integers(-5, 60), st.lists(st.integers(0, 60), max_size=4))
def test_windows_with_one_end_are_measured_like_each_alone(
    members: list[tuple[oracle.Seen, int]], k: int, end: int, lengths: list[int]
) -> None:
    timelines = [Timeline.of_pairs(pairs(seen), hold) for seen, hold in members]
    starts = [end - length for length in lengths]
    for history in (*timelines, Composition(Rule(min(k, len(members))), timelines)):
        assert history.durations_to(end, starts) == [history.durations(Interval(start, end)) for start in starts]


@given(groups, st.sampled_from(["all", "any", "2", "3"]), windows)
def test_joining_member_counts_from_its_first_observation(
    members: list[tuple[oracle.Seen, int]], rule: str, window: Interval
) -> None:
    """There are no definitions. If the rule needs more members than count, all of them must be up."""
    parsed = Rule.parse(rule)
    if (parsed.k or 1) > len(members):
        return
    composition = Composition(
        parsed, [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members], joining=True
    )
    cells = [oracle.joined_state(members, x, rule) for x in range(window.start, window.end)]
    assert composition.durations(window) == oracle.durations(cells)
    composition.precompute()
    assert [p.state.name.lower() for p in composition.pieces(window) for _ in range(p.start, p.end)] == cells


@given(groups, st.integers(1, 4), windows)
def test_guess_changes_only_the_point(members: list[tuple[oracle.Seen, int]], k: int, window: Interval) -> None:
    """Up, down, doubt, coverage and bounds are the same as without guesses."""
    rule = Rule(min(k, len(members)))
    composition = Composition(rule, [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members])
    durations = composition.durations(window)
    bare = durations._replace(guessed_up=0, guessed_down=0)
    assert durations.guessed_up + durations.guessed_down <= durations.unknown
    assert coverage(durations) == coverage(bare)
    for policy in UnknownPolicy:
        with_guess, without = availability(durations, policy), availability(bare, policy)
        assert (with_guess.low, with_guess.high) == (without.low, without.high)
        if with_guess.point is not None and with_guess.low is not None and with_guess.high is not None:
            assert with_guess.low <= with_guess.point <= with_guess.high
        if policy is not UnknownPolicy.EXCLUDE:
            assert with_guess == without


@given(groups, windows)
def test_counts_of_a_composition_are_the_sum_of_its_members(
    members: list[tuple[oracle.Seen, int]], window: Interval
) -> None:
    """A product's observations are those of all its checks."""
    parts = [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members]
    total = Composition(Rule(), parts).counts(window)
    assert total == tuple(map(sum, zip(*(p.counts(window) for p in parts), strict=True)))


@given(histories, holds, windows)
def test_composition_of_one_member_equals_the_member(observations: oracle.Seen, hold: int, window: Interval) -> None:
    """A rule for a single member does not change states."""
    alone = Timeline.of_pairs(pairs(observations), hold)
    for rule in (Rule(), Rule(1)):
        assert list(Composition(rule, [alone]).pieces(window)) == list(alone.pieces(window))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 30), st.sampled_from(list(Outcome))), max_size=30
    ),
    holds,
    st.integers(1, 3),
)
def test_observations_never_reduce_certain_downtime(
    steps: list[tuple[int, int, int, Outcome]], hold: int, k: int
) -> None:
    """A counter of certain downtime never decreases, independent of the next observation."""
    members = [Timeline(hold) for _ in range(3)]
    composition, observations, now = Composition(Rule(k), members), 0, 0
    for index, gap, passed, outcome in steps:
        member = members[index]
        member.append((-1 if member.last_at is None else member.last_at) + gap, outcome)
        now = max(now, member.last_at or 0) + passed
        down = composition.durations(Interval(-5, now)).down
        assert down >= observations
        observations = down
