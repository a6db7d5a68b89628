"""Tests of page marks as facts."""

from __future__ import annotations

import pytest

from sla.fact import Fact
from sla.page_mark import PAGE_MARK, Mark, PageMark, page_marks


@pytest.mark.parametrize(
    "mark",
    [
        PageMark(1_000, "4f0c1d2e3a4b", Mark.USEFUL, "Ada", "ops", "forms"),
        PageMark(2_000, "blind:local:7", Mark.NOISE, "Åsa", "channel"),
    ],
)
def test_mark_round_trips_through_its_fact(mark: PageMark) -> None:
    assert page_marks([mark.fact()]) == [mark]


def test_last_mark_of_a_person_for_an_alert_counts() -> None:
    first, changed = PageMark(1, "k", Mark.NOISE, "Ada", "ops"), PageMark(2, "k", Mark.USEFUL, "Ada", "ops")
    another, elsewhere = PageMark(3, "k", Mark.NOISE, "Bob", "ops"), PageMark(4, "other", Mark.NOISE, "Ada", "ops")
    facts = [mark.fact() for mark in (first, changed, another, elsewhere)]
    assert page_marks([*facts, Fact.of(5, "Ada", "silence", "", {"key": "k"})]) == [changed, another, elsewhere]


@pytest.mark.parametrize("body", [[], {}, {"key": "k"}, {"key": 7, "mark": "noise"}, {"key": "k", "mark": "dull"}])
def test_invalid_mark_is_skipped(body: object) -> None:
    assert page_marks([Fact.of(1, "Ada", PAGE_MARK, "forms", body)]) == []
