"""Laws of composition, against the rule applied to every cell by itself."""

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
def test_at_least_k_of_n_holds_in_every_cell(members: list[tuple[oracle.Seen, int]], k: int, window: Interval) -> None:
    """The whole's state in each cell follows from its members' states there and from nothing else."""
    k = min(k, len(members))
    whole = Composition(Rule(k), [Timeline.of_pairs(pairs(seen), hold) for seen, hold in members])
    cells = [
        oracle.compose([oracle.cell(seen, hold, x) for seen, hold in members], k)
        for x in range(window.start, window.end)
    ]
    assert whole.durations(window) == oracle.durations(cells)
    assert [whole.state(x).name.lower() for x in range(window.start, window.end)] == cells
    assert [p.state.name.lower() for p in whole.pieces(window) for _ in range(p.start, p.end)] == cells


@given(groups, st.integers(1, 4), st.integers(1, 2), windows)
def test_compositions_compose(members: list[tuple[oracle.Seen, int]], k: int, j: int, window: Interval) -> None:
    """A product of checks, each seen from vantages, is the rule of rules in every cell."""
    k = min(k, len(members))
    inner = [Timeline.of_pairs(pairs(seen), hold) for seen, hold in members]
    outer = Composition(Rule(j), [Composition(Rule(k), inner), inner[0]])
    cells = []
    for x in range(window.start, window.end):
        states = [oracle.cell(seen, hold, x) for seen, hold in members]
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
def test_growing_is_the_same_as_from_scratch(
    steps: list[tuple[int, int, Outcome]], hold: int, window: Interval, joining: bool
) -> None:
    """A composition that is asked after every observation says the same as one made from the full record.

    Also when a member is observed again long after its last observation expired.
    """
    members = [Timeline(hold) for _ in range(3)]
    growing = Composition(Rule(2), members, joining=joining)
    for who, wait, outcome in steps:
        members[who].append((members[who].last_at or 0) + wait, outcome)
        growing.settle()
        fresh = Composition(Rule(2), members, joining=joining)
        assert growing.durations(window) == fresh.durations(window)
        assert list(growing.pieces(window)) == list(fresh.pieces(window))
        assert growing.counts(window) == fresh.counts(window)


@given(groups, st.sampled_from(["all", "any", "2", "3"]), windows)
def test_a_member_of_a_log_counts_from_its_first_observation_on(
    members: list[tuple[oracle.Seen, int]], rule: str, window: Interval
) -> None:
    """Without definitions; a rule that needs more members than count needs all of those."""
    parsed = Rule.parse(rule)
    if (parsed.k or 1) > len(members):
        return
    whole = Composition(parsed, [Timeline.of_pairs(pairs(seen), hold) for seen, hold in members], joining=True)
    cells = [oracle.joined(members, x, rule) for x in range(window.start, window.end)]
    assert whole.durations(window) == oracle.durations(cells)
    whole.settle()
    assert [p.state.name.lower() for p in whole.pieces(window) for _ in range(p.start, p.end)] == cells


@given(groups, st.integers(1, 4), windows)
def test_a_guess_moves_the_point_alone(members: list[tuple[oracle.Seen, int]], k: int, window: Interval) -> None:
    """Up, down, doubt, coverage and bounds are those of the same members without guesses."""
    rule = Rule(min(k, len(members)))
    whole = Composition(rule, [Timeline.of_pairs(pairs(seen), hold) for seen, hold in members])
    durations = whole.durations(window)
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
def test_counts_of_a_whole_add_up_its_members(members: list[tuple[oracle.Seen, int]], window: Interval) -> None:
    """A product's observations are those of all its checks."""
    parts = [Timeline.of_pairs(pairs(seen), hold) for seen, hold in members]
    total = Composition(Rule(), parts).counts(window)
    assert total == tuple(map(sum, zip(*(p.counts(window) for p in parts), strict=True)))


@given(histories, holds, windows)
def test_all_of_one_and_any_of_one_are_that_one(seen: oracle.Seen, hold: int, window: Interval) -> None:
    """A rule over a single member changes nothing."""
    alone = Timeline.of_pairs(pairs(seen), hold)
    for rule in (Rule(), Rule(1)):
        assert list(Composition(rule, [alone]).pieces(window)) == list(alone.pieces(window))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 30), st.sampled_from(list(Outcome))), max_size=30
    ),
    holds,
    st.integers(1, 3),
)
def test_no_observation_takes_certain_downtime_back(
    steps: list[tuple[int, int, int, Outcome]], hold: int, k: int
) -> None:
    """Whichever member is observed next, and however late: a counter of certain downtime never falls."""
    members = [Timeline(hold) for _ in range(3)]
    whole, seen, now = Composition(Rule(k), members), 0, 0
    for which, gap, passed, outcome in steps:
        member = members[which]
        member.append((-1 if member.last_at is None else member.last_at) + gap, outcome)
        now = max(now, member.last_at or 0) + passed
        down = whole.durations(Interval(-5, now)).down
        assert down >= seen
        seen = down
