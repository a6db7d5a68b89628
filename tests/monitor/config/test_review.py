"""The review cycle of a product's objectives in a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sla.interval import DAY
from tests.monitor.config.kinds import MINIMAL, load_text, problems_of

if TYPE_CHECKING:
    from pathlib import Path


def test_review_has_an_owner_and_a_cycle_and_is_optional(tmp_path: Path) -> None:
    text = MINIMAL + "    review: {every: 90d, owner: Service Manager}\n"
    (product,) = load_text(tmp_path, text).products
    assert product.review is not None
    assert (product.review.every, product.review.owner) == (90 * DAY, "Service Manager")
    assert load_text(tmp_path, MINIMAL).products[0].review is None


@pytest.mark.parametrize(
    ("review", "problem"),
    [
        ("{every: 1h, owner: Ana}", "a review cycle is between one day and ten years; use 90d"),
        ("{every: 90d}", "owner"),
        ("{owner: Ana}", "every"),
        ("{every: often, owner: Ana}", "often"),
    ],
)
def test_invalid_review_is_refused_with_its_line(tmp_path: Path, review: str, problem: str) -> None:
    line = len(MINIMAL.splitlines()) + 1
    (text,) = problems_of(tmp_path, MINIMAL + f"    review: {review}\n")
    assert f":{line}:" in text
    assert problem in text
