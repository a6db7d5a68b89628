"""Pauses: the paused time, early ends, and invalid facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla.fact import Fact
from sla.interval import HOUR, Interval
from sla.pause import FOREVER, PAUSE, PAUSE_END, Pause, pause_end, pauses

NOW = 1_790_000_000_000_000
PAUSED = Pause("forms", "forms/health", NOW, NOW + 2 * HOUR, "Ana", "move to another cluster")


def test_pause_is_read_from_its_fact() -> None:
    (read,) = pauses([PAUSED.fact()])
    assert read == replace(PAUSED, id=PAUSED.fact().id)
    assert read.interval == Interval(NOW, NOW + 2 * HOUR)
    assert not read.configured


@pytest.mark.parametrize(
    ("until", "ends", "length"),
    [
        (2 * HOUR, [], 2 * HOUR),
        (2 * HOUR, [HOUR], HOUR),
        (2 * HOUR, [HOUR + 1, HOUR], HOUR),
        (2 * HOUR, [3 * HOUR], 2 * HOUR),
        (2 * HOUR, [0], 0),
        (None, [HOUR], HOUR),
        (None, [], FOREVER - NOW),
    ],
)
def test_earliest_end_counts(until: int | None, ends: list[int], length: int) -> None:
    paused = replace(PAUSED, until=None if until is None else NOW + until)
    facts = [pause_end(paused, NOW + end, "Ben", "done") for end in ends]
    (read,) = pauses([paused.fact(), *facts])
    assert read.interval.length == length


def test_pause_of_a_product_covers_all_its_checks_until_its_end() -> None:
    product_pause = replace(PAUSED, check="")
    assert [product_pause.covers("forms/api", NOW + at) for at in (-1, 0, 2 * HOUR - 1, 2 * HOUR)] == [
        False,
        True,
        True,
        False,
    ]
    assert (PAUSED.covers("forms/health", NOW), PAUSED.covers("forms/api", NOW)) == (True, False)


def test_pause_of_the_configuration_has_its_author() -> None:
    assert replace(PAUSED, author="configuration").configured


def test_end_names_the_fact_also_after_a_renaming() -> None:
    (read,) = pauses([PAUSED.fact()])
    renamed = replace(read, product="common-forms", check="common-forms/health")
    assert pause_end(renamed, NOW + 1, "Ben", "x").content()["pause"] == PAUSED.fact().id


@pytest.mark.parametrize("body", [[], {"until": "tomorrow"}, 7])
def test_invalid_facts_are_ignored(body: object) -> None:
    assert pauses([Fact.of(NOW, "Ana", PAUSE, "forms", body), Fact.of(NOW, "Ana", PAUSE_END, "forms", [])]) == []
    assert pauses([Fact.of(NOW, "Ana", "silence", "forms", {"until": NOW})]) == []
