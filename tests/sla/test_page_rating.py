"""Tests of page ratings as facts."""

from __future__ import annotations

import pytest

from sla.fact import Fact
from sla.page_rating import PAGE_RATING, PageRating, Rating, page_ratings


@pytest.mark.parametrize(
    "rating",
    [
        PageRating(1_000, "4f0c1d2e3a4b", Rating.USEFUL, "Ada", "ops", "forms"),
        PageRating(2_000, "blind:local:7", Rating.NOISE, "Åsa", "channel"),
    ],
)
def test_mark_round_trips_through_its_fact(rating: PageRating) -> None:
    assert page_ratings([rating.fact()]) == [rating]


def test_last_mark_of_a_person_for_an_alert_counts() -> None:
    first, changed = PageRating(1, "k", Rating.NOISE, "Ada", "ops"), PageRating(2, "k", Rating.USEFUL, "Ada", "ops")
    another, elsewhere = (
        PageRating(3, "k", Rating.NOISE, "Bob", "ops"),
        PageRating(4, "other", Rating.NOISE, "Ada", "ops"),
    )
    facts = [rating.fact() for rating in (first, changed, another, elsewhere)]
    assert page_ratings([*facts, Fact.of(5, "Ada", "silence", "", {"key": "k"})]) == [changed, another, elsewhere]


@pytest.mark.parametrize("body", [[], {}, {"key": "k"}, {"key": 7, "mark": "noise"}, {"key": "k", "mark": "dull"}])
def test_invalid_mark_is_skipped(body: object) -> None:
    assert page_ratings([Fact.of(1, "Ada", PAGE_RATING, "forms", body)]) == []
