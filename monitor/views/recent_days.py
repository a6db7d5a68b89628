"""The last 90 days of a product, each from midnight to midnight in the portfolio's time zone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.language import ENGLISH
from sla import availability as figures
from sla import localtime
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.language import Language
    from sla.state_history import History
    from sla.states import Durations

DAYS = 90


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the bar chart. `top` (0 to 48) is the upper end of its column, whose height shows the state."""

    calendar_day: date
    name: str
    point: Fraction | None
    downtime: int
    coverage: Fraction | None
    style: str
    top: int
    text: str


def midnights(now: int, zone: ZoneInfo, days: int = DAYS) -> Iterator[Interval]:
    """Yield the last days in the zone, oldest first. The last ends now. Days with a clock change have 23 or 25 h."""
    today = localtime.day_of(now, zone)
    starts = [localtime.midnight(today - timedelta(days=n), zone) for n in range(days)]
    ends = [now, *starts]
    for start, end in reversed(list(zip(starts, ends, strict=False))):
        yield Interval(start, end)


def day(history: History, span: Interval, zone: ZoneInfo) -> Day:
    """Return the figures of a day and its column."""
    return day_of(history.durations(span), span, zone)


def day_of(durations: Durations, span: Interval, zone: ZoneInfo) -> Day:
    """Return the figures of a day whose durations are known, and its column."""
    point, coverage = figures.availability(durations).point, figures.coverage(durations)
    downtime = figures.downtime(durations).point
    style, top = _style_and_top(durations, downtime)
    date = localtime.day_of(span.start, zone)
    return in_language(Day(date, "", point, downtime, coverage, style, top, ""), ENGLISH)


def in_language(day: Day, language: Language) -> Day:
    """Return the day with its name and its text in a language."""
    name = language.day(day.calendar_day)
    text = language.gettext("{day}: no data").format(day=name)
    if day.point is not None:
        text = language.gettext("{day}: {percent} available, {downtime} down, {coverage} of the day known").format(
            day=name,
            percent=language.percent(day.point),
            downtime=language.duration(day.downtime),
            coverage=language.percent(day.coverage, 1),
        )
    return replace(day, name=name, text=text)


def _style_and_top(durations: Durations, downtime: int) -> tuple[str, int]:
    """Return the style and the top of a column. Downtime has the tallest column, to be visible among 90 days."""
    if downtime:
        return "down", 0
    if not durations.known:
        return "none", 40
    return ("up", 10) if 2 * durations.known >= durations.total else ("partial", 22)
