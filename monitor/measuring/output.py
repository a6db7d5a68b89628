"""Print a measurement as text or CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import UnknownPolicy, Verdict
from sla.duration import format_bounds, format_duration
from sla.objective import Objective, format_nines, format_percent
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.measuring.options import Measurement, MeasureOptions, ProbeTiming, Result
    from sla.measured import Measured
    from sla.observed_part import ObservedPart

_BAR_WIDTH = 56
_NAME_WIDTH = 14
_MAX_TIMINGS = 3


def as_csv(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return the objects as CSV with a header, one per row. Nested names are joined by an underscore.

    Null values and missing values are empty.
    """
    rows = [dict(_flattened(mapping)) for mapping in objects]
    text = io.StringIO()
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flattened(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}_")
        else:
            yield prefix + name, str(value).lower() if isinstance(value, bool) else value


def as_text(measurement: Measurement, measure_options: MeasureOptions) -> str:
    """Return all results with their assumptions as text."""
    lines = [*_heading(measurement, measure_options)]
    for result in measurement.results:
        lines += ["", *_result_lines(result, measure_options)]
    return "\n".join(lines)


def _heading(measurement: Measurement, measure_options: MeasureOptions) -> Iterator[str]:
    window = measurement.window
    measured = window.measured
    time_span = f"{format_instant(measured.start)} to {format_instant(measured.end)}"
    yield f"{window.name}: {time_span} ({format_duration(measured.length)})"
    if window.in_progress:
        yield f"in progress: the budget covers the entire window, to {format_instant(window.full.end)}"
    last = format_instant(measurement.record.end)
    known = f"all observations used, up to {last}" if measure_options.at is None else f"observations used up to {last}"
    policy = {
        UnknownPolicy.EXCLUDE: "excluded from the estimate",
        UnknownPolicy.DOWN: "counted as down in the estimate",
        UnknownPolicy.UP: "counted as up in the estimate",
    }[measure_options.unknown]
    yield f"{known}; unknown time is {policy}"


def _result_lines(result: Result, measure_options: MeasureOptions) -> Iterator[str]:
    m = result.measured
    yield _title(result, m)
    yield _row("availability", _bounds(m))
    yield from _bar(m)
    if result.raw is not m:
        yield _row("raw", f"{_bounds(result.raw)}, before exclusions")
        yield _row("excluded", format_duration(m.excluded))
    yield _row("verdict", _verdict(m))
    yield _row("downtime", _downtime(m))
    if m.budget is not None:
        b = m.budget
        label = "left" if b.remaining >= 0 else "overspent"
        spent = f"{format_duration(b.spent)} spent, {format_duration(abs(b.remaining))} {label}"
        yield _row("budget", f"{format_duration(b.allowed)} allowed, {spent}{_resolution_hint(m)}")
    yield _row("coverage", f"{format_percent(m.coverage)}; {_undecided_reason(m) or 'nothing in doubt or unknown'}")
    if m.observed_part is not None:
        yield _row("observed", _observed_part(m, m.observed_part))
    counts = m.counts
    label, to = ("observations", "") if m.counts_are_of_probes else ("changes", "to ")
    yield _row(label, f"{counts.good:,} {to}good, {counts.bad:,} {to}bad, {counts.unknown:,} {to}unknown")
    yield _row("nines", _nines(m))
    yield _row("rule", _rule(result, measure_options))
    yield _row("timing", _timings(result.timings, measure_options))


def _row(name: str, text: str) -> str:
    return f"  {name:<{_NAME_WIDTH}}{text}"


def _title(result: Result, m: Measured) -> str:
    name = result.check or ("all observations" if len(result.timings) == 1 else "all checks combined")
    if m.objective is None or m.verdict is None:
        return name
    return f"{name}: {m.verdict.upper()} against {m.objective}"


def _bounds(m: Measured) -> str:
    low, point, high = m.availability
    if low is None:
        return f"n/a: {_reason_without_figure(m)}"
    return f"{format_percent(point)}, bounds {format_percent(low)} to {format_percent(high)}"


def _reason_without_figure(m: Measured) -> str:
    return "all time is excluded" if m.excluded else "the window has no length"


