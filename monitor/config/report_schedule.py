"""Schedules and receivers of the weekly report on pages and of the monthly report on promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import PlainValidator, WithJsonSchema

from monitor.config.agreement import Hours
from monitor.config.base import Model
from monitor.config.schedule import Schedule
from monitor.config.values import AS_TEXT, Id
from sla.service_hours import ServiceHours

_Time = TypeVar("_Time", bound=Schedule)
_DAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_TIME: Final = r"([01]\d|2[0-3]):([0-5]\d)"
_PATTERN: Final = rf"({'|'.join(_DAYS)}) {_TIME}"
_MONTHLY_PATTERN: Final = rf"([1-9]|1\d|2[0-8]) {_TIME}"


class WeeklyTime(Schedule):
    """A weekday and a time, `Mon 08:00`, as a schedule in cron syntax."""

    def __str__(self) -> str:
        minute, hour, *_, day = self.text.split()
        return f"{_DAYS[int(day)]} {int(hour):02}:{int(minute):02}"


def _weekly(value: Any) -> WeeklyTime:
    def in_cron_syntax(match: re.Match[str]) -> str:
        return f"{int(match[3])} {int(match[2])} * * {_DAYS.index(match[1])}"

    return _schedule(WeeklyTime, _PATTERN, in_cron_syntax, value, 'not a weekday and a time; use "Mon 08:00"')


class MonthlyTime(Schedule):
    """A day of the month from 1 to 28 and a time, `1 08:00`, as a schedule in cron syntax."""

    def __str__(self) -> str:
        minute, hour, day, *_ = self.text.split()
        return f"{day} {int(hour):02}:{int(minute):02}"


def _monthly(value: Any) -> MonthlyTime:
    def in_cron_syntax(match: re.Match[str]) -> str:
        return f"{int(match[3])} {int(match[2])} {match[1]} * *"

    problem = 'not a day of the month from 1 to 28 and a time; use "1 08:00"'
    return _schedule(MonthlyTime, _MONTHLY_PATTERN, in_cron_syntax, value, problem)


def _schedule(
    kind: type[_Time], pattern: str, in_cron_syntax: Callable[[re.Match[str]], str], value: Any, problem: str
) -> _Time:
    """Return the schedule that the text describes, or the schedule itself.

    Raises:
        ValueError: the value has another form; the message is `problem`.
    """
    if isinstance(value, kind):
        return value
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(problem)
    return kind(in_cron_syntax(match))


WeeklyTimeField = Annotated[
    WeeklyTime,
    PlainValidator(_weekly),
    AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$", "examples": ["Mon 08:00"]}),
]


class ReportSchedule(Model):
    """The report on pages as a message: pages per receiver and person, pages at night, useful share, checks with the
    most noise."""

    to: Id
    """The id of the receiver: a chat, e-mail, ntfy, GC Notify, Apprise or a webhook."""

    every: Literal["week"] = "week"
    """The time between two reports, which is also the time that a report covers."""

    at: WeeklyTimeField = WeeklyTime("0 8 * * 1")
    """Weekday and time in the portfolio's `time_zone`: `"Mon 08:00"`."""

    night: Hours = ServiceHours.parse("22:00-07:00")
    """The hours that count as night, in the portfolio's `time_zone`."""


MonthlyTimeField = Annotated[
    MonthlyTime,
    PlainValidator(_monthly),
    AS_TEXT,
    WithJsonSchema({"type": "string", "pattern": f"^{_MONTHLY_PATTERN}$", "examples": ["1 08:00"]}),
]


class MonthlyReport(Model):
    """The executive summary of the previous calendar month as a message: whether each product kept its promise, and
    what can be promised."""

    to: Id
    """The id of the receiver: e-mail, a chat, ntfy, GC Notify, Apprise or a webhook. One report per receiver."""

    products: tuple[Id, ...] = ()
    """The ids of the products in the report. Default: all products."""

    at: MonthlyTimeField = MonthlyTime("0 8 1 * *")
    """Day of the month and time in the portfolio's `time_zone`: `"1 08:00"`. Days 1 to 28."""

    language: Literal["en", "fr"] = "en"
    """The language of the report: English or French."""
