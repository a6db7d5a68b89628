"""Options of `ninewatch measure`, and the measurement of a log per check or of all checks together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from monitor.errors import NinewatchError
from monitor.measuring.folding import ChangeLogLikelihood, Observations
from sla.availability import UnknownPolicy
from sla.compose import Composition
from sla.interval import MICROSECOND, MINUTE, SECOND, Interval, subtract
from sla.measured import Measured, measure
from sla.observation_counts import Counts
from sla.rule import Rule
from sla.timeline import Timeline

if TYPE_CHECKING:
    from monitor.measuring.changes import ChangeLog, StreamChanges
    from monitor.measuring.record import Record, Stream
    from sla.objective import Objective
    from sla.state_history import History
    from sla.window import Window

_INTERVAL = MINUTE  # the configuration's default, if no interval is given and none can be inferred
_TIMEOUT = 10 * SECOND  # the configuration's default, or the interval if that is shorter


@dataclass(frozen=True, slots=True)
class ProbeTiming:
    """Probe interval, timeout and hold of a stream, microseconds.

    `interval` is None if it was neither given nor inferred; the default applies then. `timeout` is None if `hold` was
    given. A log of changes has only a `resolution`, that of its coarsest timestamp.
    """

    interval: int | None
    timeout: int | None
    hold: int
    resolution: int | None = None


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """Options of a measurement.

    - `window`: function from the span of the log to the window to measure.
    - `at`: ignore observations after this instant; None: use all.
    - `excluded`: function from an interval to the excluded time that intersects it.
    - `counts_end`: count an observation exactly at the end of the window, although windows are half-open.
    - `detect_changes`: detect streams that look like logs of changes.
    """

    window: Callable[[Interval], Window]
    at: int | None = None
    objective: Objective | None = None
    interval: int | None = None
    timeout: int | None = None
    hold: int | None = None
    excluded: Callable[[Interval], Iterable[Interval]] = lambda _: ()
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE
    rule: Rule = Rule()  # noqa: RUF009 - frozen
    by_check: bool = True
    counts_end: bool = False
    detect_changes: bool = True

    def timing(self, observations: Observations) -> ProbeTiming:
        """Return the given timing, with missing parts inferred from the observations.

        hold = 2 x interval + timeout (measurement.md, section 2).
        """
        interval = self.interval or observations.spacing()
        if self.hold is not None:
            return ProbeTiming(interval, None, self.hold)
        assumed = interval or _INTERVAL
        timeout = min(_TIMEOUT, assumed) if self.timeout is None else self.timeout
        return ProbeTiming(interval, timeout, 2 * assumed + timeout)


@dataclass(frozen=True, slots=True)
class MeasuredStream:
    """One stream: first and last instant, history and timing."""

    first: int
    last: int
    history: History
    timing: ProbeTiming


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one check, or of all if `check` is None. `raw` are the figures without exclusions."""

    check: str | None
    measured: Measured
    raw: Measured
    timings: tuple[ProbeTiming, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """All results, sorted by check, with their window and the span of the log."""

    window: Window
    record: Interval
    results: tuple[Result, ...]
    change_log_like: tuple[Stream, ...] = ()  # measured as probes, but possibly logs of changes


def measure_record(record: Record, measure_options: MeasureOptions) -> Measurement:
    """Measure the record. Consumes it, so that no stream is in memory twice.

    Raises:
        NinewatchError: the record is empty, the window cannot be determined, the rule requires more members than exist,
            or a stream is certainly a log of state changes.
    """
    streams = record.streams()
    if not streams:
        raise NinewatchError("no observations to measure")
    members, change_log_like = {}, []
    for stream in sorted(streams):
        observations = Observations.of(streams.pop(stream), measure_options.at)
        likeness = observations.change_log_likelihood() if measure_options.detect_changes else ChangeLogLikelihood.NONE
        if (
            likeness is ChangeLogLikelihood.CERTAIN
            and measure_options.interval is None
            and measure_options.hold is None
        ):
            raise NinewatchError(f"{changes_hint(stream)}; {USE_CHANGES}")
        if likeness is not ChangeLogLikelihood.NONE:
            change_log_like.append(stream)
        members[stream] = _member(observations, measure_options.timing(observations))
    return replace(_measurement(members, measure_options), change_log_like=tuple(change_log_like))


def _member(observations: Observations, timing: ProbeTiming) -> MeasuredStream:
    span_ends = (int(observations.at[0]), int(observations.at[-1])) if len(observations) else (NO_INSTANT, NO_INSTANT)
    return MeasuredStream(*span_ends, observations.timeline(timing.hold), timing)


FIXED_WINDOW_NAMES = ("window", "the whole record")  # names of windows that do not move with time
NO_INSTANT = -1 << 63  # first and last instant of a stream without observations up to `at`
USE_CHANGES = "use --changes for state changes, or --samples if each row is a probe"


def changes_hint(stream: Stream) -> str:
    """Return the error text for a stream that looks like a log of changes."""
    prefix = f"check {stream.check}: " if stream.check else ""
    return f"{prefix}looks like a log of state changes, not of probes: every row differs from the previous one"


def measure_changes(log: ChangeLog, measure_options: MeasureOptions, until: int | None) -> Measurement:
    """Measure a log of changes that is complete up to the instant `until`, or up to each stream's last row.

    Raises:
        NinewatchError: the log is empty, the window cannot be determined, or the rule requires more members than exist.
    """
    return _measurement(
        {stream: _measured_stream(changes) for stream, changes in log.streams_at(measure_options.at, until).items()},
        measure_options,
    )


def _measured_stream(changes: StreamChanges | None) -> MeasuredStream:
    if changes is None:
        return MeasuredStream(NO_INSTANT, NO_INSTANT, Timeline(0), ProbeTiming(None, None, 0, 0))
    return MeasuredStream(changes.first, changes.last, changes.history, ProbeTiming(None, None, 0, changes.resolution))


def _measurement(members: dict[Stream, MeasuredStream], measure_options: MeasureOptions) -> Measurement:
    span = _span(members.values(), measure_options.at)
    window = measure_options.window(span)
    return Measurement(
        window,
        span,
        tuple(
            _result(name, checks, window, measure_options)
            for name, checks in _groups(members, measure_options.by_check)
        ),
    )


def _span(members: Iterable[MeasuredStream], at: int | None) -> Interval:
    """Return the time from the first observation to the last, or to `at`."""
    ends = [(member.first, member.last) for member in members if member.last > NO_INSTANT]
    last = max((last for _, last in ends), default=0) if at is None else at
    return Interval(min((first for first, _ in ends), default=last), last)


def _groups(members: dict[Stream, MeasuredStream], by_check: bool) -> Iterable[tuple[str | None, list[MeasuredStream]]]:
    if not by_check:
        return [(None, list(members.values()))]
    groups: dict[str | None, list[MeasuredStream]] = {}
    for stream, member in members.items():
        groups.setdefault(stream.check or None, []).append(member)
    return groups.items()


def _result(
    check: str | None, members: Sequence[MeasuredStream], window: Window, measure_options: MeasureOptions
) -> Result:
    timings = tuple(member.timing for member in members)
    history = _history([member.history for member in members], check, measure_options.rule)
    intervals = [timing.interval for timing in timings]
    longest = None if None in intervals else max(interval for interval in intervals if interval is not None)

    def measured(excluded: Sequence[Interval]) -> Measured:
        full_window = window.full if window.in_progress else None
        figures = measure(
            history,
            window.measured,
            measure_options.objective,
            excluded=excluded,
            unknown=measure_options.unknown,
            interval=longest,
            full_window=full_window,
            rolling=window.rolling and window.name not in FIXED_WINDOW_NAMES,
        )
        figures = replace(figures, counts_are_of_probes=all(timing.resolution is None for timing in timings))
        return _with_end_counted(figures, history, excluded) if measure_options.counts_end else figures

    raw = measured(())
    excluded = tuple(measure_options.excluded(window.full))
    return Result(check, measured(excluded) if excluded else raw, raw, timings)


def _with_end_counted(figures: Measured, history: History, excluded: Sequence[Interval]) -> Measured:
    """Return the figures including observations at the end of the window, unless that instant is excluded."""
    end = Interval(figures.window.end, figures.window.end + MICROSECOND)
    counts = (history.counts(part) for part in subtract(end, excluded))
    return replace(figures, counts=reduce(Counts.plus, counts, figures.counts))


def _history(members: Sequence[History], check: str | None, rule: Rule) -> History:
    if len(members) == 1 and rule.k is None:
        return members[0]
    try:
        return Composition(rule, members, joining=True)
    except ValueError as error:
        raise NinewatchError(f"{f'check {check}: ' if check else ''}{error}; use another --rule") from error
