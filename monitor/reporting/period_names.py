"""Names of periods: a day's date, a month's name, a fiscal year's two years."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.calendar import Period
from sla.localtime import local

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sla.calendar import Window

_NAMES: dict[str, Callable[[datetime], str]] = {
    Period.DAY: lambda day: f"{day:%a} {day.day} {day:%b %Y}",
    Period.WEEK: lambda day: f"week {day.isocalendar().week} of {day.isocalendar().year}",
    Period.MONTH: lambda day: f"{day:%B %Y}",
    Period.QUARTER: lambda day: f"quarter {(day.month + 2) // 3} of {day.year}",
    Period.YEAR: lambda day: f"{day.year}",
    Period.FISCAL_YEAR: lambda day: f"fiscal year {day.year}/{(day.year + 1) % 100:02}",
}


def named(window: Window, zone: ZoneInfo) -> str:
    """Return the window's name with its date; without a name, its start and end."""
    begins, ends = local(window.whole.start, zone), local(window.whole.end, zone)
    name = _NAMES.get(window.name.removeprefix("last "))
    if name is not None:
        return name(begins)
    return f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}"


def short(window: Window, zone: ZoneInfo) -> str:
    """Return the name of a day or a month as it fits under a column."""
    begins = local(window.whole.start, zone)
    return f"{begins:%b %y}" if window.name == Period.MONTH else f"{begins.day}"
