"""The limits of the benchmarks, which the benchmarks check themselves."""

from __future__ import annotations

import pytest

from bench.scrape_cases import scraped_cases
from bench.windows import limit_of, too_slow


@pytest.mark.parametrize(
    ("case", "limit"),
    [
        ("any 30d window", 1.0),
        ("1,000 checks of 1,000 products, nothing probed since", 20.0),
        ("10,000 checks of 1,000 products, all probed since", 250.0),
        ("1,000 checks of 334 products, longest part without a pause", 10.0),
        ("10,000 checks of 1,000 products, longest part without a pause", 10.0),
        ("start", None),
    ],
)
def test_limit_of_a_case(case: str, limit: float | None) -> None:
    assert limit_of(case) == limit


def test_cases_above_their_limit_are_too_slow() -> None:
    assert too_slow({"any 1h window": 1.0, "any 6h window": 1.1, "start": 9_000.0}) == ["any 6h window"]


def test_each_scrape_has_a_limit_and_products_with_one_check_are_measured() -> None:
    """A product costs more than a check, so a portfolio of products with one check costs most."""
    assert all(limit_of(f"{name}, nothing probed since") is not None for name in scraped_cases())
    assert (1_000, 1) in [shape[:2] for shape in scraped_cases().values()]
