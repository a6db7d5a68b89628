"""Latency objectives: the share of responses that must be faster than a limit, over a window of days.

An objective is measured from the good observations of the window, which represent the time in which the check was
certainly up. In doubt or unknown time, all responses may have been slow or fast. Downtime has no responses; it counts
in the availability. The bounds contain the true share if responses are spread evenly over the uptime.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, Verdict
from sla.duration import format_exact_duration
from sla.interval import SECOND
from sla.objective import Objective  # noqa: TC001 - the configuration evaluates the types of the fields
from sla.states import Durations
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from sla.interval import Interval
    from sla.latency_histogram import LatencyHistogram


@dataclass(frozen=True, slots=True)
class LatencyObjective:
    """The share of responses that must be faster than `limit` (microseconds)."""

    objective: Objective
    limit: int

    @property
    def allowed(self) -> Fraction:
        """The share of responses that may be slow."""
        return 1 - self.objective.ratio

    def as_json(self) -> dict[str, float]:
        """Return the share and the limit in seconds."""
        return {"objective": float(self.objective.ratio), "limit_seconds": self.limit / SECOND}

    def __str__(self) -> str:
        """Return the objective as it is configured: `95% under 400ms`."""
        return f"{self.objective} under {format_exact_duration(self.limit).replace(' ', '').replace('µ', 'u')}"


@dataclass(frozen=True, slots=True)
class Fast:
    """The `count` of responses, of which at least `low` and at most `high` were faster than the limit.

    The bounds differ by the responses in the histogram bucket of the limit, which are within 1 % of the limit.
    """

    low: int = 0
    high: int = 0
    count: int = 0

    @classmethod
    def of(cls, histogram: LatencyHistogram, limit: int) -> Fast:
        """Return the responses of a histogram."""
        low, high = histogram.faster_than(limit)
        return cls(low, high, histogram.count)

    @property
    def point(self) -> Fraction:
        """The estimated share of fast responses. Requires at least one response."""
        return Fraction(self.low + self.high, 2 * self.count)

    def plus(self, other: Fast) -> Fast:
        """Return the sum."""
        return Fast(self.low + other.low, self.high + other.high, self.count + other.count)


@dataclass(frozen=True, slots=True)
class LatencyPart:
    """The part of a window in which one objective applies, from `start` on: its responses and durations."""

    start: int
    objective: LatencyObjective
    fast: Fast
    durations: Durations

    @property
    def length(self) -> int:
        """The time in which there may be responses: up, in doubt or unknown. Microseconds."""
        return self.durations.up + self.open

    @property
    def open(self) -> int:
        """The time in doubt or unknown."""
        return self.durations.doubt + self.durations.unknown

    @property
    def fast_time(self) -> tuple[Fraction, Fraction]:
        """The minimum and maximum time with fast responses; zero and all time if there are no responses."""
        if not (count := self.fast.count):
            return Fraction(0), Fraction(self.length)
        low, high = (self.durations.up * Fraction(number, count) for number in (self.fast.low, self.fast.high))
        return low, high + self.open

    def as_json(self) -> dict[str, Any]:
        """Return the objective and the instant from which it applies."""
        return {"from": format_instant(self.start)} | self.objective.as_json()


@dataclass(frozen=True, slots=True)
class MeasuredLatency:
    """The share of fast responses in a window, with its budget and verdict.

    `parts` has the objectives of the window in order, at least one. `recent` has the responses since `recent_since`,
    from which the burn rate is computed; `short` those of the short look-back of the alert (`sla.latency_alerting`).
    `window_length` is the configured length of the window.
    """

    window: Interval
    parts: tuple[LatencyPart, ...]
    recent: Fast
    recent_since: int
    short: Fast
    window_length: int

    @property
    def objective(self) -> LatencyObjective:
        """The latest objective of the window."""
        return self.parts[-1].objective

    @property
    def fast(self) -> Fast:
        """The responses of the window."""
        return reduce(Fast.plus, (part.fast for part in self.parts))

    @property
    def durations(self) -> Durations:
        """The durations of the check or product in the window."""
        return reduce(Durations.plus, (part.durations for part in self.parts))

    @property
    def share(self) -> Bounds[Fraction | None]:
        """The share of fast responses: low, point and high. All are None if the window cannot have responses."""
        length = sum(part.length for part in self.parts)
        if not length:
            return Bounds(None, None, None)
        low, high = (sum((part.fast_time[bound] for part in self.parts), Fraction(0)) / length for bound in (0, 1))
        return Bounds(low, self._mean(lambda part: part.fast.point), high)

    def _mean(self, value: Callable[[LatencyPart], Fraction]) -> Fraction | None:
        """Return the mean over the parts with responses, weighted by uptime, or by responses if no part was up."""
        parts = [part for part in self.parts if part.fast.count]
        weights = [part.durations.up for part in parts]
        if not any(weights):
            weights = [part.fast.count for part in parts]
        weighted = (value(part) * weight for part, weight in zip(parts, weights, strict=True))
        return sum(weighted, Fraction(0)) / sum(weights) if parts else None

    @property
    def coverage(self) -> Fraction | None:
        """The known share of the window. None for an empty window."""
        total = self.durations.total
        return Fraction(self.durations.known, total) if total else None

    @property
    def allowed(self) -> Fraction:
        """The budget: the share of responses that may be slow."""
        return self._mean(lambda part: part.objective.allowed) or self.objective.allowed

    @property
    def spent(self) -> Fraction | None:
        """The share of responses that were slow. None without responses."""
        point = self.share.point
        return None if point is None else 1 - point

    @property
    def remaining(self) -> Fraction | None:
        """The remaining budget as a share of the responses; negative if overspent. None without responses."""
        spent = self.spent
        return None if spent is None else self.allowed - spent

    @property
    def burn_rate(self) -> Fraction | None:
        """The slow share of the recent responses, divided by the allowed share. None without recent responses."""
        return (1 - self.recent.point) / self.objective.allowed if self.recent.count else None

    @property
    def verdict(self) -> Verdict | None:
        """Whether the objective was met. None if the window cannot have responses."""
        low, _, high = self.share
        if low is None or high is None:
            return None
        required = sum((part.objective.objective.ratio * part.length for part in self.parts), Fraction(0))
        ratio = required / sum(part.length for part in self.parts)
        return Verdict.MET if low >= ratio else Verdict.MISSED if high < ratio else Verdict.UNDECIDED

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API: shares as numbers, null if there is no figure."""
        return {
            **self.objective.as_json(),
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
        } | ({"objectives": [part.as_json() for part in self.parts]} if len(self.parts) > 1 else {})


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
