"""Names of periods, for example `Mon 2 Nov 2026`, `November 2026`, `fiscal year 2026/27`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.language import ENGLISH, translatable
from sla.calendar import Period
from sla.localtime import local

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from monitor.language import Language
    from sla.calendar import Window

_NAMES: dict[str, Callable[[datetime], str]] = {
    Period.DAY: lambda day: f"{day:%a} {day.day} {day:%b %Y}",
    Period.WEEK: lambda day: f"week {day.isocalendar().week} of {day.isocalendar().year}",
    Period.MONTH: lambda day: f"{day:%B %Y}",
    Period.QUARTER: lambda day: f"quarter {(day.month + 2) // 3} of {day.year}",
    Period.YEAR: lambda day: f"{day.year}",
    Period.FISCAL_YEAR: lambda day: f"fiscal year {day.year}/{(day.year + 1) % 100:02}",
}


# Texts of other languages, which have more words for a period than English.
_TEXTS: dict[str, str] = {
    Period.WEEK: translatable("week {week} of {year}"),
    Period.QUARTER: translatable("quarter {quarter} of {year}"),
    Period.YEAR: "{year}",
    Period.FISCAL_YEAR: translatable("fiscal year {year}/{next_year}"),
}


def _period(window: Window, zone: ZoneInfo) -> str:
    """Return the period of a calendar window, or of a window that is exactly a calendar month. Empty otherwise."""
    name = window.name.removeprefix("last ")
    if name in _NAMES:
        return name
    start, end = (local(at, zone) for at in (window.full.start, window.full.end))
    is_month = all(at.day == 1 and not (at.hour or at.minute or at.second or at.microsecond) for at in (start, end))
    return Period.MONTH if is_month and 12 * (end.year - start.year) + end.month - start.month == 1 else ""


def period_name(window: Window, zone: ZoneInfo) -> str:
    """Return the name of a calendar window with its date. For other windows, return the start and the end."""
    start, end = local(window.full.start, zone), local(window.full.end, zone)
    name = _NAMES.get(_period(window, zone))
    if name is not None:
        return name(start)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"


def period_in(window: Window, zone: ZoneInfo, language: Language) -> str:
    """Return the name of the window in a language."""
    if language is ENGLISH:
        return period_name(window, zone)
    start, period = local(window.full.start, zone), _period(window, zone)
    if period == Period.MONTH:
        return language.month(start)
    if period == Period.DAY:
        return language.day(start)
    if (text := _TEXTS.get(period)) is not None:
        week, quarter = start.isocalendar(), (start.month + 2) // 3
        year = week.year if period == Period.WEEK else start.year
        return language.gettext(text).format(week=week.week, quarter=quarter, year=year, next_year=year + 1)
    end = language.minute(window.full.end, zone)
    return language.gettext("{start} to {end}").format(start=language.minute(window.full.start, zone), end=end)


def column_label(window: Window, zone: ZoneInfo) -> str:
    """Return a short name of a day or a month, for the label of a column."""
    start = local(window.full.start, zone)
    return f"{start:%b %y}" if window.name == Period.MONTH else f"{start.day}"