def _bar(m: Measured) -> Iterator[str]:
    """Yield a bar with the bounds and the point estimate on a scale up to 100 %, and the objective below it."""
    low, point, high = m.availability
    if low is None or high is None:
        return
    lowest = low if m.objective is None else min(low, m.objective.ratio)
    scale_start = 1 - _scale_span(1 - lowest)

    def column(ratio: Fraction) -> int:
        return math.floor((ratio - scale_start) / (1 - scale_start) * (_BAR_WIDTH - 1))

    line = ["─"] * _BAR_WIDTH
    line[column(low) : column(high) + 1] = "━" * (column(high) - column(low) + 1)
    if point is not None:
        line[column(point)] = "●"
    scale = str(Objective(scale_start)) if scale_start else "0%"
    yield _row("", f"{scale} ├{''.join(line)}┤ 100%")
    if m.objective is not None:
        at = column(m.objective.ratio) + len(scale) + 2
        label = f"objective {m.objective}"
        yield _row("", f"{'▲':>{at + 1}} {label}" if at < _BAR_WIDTH // 2 else f"{label:>{at - 1}} ▲")


def _scale_span(share: Fraction) -> Fraction:
    """Return the smallest of 1, 2, 5, 10, 20, 50, 100 % (and a tenth, a hundredth, ... of them) that is not less."""
    if not 0 < share < Fraction(1, 2):
        return Fraction(1) if share else Fraction(1, 100)
    steps = (Fraction(factor, 10**digits) for digits in range(9, 0, -1) for factor in (1, 2, 5))
    return next(step for step in steps if step >= share)


def _verdict(m: Measured) -> str:
    if m.objective is None:
        return "n/a: no --objective"
    low, point, high = m.availability
    if low is None:
        return f"undecided: {_reason_without_figure(m)}"
    if m.verdict is Verdict.MET:
        return f"met: minimum {format_percent(low)}"
    if m.verdict is Verdict.MISSED:
        return f"missed: maximum {format_percent(high)}, at least {format_duration(m.downtime.low)} down"
    meets = "" if point is None else f"; the estimate {'meets' if m.point_meets_objective else 'misses'} it"
    return f"undecided: depends on {_undecided_reason(m)}{meets}"


def _undecided_reason(m: Measured) -> str:
    parts = ((m.durations.doubt, "in doubt"), (m.durations.unknown, "unknown"))
    return " and ".join(f"{format_duration(length)} {name}" for length, name in parts if length)


def _downtime(m: Measured) -> str:
    low, point, high = format_bounds(*m.downtime)
    return f"{point}, bounds {low} to {high}"


def _resolution_hint(m: Measured) -> str:
    return "; too short to be measured at this interval" if m.resolvable is False else ""


def _observed_part(m: Measured, part: ObservedPart) -> str:
    """Return the availability of the part of the window that the record covers, and when a verdict is possible."""
    low, point, high = part.availability
    length = format_duration(m.window.end - part.since)
    text = f"since {format_instant(part.since)} ({length}): {format_percent(point)}, bounds "
    text += f"{format_percent(low)} to {format_percent(high)}"
    if part.decidable_at is None or part.decidable_at <= m.window.end:
        return text
    return f"{text}; a verdict is possible from {format_instant(part.decidable_at)}"


def _nines(m: Measured) -> str:
    observed = format_nines(m.availability.point)
    if not m.counts_are_of_probes:
        return f"{observed} observed, none proven: a log of changes does not show how often the tool probed"
    bound = m.confidence_bound
    if bound is None:
        return f"{observed} observed, none proven"
    share = format_percent(bound.availability)
    proven = math.floor(bound.nines * 100) / 100
    return f"{observed} observed, {proven:.2f} proven: {share} at 95 % confidence, assuming independent observations"


def _rule(result: Result, measure_options: MeasureOptions) -> str:
    if len(result.timings) == 1:
        return "the check must be up"
    kind = "vantages" if measure_options.by_check else "checks (each vantage counts as one)"
    return f"{str(measure_options.rule).replace('_', ' ')} of {len(result.timings)} {kind} must be up"


def _timings(timings: Iterable[ProbeTiming], measure_options: MeasureOptions) -> str:
    text = list(dict.fromkeys(_timing(timing, measure_options) for timing in timings))
    omitted = f"; and {len(text) - _MAX_TIMINGS} more" if len(text) > _MAX_TIMINGS else ""
    return "; ".join(text[:_MAX_TIMINGS]) + omitted


def _timing(timing: ProbeTiming, measure_options: MeasureOptions) -> str:
    if timing.resolution is not None:
        resolution = (
            f"with a resolution of {format_duration(timing.resolution)}"
            if timing.resolution
            else "with a resolution of microseconds"
        )
        return f"state changes {resolution}; each state lasts until the next change"
    source = "given" if measure_options.interval is not None else "median spacing"
    interval = f"{format_duration(timing.interval)} ({source})" if timing.interval else "1m (assumed)"
    if timing.timeout is None:
        return f"interval {interval}, hold {format_duration(timing.hold)} (given)"
    timeout = f"{format_duration(timing.timeout)}{'' if measure_options.timeout is not None else ' (assumed)'}"
    return f"interval {interval}, hold {format_duration(timing.hold)} = 2 x interval + timeout {timeout}"
