"""Compare sums after exclusions with the sums of the remaining parts."""

from __future__ import annotations

import random

import pytest

from sla.after_exclusions import AfterExclusions, ExcludedSums
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.interval import DAY, SECOND, Interval, subtract
from sla.measured import measure
from sla.observation import Outcome
from sla.observation_counts import Counts
from sla.rule import Rule
from sla.states import Durations
from sla.timeline import Timeline

HOUR = 3_600 * SECOND
OUTCOMES = [Outcome.GOOD] * 6 + [Outcome.BAD] * 3 + [Outcome.UNKNOWN]


def random_history(chance: random.Random) -> Composition:
    """Return a product of 3 checks, each probed about each minute for an hour."""
    members = []
    for _ in range(3):
        timeline = Timeline(130 * SECOND, exact=chance.random() < 0.5)
        at = 0
        while at < HOUR:
            at += chance.choice((20, 60, 60, 300)) * SECOND
            timeline.append(at, chance.choice(OUTCOMES))
        members.append(timeline)
    return Composition(Rule(chance.choice((1, 2, 3))), members)


def random_interval(chance: random.Random, longest: int = HOUR) -> Interval:
    start = chance.randrange(-HOUR // 10, HOUR)
    return Interval(start, start + chance.randrange(longest))


@pytest.mark.parametrize("seed", range(20))
def test_random_exclusions_give_the_sums_of_the_remaining_parts(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible histories
    history = random_history(chance)
    excluded = [random_interval(chance, HOUR // 15) for _ in range(chance.randrange(12))]
    middle = chance.randrange(HOUR)
    first = ExcludedSums(history, -HOUR)
    for end in sorted([*(chance.randrange(-HOUR, middle) for _ in range(3)), middle]):
        first.extend(end, excluded)
    exclusions = AfterExclusions(history, [first, ExcludedSums.of(history, Interval(middle, 3 * HOUR), excluded)])
    for _ in range(20):
        window = random_interval(chance)
        parts = list(subtract(window, excluded))
        assert exclusions.durations(window) == history.durations_in(parts)
        assert exclusions.durations(window, history.durations(window)) == history.durations_in(parts)
        assert exclusions.counts(window) == history.counts_in(parts)
        assert exclusions.length(window) == sum(part.length for part in parts)


def test_time_outside_the_sums_is_not_excluded() -> None:
    history = Timeline.of_pairs([(at * SECOND, Outcome.GOOD) for at in range(0, 100, 10)], 25 * SECOND)
    sums = ExcludedSums.of(history, Interval(20 * SECOND, 40 * SECOND), [Interval(0, 100 * SECOND)])
    exclusions = AfterExclusions(history, [sums])
    assert exclusions.durations(Interval(0, 90 * SECOND)) == Durations(up=70 * SECOND)
    assert exclusions.counts(Interval(0, 90 * SECOND)) == Counts(good=7)
    assert exclusions.length(Interval(30 * SECOND, 50 * SECOND)) == 10 * SECOND


def test_window_is_measured_from_given_sums() -> None:
    history = Timeline.of_pairs([(at * SECOND, Outcome.GOOD) for at in range(0, 100, 10)], 25 * SECOND)
    window, excluded = Interval(0, 90 * SECOND), [Interval(20 * SECOND, 40 * SECOND)]
    exclusions = AfterExclusions(history, [ExcludedSums.of(history, window, excluded)])
    assert measure(history, window, excluded=exclusions) == measure(history, window, excluded=excluded)


def test_revision_increases_when_a_silent_member_is_observed_again() -> None:
    hold = 130 * SECOND
    silent, probed = (Timeline.of_pairs([(0, Outcome.GOOD)], hold) for _ in "ab")
    product = Composition(Rule(1), [silent, probed])
    eras = Eras([Era(EVER, product)])
    for at in range(60 * SECOND, 3 * DAY, 60 * SECOND):
        probed.append(at, Outcome.GOOD)
    assert eras.fixed_until == 3 * DAY - 60 * SECOND - 2 * DAY
    before = eras.revision
    probed.append(3 * DAY, Outcome.BAD)
    assert eras.revision == before, "the states that changed are less than a day old"
    silent.append(3 * DAY, Outcome.GOOD)
    assert eras.revision != before, "the state after the first observation is unknown now"


def test_revision_increases_when_a_product_is_redefined() -> None:
    eras = Eras([Era(EVER, Composition(Rule(1), [Timeline(SECOND)]))])
    before = eras.revision
    eras.redefine([Era(EVER, Composition(Rule(1), [Timeline(SECOND)]))])
    assert eras.revision != before
    assert eras.fixed_until is None, "nothing was observed"
