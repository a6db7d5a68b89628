"""The latencies of one check in one day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sla.interval import DAY
from sla.latency_histogram import LatencyHistogram

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_TIME: Final = 366 * DAY  # days that start more than this before the newest day are deleted


@dataclass(frozen=True, slots=True)
class LatencyDay:
    """The latencies of the good observations of one check in one day, without re-checks.

    `start` is the start of the day, `last` the instant of the last counted observation (microseconds). `packed` is the
    packed histogram. `phases` has the total time of each phase (microseconds) in the `phase_count` observations that
    have phases.
    """

    check: str
    start: int
    last: int
    packed: bytes
    phase_count: int = 0
    phases: Mapping[str, int] = field(default_factory=dict)
    vantage: str = "local"

    @property
    def histogram(self) -> LatencyHistogram:
        """The histogram of the latencies."""
        return LatencyHistogram.unpack(self.packed)
