"""Latency histograms: percentiles exact to 1 %, merging, limits, and their packed form."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import HOUR, MILLISECOND, SECOND
from sla.latency_histogram import BUCKETS, MAXIMUM, LatencyHistogram, bucket_of, bucket_start

LATENCIES = st.lists(st.integers(0, 5_000) | st.integers(0, 300 * SECOND), max_size=40)
SHARES = st.integers(1, 1000).map(lambda n: Fraction(n, 1000))


def exact_percentile(latencies: list[int], share: Fraction) -> int:
    """Return the nearest-rank percentile of the sorted latencies."""
    return sorted(latencies)[-(-len(latencies) * share.numerator // share.denominator) - 1]


@given(LATENCIES.filter(bool), SHARES)
def test_percentile_is_exact_to_1_percent(latencies: list[int], share: Fraction) -> None:
    estimated, exact = LatencyHistogram.of(latencies).percentile(share), exact_percentile(latencies, share)
    assert estimated is not None
    assert 100 * abs(estimated - exact) <= exact


@given(st.lists(st.integers(0, HOUR), min_size=1, max_size=300), st.sampled_from([50, 90, 95, 99, 100]))
def test_percentile_differs_by_less_than_1_percent_from_numpy(latencies: list[int], percent: int) -> None:
    expected = int(np.percentile(latencies, percent, method="inverted_cdf"))
    estimated = LatencyHistogram.of(latencies).percentile(Fraction(percent, 100))
    assert estimated is not None
    assert abs(estimated - expected) <= expected / 100


@given(LATENCIES, LATENCIES)
def test_adding_several_is_adding_each(first: list[int], more: list[int]) -> None:
    together, single = LatencyHistogram.of(first), LatencyHistogram.of([*first, *more])
    if more:
        together.add_all(more)
    assert (together.counts, together.total, together.maximum) == (single.counts, single.total, single.maximum)


@given(LATENCIES, LATENCIES, LATENCIES)
def test_merging_is_counting_everything_in_one(a: list[int], b: list[int], c: list[int]) -> None:
    parts = [LatencyHistogram.of(part) for part in (a, b, c)]
    total = LatencyHistogram.of(a + b + c)
    for order in (parts, parts[::-1], [LatencyHistogram.merged(parts[:2]), parts[2]]):
        merged = LatencyHistogram.merged(order)
        assert (merged.counts, merged.total, merged.maximum) == (total.counts, sum(a + b + c), total.maximum)
    assert total.maximum == max(a + b + c, default=0)


@given(LATENCIES, st.integers(1, 2**21))
def test_bounds_of_a_limit_contain_the_exact_number(latencies: list[int], limit: int) -> None:
    low, high = LatencyHistogram.of(latencies).faster_than(limit)
    assert low <= sum(latency < limit for latency in latencies) <= high
    in_bucket = [latency for latency in latencies if bucket_of(latency) == bucket_of(limit)]
    assert high - low <= len(in_bucket)


@given(LATENCIES)
def test_packed_form_is_read_again(latencies: list[int]) -> None:
    histogram = LatencyHistogram.of(latencies)
    again = LatencyHistogram.unpack(histogram.pack())
    assert (again.counts, again.total, again.maximum) == (histogram.counts, histogram.total, histogram.maximum)


@given(st.integers(0, MAXIMUM))
def test_latency_is_in_its_bucket(latency: int) -> None:
    bucket = bucket_of(latency)
    assert bucket_start(bucket) <= latency < bucket_start(bucket + 1)
    assert 64 * (bucket_start(bucket + 1) - bucket_start(bucket) - 1) <= bucket_start(bucket)
    assert 0 <= bucket < BUCKETS


def test_buckets_have_no_gaps() -> None:
    starts = [bucket_start(bucket) for bucket in range(BUCKETS + 1)]
    assert starts == sorted(set(starts))
    assert [bucket_of(start) for start in starts] == list(range(BUCKETS + 1))


def test_histogram_without_latencies() -> None:
    histogram = LatencyHistogram()
    assert (histogram.count, histogram.percentile(Fraction(1, 2)), histogram.faster_than(SECOND)) == (0, None, (0, 0))


def test_size_is_bounded() -> None:
    """A day with a probe per 100 ms, and a latency in every bucket."""
    histogram = LatencyHistogram.of(bucket_start(n % BUCKETS) for n in range(864_000))
    assert len(histogram.counts) == BUCKETS
    assert len(histogram.pack()) < 4 * BUCKETS < 8_000
    normal = LatencyHistogram.of(40 * MILLISECOND + n * 7 % 20_000 for n in range(8_640))
    assert len(normal.pack()) < 150


def test_longer_latency_than_the_maximum_is_in_the_last_bucket() -> None:
    histogram = LatencyHistogram.of([3 * HOUR])
    assert histogram.counts == {BUCKETS - 1: 1}
    assert histogram.maximum == 3 * HOUR


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01\x01\x05",
        b"\x01\x01\x05\x00",
        b"\x01\x01\x85",
        b"\x00\x00\xff\x7f\x01",
        b"\x00\x00\x05\x01\x00\x01",
    ],
)
def test_bytes_that_are_not_a_histogram_are_rejected(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed histogram"):
        LatencyHistogram.unpack(data)
