"""Response times of a product for its page and the API: percentiles by day and check, and latency objectives."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from monitor.ledger.latencies import day_of
from monitor.ledger.latency_objectives import latency_figures
from monitor.probe_result import PHASES
from sla.duration import format_duration
from sla.interval import HOUR, SECOND
from sla.latency_histogram import LatencyHistogram
from sla.localtime import local
from sla.objective import format_percent
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.config.model import Product
    from monitor.ledger.latency_objectives import LatencyFigure
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.latency_day import LatencyDay

DAYS: Final = 90  # on the page
HEIGHT: Final = 96.0
MEDIAN, P95 = Fraction(1, 2), Fraction(95, 100)
_MIN_LATENCY: Final = 1_000  # microseconds at the bottom of the chart, which is logarithmic
_DECADES: Final = 5  # up to 100 s at its top


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """The latencies of good probes in a period, microseconds: percentiles exact to 1 %, and the maximum."""

    count: int
    median: int | None
    p95: int | None
    maximum: int | None

    @classmethod
    def of(cls, histogram: LatencyHistogram) -> ResponseTimes:
        """Return the response times of a histogram. All are None without responses."""
        count = histogram.count
        maximum = histogram.maximum if count else None
        return cls(count, histogram.percentile(MEDIAN), histogram.percentile(P95), maximum)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API, in seconds."""
        times = {"median_seconds": self.median, "p95_seconds": self.p95, "max_seconds": self.maximum}
        return {"answers": self.count} | {name: None if us is None else us / SECOND for name, us in times.items()}


@dataclass(frozen=True, slots=True)
class DayTimes:
    """The response times of one day, which starts at `start`."""

    start: int
    name: str
    times: ResponseTimes


