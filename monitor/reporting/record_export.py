"""Rows of the record for other programs: observations, runs, incidents and figures as flat values.

Instants are RFC 3339 in UTC, durations are seconds, ratios are between 0 and 1. A missing value is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sla.calendar import Period, calendar_window
from sla.interval import SECOND, Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from monitor.ledger.ledger import Ledger
    from monitor.storage.reader import Reader
    from sla.observation import Observation, Run

Row = dict[str, Any]

OBSERVATIONS: Final = ("at", "check", "vantage", "outcome", "reason", "latency_seconds", "recheck")
RUNS: Final = (
    *("check", "vantage", "outcome", "reason", "first", "last", "observations", "hold_seconds"),
    *("latency_count", "latency_sum_seconds", "latency_max_seconds", "synthetic", "recheck"),
)
INCIDENTS: Final = ("id", "product", "check", "opened", "resolved", "reason", "downtime_seconds")
FIGURES: Final = (
    *("product", "start", "end", "up_seconds", "down_seconds", "doubt_seconds", "unknown_seconds", "coverage"),
    *("availability_low", "availability_point", "availability_high", "downtime_low_seconds", "downtime_point_seconds"),
    *("downtime_high_seconds", "good", "bad", "unknown", "objective", "verdict", "provisional"),
)


def observation_rows(reader: Reader, window: Interval, checks: Collection[str]) -> Iterator[Row]:
    """Yield the raw observations of the checks in the window, by instant. Older ones may have been pruned."""
    return (_observation(item) for item in reader.observations_between(window) if item.check in checks)


def _observation(observation: Observation) -> Row:
    values = (
        format_instant(observation.at),
        observation.check,
        observation.vantage,
        observation.outcome.value,
        observation.reason,
        None if observation.latency is None else observation.latency / SECOND,
        observation.recheck,
    )
    return dict(zip(OBSERVATIONS, values, strict=True))


def run_rows(reader: Reader, window: Interval, checks: Collection[str]) -> Iterator[Row]:
    """Yield the closed runs of the checks that overlap the window, by check and vantage, then start."""
    for run in reader.load_runs(checks):
        if run.first < window.end and run.last >= window.start:
            yield _run(run)


def _run(run: Run) -> Row:
    values = (
        *(run.check, run.vantage, run.outcome.value, run.reason, format_instant(run.first), format_instant(run.last)),
        *(run.count, run.hold / SECOND, run.latency_count, run.latency_sum / SECOND, run.latency_max / SECOND),
        *(run.seeded, run.recheck),
    )
    return dict(zip(RUNS, values, strict=True))


def incident_rows(reader: Reader, window: Interval, products: Collection[str]) -> Iterator[Row]:
    """Yield the incidents of checks of the products that overlap the window, oldest first."""
    for incident in reader.load_incidents():
        until = window.end if incident.resolved is None else incident.resolved
        if incident.product in products and incident.opened < window.end and until >= window.start:
            values = (
                *(incident.id, incident.product, incident.check, format_instant(incident.opened)),
                None if incident.resolved is None else format_instant(incident.resolved),
                incident.reason,
                None if incident.downtime is None else incident.downtime / SECOND,
            )
            yield dict(zip(INCIDENTS, values, strict=True))


def figure_rows(
    ledger: Ledger, window: Interval, products: Collection[str], by: Period | None, at: int
) -> Iterator[Row]:
    """Yield the figures of the products before exclusions, over the window or over each calendar period in it.

    The first and the last period are cut to the window. `at`: the instant as of which the figures are.
    """
    for product in products:
        for part in [window] if by is None else _periods(ledger, window, by):
            yield _figure(ledger, product, part, at)


def _periods(ledger: Ledger, window: Interval, by: Period) -> Iterator[Interval]:
    start = window.start
    while start < window.end:
        end = min(window.end, calendar_window(by, start, ledger.portfolio.zone).full.end)
        yield Interval(start, end)
        start = end


def _figure(ledger: Ledger, product: str, part: Interval, at: int) -> Row:
    figures = ledger.measured(product, part, part.end, at).as_json()
    availability, downtime, counts = figures["availability"], figures["downtime_seconds"], figures["observations"]
    values = (
        *(
            product,
            format_instant(part.start),
            format_instant(part.end),
            figures["up_seconds"],
            figures["down_seconds"],
        ),
        *(figures["doubt_seconds"], figures["unknown_seconds"], figures["coverage"]),
        *(availability["low"], availability["point"], availability["high"]),
        *(downtime["low"], downtime["point"], downtime["high"], counts["good"], counts["bad"], counts["unknown"]),
        *(figures["objective"], figures["verdict"], figures["provisional"]),
    )
    return dict(zip(FIGURES, values, strict=True))
