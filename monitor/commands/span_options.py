"""The options `--since`, `--until` and `--night` of several commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.clock import SystemClock
from monitor.errors import NinewatchError
from sla.interval import Interval
from sla.service_hours import ServiceHours
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def span_of(since: str, until: str | None, zone: ZoneInfo) -> Interval:
    """Return the time span of `--since` (an instant, or a duration before the end) and `--until` (at most now).

    Raises:
        NinewatchError: an option is invalid, or the span is empty.
    """
    now = SystemClock().now()
    try:
        end = now if until is None else min(now, parse_instant(until, zone))
        start = _start(since, end, zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"{error}; use --since 90d or --since 2026-09-01") from None
    if not 0 <= start < end:
        raise NinewatchError("--since is not before the end; specify an earlier time")
    return Interval(start, end)


def _start(since: str, end: int, zone: ZoneInfo) -> int:
    try:
        return end - parse_duration(since)
    except ValueError:
        return parse_instant(since, zone)


def hours(option: str, text: str) -> ServiceHours:
    """Parse the hours of an option.

    Raises:
        NinewatchError: the text is not service hours.
    """
    try:
        return ServiceHours.parse(text)
    except ValueError as error:
        raise NinewatchError(f"{option}: {error}") from None
