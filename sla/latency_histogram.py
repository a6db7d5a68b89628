"""Mergeable latency histograms of bounded size with a relative error below 1 %.

The buckets are those of an HDR histogram with 7 significant bits: a latency below 128 us has its own bucket, and every
further power of two is divided into 64 buckets of equal width. So the middle of a bucket differs from its latencies by
at most 1/128, and histograms are merged by adding counts. Latencies above MAXIMUM are counted in the last bucket.
"""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING, Final, NamedTuple

from sla.interval import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

_BITS: Final = 6  # each power of two has 2**6 buckets
MAXIMUM: Final = HOUR  # longer latencies are counted in the last bucket, microseconds


def bucket_of(latency: int) -> int:
    """Return the number of the bucket of a latency (microseconds). Buckets are numbered without gaps, from 0."""
    shift = latency.bit_length() - _BITS - 1
    return latency if shift <= 0 else (shift << _BITS) + (latency >> shift)


def bucket_start(bucket: int) -> int:
    """Return the shortest latency of the bucket, microseconds."""
    shift = max(0, (bucket >> _BITS) - 1)
    return (bucket - (shift << _BITS)) << shift


BUCKETS: Final = bucket_of(MAXIMUM) + 1


class ShareBounds(NamedTuple):
    """The number of latencies below a limit: at least `low`, at most `high`."""

    low: int
    high: int


class LatencyHistogram:
    """Counts of latencies by bucket, with the exact count, sum and maximum of all latencies (microseconds)."""

    __slots__ = ("counts", "maximum", "total")

    def __init__(self) -> None:
        self.counts = Counter[int]()
        self.total = 0
        self.maximum = 0

    @classmethod
    def of(cls, latencies: Iterable[int]) -> LatencyHistogram:
        """Return the histogram of the latencies."""
        histogram = cls()
        for latency in latencies:
            histogram.add(latency)
        return histogram

    @classmethod
    def merged(cls, histograms: Iterable[LatencyHistogram]) -> LatencyHistogram:
        """Return the histogram of all latencies of the histograms, in any order."""
        merged = cls()
        for histogram in histograms:
            merged.counts.update(histogram.counts)
            merged.total += histogram.total
            merged.maximum = max(merged.maximum, histogram.maximum)
        return merged

    @property
    def count(self) -> int:
        """The number of latencies."""
        return sum(self.counts.values())

    def add(self, latency: int) -> None:
        """Count a latency, microseconds."""
        if latency > self.maximum:
            self.maximum = latency
        self.total += latency
        bucket = bucket_of(latency if latency < MAXIMUM else MAXIMUM)
        self.counts[bucket] += 1

    def add_all(self, latencies: Sequence[int]) -> None:
        """Count several latencies, microseconds. Faster than counting each of them."""
        self.total += sum(latencies)
        self.maximum = max(self.maximum, *latencies)
        self.counts.update(map(bucket_of, map(min, latencies, repeat(MAXIMUM))))

    def percentile(self, share: Fraction) -> int | None:
        """Return a latency that the share (0 < share <= 1) of all latencies does not exceed. None without latencies.

        It differs by less than 1 % from the shortest such latency (the nearest-rank percentile).
        """
        rank = -(-self.count * share.numerator // share.denominator)
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return min((bucket_start(bucket) + bucket_start(bucket + 1) - 1) // 2, self.maximum)
        return None

    def faster_than(self, limit: int) -> ShareBounds:
        """Return the number of latencies below the limit (microseconds). The bounds differ by the limit's bucket."""
        low = sum(count for bucket, count in self.counts.items() if bucket_start(bucket + 1) <= limit)
        high = sum(count for bucket, count in self.counts.items() if bucket_start(bucket) < limit)
        return ShareBounds(self.count if self.maximum < limit else low, high)

    def pack(self) -> bytes:
        """Return the histogram as bytes, in a few bytes per used bucket."""
        values, previous = [self.total, self.maximum], 0
        for bucket, count in sorted(self.counts.items()):
            values += (bucket - previous, count)
            previous = bucket
        return b"".join(map(_packed, values))

    @classmethod
    def unpack(cls, data: bytes) -> LatencyHistogram:
        """Read the bytes of `pack`.

        Raises:
            ValueError: they are not from `pack`.
        """
        histogram, values = cls(), list(_unpacked(data))
        if len(values) < 2 or len(values) % 2:
            raise ValueError("not a packed histogram: it is incomplete")
        histogram.total, histogram.maximum, bucket = values[0], values[1], 0
        for step, count in zip(values[2::2], values[3::2], strict=True):
            bucket += step
            if not count or bucket >= BUCKETS or bucket in histogram.counts:
                raise ValueError(f"not a packed histogram: bucket {bucket} with count {count}")
            histogram.counts[bucket] = count
        return histogram


def _packed(value: int) -> bytes:
    """Return the number with 7 bits per byte, the lowest bits first. The last byte has no high bit (LEB128)."""
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _unpacked(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("not a packed histogram: the last number is incomplete")
