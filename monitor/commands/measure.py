"""`ninewatch measure`: availability with bounds from any log of outcomes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from monitor import zones
from monitor.clock import SystemClock
from sla.availability import UnknownPolicy, Verdict
from sla.interval import Interval
from sla.objective import Objective
from sla.rule import Rule
from sla.service_hours import ServiceHours
from sla.window import Window, format_instant, parse_duration, parse_instant, parse_window

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.config.maintenance import Maintenance
    from monitor.measuring.options import Measurement, MeasureOptions

T = TypeVar("T")


class _Parsed(click.ParamType[Any]):
    """An option type with a parser. The parser's ValueError becomes a usage error."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _duration(text: str) -> int:
    if not (length := parse_duration(text)):
        raise ValueError("the duration is 0; use 30s, 5m or 1h")
    return length


_DURATION, _LENGTH = _Parsed("duration", _duration), _Parsed("duration", parse_duration)

_POLICIES = click.Choice([str(policy) for policy in UnknownPolicy])
_GROUPS = click.Choice(["check", "none"])


@click.command("measure", short_help="Measure availability from logs of probe results.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--objective", type=_Parsed("percent", Objective.parse), help='Availability objective: 99.95 or "three nines".'
)
@click.option("--window", metavar="WINDOW", help="30d, 1h, day, week, month, quarter, year, fiscal-year or START/END.")
@click.option("--at", metavar="TIME", help="Ignore observations after this instant.  [default: use all]")
@click.option(
    "--tz",
    "zone",
    type=_Parsed("zone", zones.zone),
    default="America/Vancouver",
    show_default=True,
    help="Time zone of calendar windows.",
)
@click.option("--interval", type=_DURATION, help="Time between probes.  [default: estimated, the median spacing]")
@click.option("--timeout", type=_LENGTH, help="Timeout of a probe.  [default: 10s, or the interval if that is shorter]")
@click.option("--hold", type=_LENGTH, help="How long a result is valid.  [default: 2 x interval + timeout]")
@click.option("--exclude", metavar="START/END", multiple=True, help="Time to exclude; may be repeated.")
@click.option(
    "--maintenance",
    metavar="FILE",
    multiple=True,
    help="Planned maintenance to exclude (.ics or YAML); may be repeated.",
)
@click.option(
    "--service-hours",
    "hours",
    type=_Parsed("hours", ServiceHours.parse),
    help='Service hours; other time is excluded: "Mon-Fri 07:00-18:00".',
)
@click.option(
    "--unknown",
    type=_POLICIES,
    default="exclude",
    show_default=True,
    help="How the point estimate counts unknown time.",
)
@click.option(
    "--rule",
    type=_Parsed("rule", Rule.parse),
    metavar="[all|any|K]",
    default="all",
    show_default=True,
    help="How many vantages (with --by none: checks) must be up.",
)
@click.option(
    "--changes/--samples",
    "changes",
    default=None,
    help="Rows are state changes or incidents (--changes), or probes (--samples).  [default: --samples]",
)
@click.option(
    "--until",
    metavar="TIME",
    help="With --changes: the instant up to which the log is complete.  [default: its last row]",
)
@click.option(
    "--times-in",
    type=_Parsed("zone", zones.zone),
    help="Time zone of times in the files that have no offset.",
)
@click.option(
    "--by", type=_GROUPS, default="check", show_default=True, help="One result per check, or one for all checks."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
def measure_command(
    files: tuple[str, ...],
    form: str,
    changes: bool | None,
    until: str | None,
    times_in: ZoneInfo | None,
    **options: Any,
) -> None:
    """Measure availability, with bounds that contain the true value, from FILEs of probe results.

    CSV with a header or JSON lines, also gzip, `-` for standard input. Columns: at (RFC 3339 or epoch seconds),
    outcome (good, bad, unknown; also up, down, success, failed, 1, 0, pending ...), optionally check and vantage.
    Use --changes for a log of state changes, alerts or incidents.

    Without --window, measures from the first observation to the last. Windows like 30d and month end at --at, or at the
    last observation. --rule combines the vantages of a check; with --by none it combines all checks. Exit status: 1 if
    an objective is missed, 2 if an option or a line is invalid.
    """
    # Imported here, because numpy takes 0.1 s to import.
    from monitor.measuring.output import as_csv, as_text

    measure_options = _measure_options(**options, detect_changes=changes is None)
    if changes:
        measurement = _measure_changes(files, measure_options, _complete_until(until, **options), times_in)
    elif until is not None:
        raise click.UsageError("--until needs --changes")
    else:
        measurement = _measure_samples(files, measure_options, times_in)
    objects = [result.measured.as_json(check=result.check) for result in measurement.results]
    if form == "json":
        click.echo(json.dumps({"results": objects}, ensure_ascii=False))
    else:
        click.echo(as_csv(objects).rstrip("\n") if form == "csv" else as_text(measurement, measure_options))
    sys.exit(1 if any(result.measured.verdict is Verdict.MISSED for result in measurement.results) else 0)


def _measure_samples(files: tuple[str, ...], measure_options: MeasureOptions, times_in: ZoneInfo | None) -> Measurement:
    from monitor.measuring.log_file import open_sources
    from monitor.measuring.options import USE_CHANGES, changes_hint, measure_record
    from monitor.measuring.record import Record

    record = Record(times_in)
    with open_sources(files) as sources:
        record.read(sources)
    measurement = measure_record(record, measure_options)
    for stream in measurement.change_log_like:
        click.echo(f"warning: {changes_hint(stream)}; {USE_CHANGES}", err=True)
    return measurement


def _measure_changes(
    files: tuple[str, ...], measure_options: MeasureOptions, until: int | None, times_in: ZoneInfo | None
) -> Measurement:
    from monitor.measuring.changes import ChangeLog
    from monitor.measuring.log_file import open_sources
    from monitor.measuring.options import measure_changes

    log = ChangeLog(times_in)
    with open_sources(files) as sources:
        log.read(sources)
    return measure_changes(log, measure_options, until)


def _complete_until(until: str | None, *, zone: ZoneInfo, window: str | None, **options: Any) -> int | None:
    """Return the instant up to which a log of changes is complete: --until, or the end of --window START/END.

    The end of a window is limited to now.
    """
    for name in ("interval", "timeout", "hold"):
        if options[name] is not None:
            raise click.UsageError(
                f"--{name} applies to probes only: with --changes, a state lasts until the next change"
            )
    if until is not None:
        return _parse_option("--until", partial(_instant, zone=zone), until)
    if window is not None and "/" in window:
        return min(_parse_option("--window", partial(_span, zone=zone), window).end, SystemClock().now())
    return None


def _measure_options(
    *,
    at: str | None,
    window: str | None,
    zone: ZoneInfo,
    exclude: tuple[str, ...],
    maintenance: tuple[str, ...],
    hours: ServiceHours | None,
    by: str,
    unknown: str,
    **others: Any,
) -> Any:
    from monitor.measuring.options import MeasureOptions

    planned = _read_maintenance(maintenance)
    intervals = [_parse_option("--exclude", partial(_span, zone=zone), text) for text in exclude]

    def excluded_intervals(window: Interval) -> Iterator[Interval]:
        yield from intervals
        for maintenance in planned:
            yield from (exclusion.interval for exclusion in maintenance.exclusions(window, zone.key))
        if hours is not None:
            yield from hours.outside(window, zone)

    return MeasureOptions(
        window=_windows(window, zone),
        at=None if at is None else _parse_option("--at", partial(_instant, zone=zone), at),
        excluded=excluded_intervals,
        unknown=UnknownPolicy(unknown),
        by_check=by == "check",
        counts_end=window is None or (at is None and "/" not in window),
        **others,
    )


def _read_maintenance(files: tuple[str, ...]) -> list[Maintenance]:
    if not files:
        return []
    from monitor.config.maintenance_file import load_maintenance

    return [maintenance for path in files for maintenance in load_maintenance(Path(path))]


def _windows(text: str | None, zone: ZoneInfo) -> Callable[[Interval], Window]:
    """Return a function from the span of the record to the window to measure."""
    if text is None:
        return lambda record: Window("the whole record", record, record)
    if "/" in text:
        span = _parse_option("--window", partial(_span, zone=zone), text)
        return lambda _: Window("window", span, span)
    _parse_option("--window", partial(parse_window, at=0, zone=zone), text)  # report an error before the files are read
    return lambda record: _parse_option("--window", partial(_window_ending_at, at=record.end, zone=zone), text)


def _window_ending_at(text: str, at: int, zone: ZoneInfo) -> Window:
    window = parse_window(text, at, zone)
    format_instant(window.measured.start)  # raises OverflowError outside the calendar
    return window


def _parse_option(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except OverflowError as error:
        raise click.BadParameter(
            f"{text} reaches beyond the calendar (years 1 to 9999)", param_hint=f"'{option}'"
        ) from error
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"'{option}'") from error


def _instant(text: str, zone: ZoneInfo) -> int:
    """Return an instant in a format of log files, or local time in the zone without an offset."""
    from monitor.measuring.instants import instant

    try:
        return instant(text)
    except ValueError:
        return parse_instant(text, zone)


def _span(text: str, zone: ZoneInfo) -> Interval:
    """Return START/END. An empty interval is allowed and gives no figures."""
    start, slash, end = text.partition("/")
    if not slash:
        raise ValueError(f'"{text}" is not START/END; use 2026-11-01T00:00:00Z/2026-12-01T00:00:00Z')
    first, last = _instant(start, zone), _instant(end, zone)
    if last < first:
        raise ValueError(f'"{text}" ends before it starts; put the earlier instant first')
    return Interval(first, last)
