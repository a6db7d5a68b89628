"""Reviews of objectives as facts, and when the next one is due."""

from __future__ import annotations

from typing import Any

import pytest

from sla.fact import Fact
from sla.interval import DAY
from sla.objective_review import OBJECTIVE_REVIEW, ObjectiveReview, as_review, review_due, stated_reviews

REVIEW = ObjectiveReview(5 * DAY, "Ana Ng", "forms", "keep", "clients need no more", {"low": 0.99})


def test_review_is_read_back_from_its_fact_with_decision_reason_and_figures() -> None:
    assert as_review(REVIEW.fact()) == REVIEW
    assert REVIEW.fact().kind == OBJECTIVE_REVIEW
    assert (REVIEW.as_json()["figures"], REVIEW.as_json()["made"]) == ({"low": 0.99}, "1970-01-06T00:00:00Z")


@pytest.mark.parametrize(
    "body", [{}, [], {"decision": "perhaps", "reason": "x"}, {"decision": "keep", "reason": "x", "figures": 1}]
)
def test_fact_of_a_newer_version_is_no_review(body: Any) -> None:
    assert as_review(Fact.of(1, "Ana", OBJECTIVE_REVIEW, "forms", body)) is None
    assert stated_reviews([Fact.of(1, "Ana", "note", "forms", {}), REVIEW.fact()]) == [REVIEW]


def test_cycle_starts_with_the_last_review_or_with_the_first_definition() -> None:
    assert review_due(None, 2 * DAY, 90 * DAY) == 92 * DAY
    assert review_due(REVIEW, 2 * DAY, 90 * DAY) == 95 * DAY
