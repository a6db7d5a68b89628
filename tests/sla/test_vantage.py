"""The decision whether a vantage can observe, from the answers of its references."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from sla.interval import SECOND
from sla.vantage import (
    FAMILIES,
    IP4,
    IP6,
    ClockOffset,
    ReferenceAnswer,
    blind_families,
    deciding_references,
    is_hidden,
    max_clock_offset,
    observable_families,
)

NONE: frozenset[str] = frozenset()
FOUR, SIX, BOTH = frozenset({IP4}), frozenset({IP6}), frozenset(FAMILIES)


def far(families: frozenset[str], reached: frozenset[str] | None) -> ReferenceAnswer:
    return ReferenceAnswer(near=False, families=families, reached=reached)


def near(families: frozenset[str], reached: frozenset[str] | None) -> ReferenceAnswer:
    return ReferenceAnswer(near=True, families=families, reached=reached)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], {}),
        ([far(FOUR, NONE), far(FOUR, NONE)], {IP4: False}),
        ([far(FOUR, NONE), far(FOUR, FOUR)], {IP4: True}),
        ([far(FOUR, NONE), far(FOUR, None)], {IP4: None}),
        ([far(FOUR, FOUR), far(FOUR, None)], {IP4: True}),  # one answer is enough to observe
        ([far(FOUR, NONE), near(FOUR, FOUR)], {IP4: False}),  # the cut is beyond the gateway
        ([far(FOUR, FOUR), near(FOUR, NONE)], {IP4: True}),  # a gateway that answers no ping
        ([near(FOUR, NONE), near(FOUR, NONE)], {IP4: False}),  # without far ones the near ones decide
        ([near(FOUR, NONE), near(FOUR, FOUR)], {IP4: True}),
        ([far(FOUR, FOUR), far(SIX, NONE), far(SIX, NONE)], {IP4: True, IP6: False}),  # only IPv6 is cut
        ([far(FOUR, NONE), near(SIX, SIX)], {IP4: False}),  # a near reference says nothing about the far side
        ([far(BOTH, FOUR), far(BOTH, FOUR)], {IP4: True}),  # a name that answers over IPv4 is no evidence about IPv6
        ([far(BOTH, NONE), far(BOTH, NONE)], {IP4: False, IP6: False}),
        ([far(BOTH, NONE), far(FOUR, FOUR)], {IP4: True}),  # the name itself may have failed
        ([far(BOTH, NONE), far(FOUR, None)], {IP4: None, IP6: None}),
        ([far(BOTH, NONE), far(SIX, NONE), far(FOUR, None)], {IP4: None, IP6: False}),
        ([far(SIX, NONE), far(FOUR, None)], {IP4: None, IP6: False}),
    ],
)
def test_a_family_is_blind_when_all_its_deciding_references_failed(
    answers: list[ReferenceAnswer], expected: dict[str, bool | None]
) -> None:
    """The order of the references has no influence."""
    for order in permutations(answers):
        assert observable_families(order) == expected


@pytest.mark.parametrize(
    ("expected", "tried", "hidden"),
    [
        ({}, {IP4}, False),  # without references nothing is hidden
        ({IP4: False}, {IP4}, True),
        ({IP4: False}, {IP6}, True),  # IPv6 has no references: all families decide
        ({IP4: True}, {IP6}, False),
        ({IP4: False, IP6: True}, {IP4}, True),
        ({IP4: False, IP6: True}, {IP6}, False),
        ({IP4: False, IP6: True}, {IP4, IP6}, False),  # it also failed over the family that works
        ({IP4: False, IP6: False}, {IP4, IP6}, True),
        ({IP4: False, IP6: None}, {IP4, IP6}, None),
        ({IP4: False, IP6: None}, {IP4}, True),
        ({IP4: True, IP6: None}, {IP4, IP6}, False),
        ({IP4: True, IP6: False}, set(), False),  # a failed name lookup while one family works
        ({IP4: False, IP6: False}, set(), True),
    ],
)
def test_outcome_is_hidden_when_every_tried_family_is_blind(
    expected: dict[str, bool | None], tried: set[str], hidden: bool | None
) -> None:
    assert is_hidden(expected, tried) is hidden


def test_late_answer_does_not_change_a_decision() -> None:
    """A decision while answers are pending is the same as the decision after they arrived."""
    complete = [far(families, reached) for families in (FOUR, SIX, BOTH) for reached in (NONE, families)]
    for answers in product(complete, repeat=3):
        final = observable_families(answers)
        for missing in range(3):
            early = [far(answer.families, None) if n == missing else answer for n, answer in enumerate(answers)]
            for family, sees in observable_families(early).items():
                assert sees is None or final[family] is sees


def test_deciding_references_are_the_far_ones() -> None:
    gateway, outside = near(FOUR, FOUR), far(FOUR, NONE)
    assert deciding_references([gateway, outside]) == [outside]
    assert deciding_references([gateway]) == [gateway]


def test_blind_families_are_those_that_certainly_cannot_observe() -> None:
    assert blind_families({IP4: False, IP6: None}) == (IP4,)
    assert blind_families({IP4: True, IP6: False}) == (IP6,)


@pytest.mark.parametrize(
    ("offset", "error", "certain"), [(10, 4, 6), (-10, 4, -6), (4, 10, 0), (-4, 10, 0), (0, 0, 0), (7, 0, 7)]
)
def test_certain_offset_excludes_the_error_of_the_measurement(offset: int, error: int, certain: int) -> None:
    assert ClockOffset(offset, error).certain == certain


@pytest.mark.parametrize(
    ("interval", "limit"), [(SECOND, SECOND // 4), (20 * SECOND, 5 * SECOND), (60 * SECOND, 5 * SECOND)]
)
def test_offset_of_a_clock_is_limited_to_a_quarter_of_the_interval_and_5_seconds(interval: int, limit: int) -> None:
    assert max_clock_offset(interval) == limit
