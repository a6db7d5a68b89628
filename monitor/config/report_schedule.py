"""Schedule and receiver of the report on pages."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator, WithJsonSchema

from monitor.config.agreement import Hours
from monitor.config.base import Model
from monitor.config.schedule import Schedule
from monitor.config.values import AS_TEXT, Id
from sla.service_hours import ServiceHours

_DAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_PATTERN: Final = rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):([0-5]\d)"


class WeeklyTime(Schedule):
    """A weekday and a time, `Mon 08:00`, as a schedule in cron syntax."""

    def __str__(self) -> str:
        minute, hour, *_, day = self.text.split()
        return f"{_DAYS[int(day)]} {int(hour):02}:{int(minute):02}"


def _weekly(value: Any) -> WeeklyTime:
    if isinstance(value, WeeklyTime):
        return value
    match = re.fullmatch(_PATTERN, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('not a weekday and a time; use "Mon 08:00"')
    return WeeklyTime(f"{int(match[3])} {int(match[2])} * * {_DAYS.index(match[1])}")


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
