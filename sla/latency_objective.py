"""Latency objectives: a share of the answers that must be faster than a limit over a window of days.

An objective is measured by the good observations of the window. The time in which the check was certainly up stands for
its answers, in doubt or unknown time all answers may have been slow or fast, and downtime has no answers: it is charged
by the availability. So the bounds contain the true share if answers are spread evenly over the time that the check is
up.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, Verdict
from sla.duration import format_exact_duration
from sla.interval import SECOND
from sla.objective import Objective  # noqa: TC001 - the configuration evaluates the types of the fields
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.interval import Interval
    from sla.latency_histogram import LatencyHistogram
    from sla.states import Durations


@dataclass(frozen=True, slots=True)
class LatencyObjective:
    """The share of answers that must be faster than `limit` (microseconds)."""

    objective: Objective
    limit: int

    def __str__(self) -> str:
        """Return the objective as it is configured: `95% under 400ms`."""
        return f"{self.objective} under {format_exact_duration(self.limit).replace(' ', '').replace('µ', 'u')}"


@dataclass(frozen=True, slots=True)
class Fast:
    """The number of answers, and how many of them were faster than the limit: at least `low`, at most `high`.

    The bounds differ by the answers in the limit's bucket of a histogram, within 1 % of the limit.
    """

    low: int = 0
    high: int = 0
    count: int = 0

    @classmethod
    def of(cls, histogram: LatencyHistogram, limit: int) -> Fast:
        """Return the answers of a histogram."""
        low, high = histogram.faster_than(limit)
        return cls(low, high, histogram.count)

    def plus(self, other: Fast) -> Fast:
        """Return the sum."""
        return Fast(self.low + other.low, self.high + other.high, self.count + other.count)


@dataclass(frozen=True, slots=True)
class MeasuredLatency:
    """The fast share of the answers of a window, its budget and its verdict.

    `durations` are those of the check or product in the window. `recent` are the answers since `recent_since`, from
    which the burn rate is computed.
    """

    objective: LatencyObjective
    window: Interval
    fast: Fast
    durations: Durations
    recent: Fast
    recent_since: int

    @property
    def share(self) -> Bounds[Fraction | None]:
        """The share of fast answers: low, point and high. All are None without time in which there may be answers."""
        up, open_ = self.durations.up, self.durations.doubt + self.durations.unknown
        if not up + open_:
            return Bounds(None, None, None)
        if not self.fast.count:
            return Bounds(Fraction(0), None, Fraction(1))
        low, high = (Fraction(number, self.fast.count) for number in (self.fast.low, self.fast.high))
        return Bounds(up * low / (up + open_), (low + high) / 2, (up * high + open_) / (up + open_))

    @property
    def coverage(self) -> Fraction | None:
        """The known share of the window. None for an empty window."""
        total = self.durations.total
        return Fraction(self.durations.known, total) if total else None

    @property
    def allowed(self) -> Fraction:
        """The share of answers that may be slow: the budget."""
        return 1 - self.objective.objective.ratio

    @property
    def spent(self) -> Fraction | None:
        """The share of answers that were slow. None without answers."""
        point = self.share.point
        return None if point is None else 1 - point

    @property
    def remaining(self) -> Fraction | None:
        """The rest of the budget as a share of the answers; negative if it is overspent. None without answers."""
        spent = self.spent
        return None if spent is None else self.allowed - spent

    @property
    def burn_rate(self) -> Fraction | None:
        """The slow share of the recent answers, divided by the allowed one. None without recent answers."""
        count = self.recent.count
        return (1 - Fraction(self.recent.low + self.recent.high, 2 * count)) / self.allowed if count else None

    @property
    def verdict(self) -> Verdict | None:
        """Whether the objective was met. None without time in which there may be answers."""
        low, _, high = self.share
        if low is None or high is None:
            return None
        ratio = self.objective.objective.ratio
        return Verdict.MET if low >= ratio else Verdict.MISSED if high < ratio else Verdict.UNDECIDED

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API: shares as numbers, null if there is no figure."""
        return {
            "objective": float(self.objective.objective.ratio),
            "limit_seconds": self.objective.limit / SECOND,
            "window": {"start": format_instant(self.window.start), "end": format_instant(self.window.end)},
            "answers": self.fast.count,
            "share": {name: _number(value) for name, value in self.share._asdict().items()},
            "coverage": _number(self.coverage),
            "budget": {
                "allowed": float(self.allowed),
                "spent": _number(self.spent),
                "remaining": _number(self.remaining),
            },
            "burn_rate": _number(self.burn_rate),
            "burn_since": format_instant(self.recent_since),
            "verdict": None if self.verdict is None else self.verdict.value,
        }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