@dataclass(frozen=True, slots=True)
class CheckTimes:
    """The response times of one check over all days, and the mean of each phase in microseconds."""

    check: str
    times: ResponseTimes
    phases: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ResponseTimeFigures:
    """The response times of a product by day and by check. Days without responses are included."""

    days: list[DayTimes]
    checks: list[CheckTimes]

    @property
    def answers(self) -> int:
        """The number of responses of all days."""
        return sum(day.times.count for day in self.days)

    @property
    def chart(self) -> ResponseChart:
        """The chart of the days."""
        return response_chart(self.days)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API without objectives."""
        checks = [
            {"check": item.check, "phases": {name: us / SECOND for name, us in item.phases}} | item.times.as_json()
            for item in self.checks
        ]
        days = [{"start": format_instant(item.start)} | item.times.as_json() for item in self.days]
        return {"days": days, "checks": checks}


async def response_times(
    ledger: Ledger, product: Product, now: int, slices: TimeSlices, days: int = DAYS
) -> ResponseTimeFigures:
    """Return the response times of the last days, including the present one."""
    zone = ledger.portfolio.zone
    starts = _day_starts(ledger, now, days)
    by_day: dict[int, list[LatencyHistogram]] = defaultdict(list)
    checks = []
    for check in product.checks:
        check_days = [day for day in ledger.latency_days(f"{product.id}/{check.id}") if starts[0] <= day.start < now]
        histograms = []
        for day in check_days:
            histograms.append(day.histogram)
            by_day[day_of(day.start, zone)[0]].append(histograms[-1])
            await slices.yield_if_spent()
        checks.append(CheckTimes(check.id, ResponseTimes.of(LatencyHistogram.merged(histograms)), _phases(check_days)))
        await slices.yield_if_spent()
    lines = []
    for start in starts:
        name = local(start, zone).strftime("%a %-d %b %Y")
        lines.append(DayTimes(start, name, ResponseTimes.of(LatencyHistogram.merged(by_day[start]))))
        await slices.yield_if_spent()
    return ResponseTimeFigures(lines, checks)


def _day_starts(ledger: Ledger, now: int, days: int) -> list[int]:
    zone = ledger.portfolio.zone
    starts = [day_of(now, zone)[0]]
    while len(starts) < days:
        starts.append(day_of(starts[-1] - HOUR, zone)[0])
    return starts[::-1]


def _phases(days: Iterable[LatencyDay]) -> list[tuple[str, int]]:
    """Return the mean of each phase, over the responses with phases."""
    sums: dict[str, int] = defaultdict(int)
    count = 0
    for day in days:
        count += day.phase_count
        for name, us in day.phases.items():
            sums[name] += us
    return [(name, sums[name] // count) for name in PHASES if count and name in sums]


@dataclass(frozen=True, slots=True)
class ObjectiveLine:
    """A latency objective as a row of a table."""

    subject: str
    objective: str
    since: str
    share: str
    bounds: str
    budget: str
    burn: str
    verdict: str


def objective_lines(ledger: Ledger, product: Product, now: int) -> list[ObjectiveLine]:
    """Return the latency objectives of the product and its checks."""
    return [_objective_line(ledger, figure) for figure in latency_figures(ledger, product, now)]


def _objective_line(ledger: Ledger, figure: LatencyFigure) -> ObjectiveLine:
    measured = figure.measured
    low, point, high = measured.share
    remaining, burn = measured.remaining, measured.burn_rate
    return ObjectiveLine(
        subject=figure.check or "all checks",
        objective=_objective_text(figure),
        since=local(measured.window.start, ledger.portfolio.zone).strftime("%-d %b %Y"),
        share=format_percent(point, 2),
        bounds=f"{format_percent(low, 2)} to {format_percent(high, 2)}",
        budget="n/a" if remaining is None else _percent_left(remaining / measured.allowed),
        burn="n/a" if burn is None else f"{float(burn):.2g}",
        verdict="n/a" if measured.verdict is None else measured.verdict.value,
    )


def _objective_text(figure: LatencyFigure) -> str:
    """Return the objective as text, with the one from the next midnight on and the earlier ones of the window."""
    text = str(figure.measured.objective)
    if figure.following is not None:
        text += f" ({figure.following} from tomorrow)"
    if earlier := [str(part.objective) for part in figure.measured.parts[:-1]]:
        text += f", earlier {', '.join(earlier)}"
    return text


def _percent_left(share: Fraction) -> str:
    """Return the remaining share of a budget, rounded down, with a minus sign (U+2212) if it is overspent."""
    return f"{math.floor(100 * share)}%".replace("-", "\u2212")


@dataclass(frozen=True, slots=True)
class ResponseChart:
    """The chart of the median, the 95th percentile and the maximum by day, on a logarithmic scale."""

    width: int
    height: float
    lines: Mapping[str, str]
    ticks: Sequence[tuple[float, str]]
    text: str


def response_chart(days: Sequence[DayTimes]) -> ResponseChart:
    """Return the chart of the days. Each line is an SVG path with a gap for every day without responses."""
    measured = [day.times for day in days if day.times.count]
    text = "no responses"
    if measured:
        worst = max(day.maximum or 0 for day in measured)
        text = f"{len(measured)} of {len(days)} days with responses; the slowest took {format_duration(worst)}"
    lines = {
        "median": _svg_path([day.times.median for day in days]),
        "p95": _svg_path([day.times.p95 for day in days]),
        "max": _svg_path([day.times.maximum for day in days]),
    }
    ticks = [
        (_chart_position(_MIN_LATENCY * 10**n), format_duration(_MIN_LATENCY * 10**n)) for n in range(_DECADES + 1)
    ]
    return ResponseChart(len(days) * 8, HEIGHT, lines, ticks, text)


def _svg_path(values: Sequence[int | None]) -> str:
    """Return a path with a horizontal step per day, so that a single day is visible."""
    parts, drawn = [], False
    for index, value in enumerate(values):
        if value is not None:
            parts.append(f"{'L' if drawn else 'M'}{index * 8} {_chart_position(value)}h8")
        drawn = value is not None
    return "".join(parts)


def _chart_position(us: int) -> float:
    """Return the position of a latency from the top of the chart."""
    decades = math.log10(max(us, _MIN_LATENCY) / _MIN_LATENCY)
    return round(HEIGHT * (1 - min(decades, _DECADES) / _DECADES), 1)
