"""Schedules in a time zone: `every 1h`, the five fields of cron, or systemd's OnCalendar. Does not read the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from monitor import zones
from monitor.config.errors import quoted
from monitor.config.values import AS_TEXT, duration
from sla.interval import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLE_START = datetime(2024, 1, 1, tzinfo=UTC)  # the following years of the sample have two leap days
_SAMPLE_SIZE = 800  # due instants
_SAMPLE_END = _SAMPLE_START + timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Due instants, in microseconds since the epoch. Schedules with the same text are equal.

    `every` is the time between two due instants, None for cron and OnCalendar. A local time that occurs twice when
    clocks change is due once. A local time that does not exist is due at the end of the gap with cron (as in Debian's
    cron), and not due on that day with OnCalendar.

    Raises:
        ValueError: the text is not a schedule, or has fewer than two due instants.
    """

    text: str
    every: int | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        every = self.text.removeprefix("every ")
        object.__setattr__(self, "every", duration(every.strip()) if every != self.text else None)
        if self.every is None:
            self.gaps("UTC")

    def __str__(self) -> str:
        return self.text

    def after(self, instant: int, zone: str) -> int:
        """Return the first due instant after `instant`. With `every`, it is that long after `instant`."""
        if self.every is not None:
            return instant + self.every
        begin = _EPOCH + timedelta(microseconds=instant)
        return _microseconds(next(self.due_after(begin.astimezone(zones.zone(zone)))))

    def last(self, instant: int, zone: str) -> int:
        """Return the last due instant at or before `instant`. With `every`, it is `instant` itself."""
        if self.every is not None:
            return instant
        _, longest = self.gaps(zone)
        due = self.after(instant - longest, zone)
        if due > instant:  # this gap is longer than all in the sample
            due = self.after(instant - 3 * longest, zone)
        while (later := self.after(due, zone)) <= instant:
            due = later
        return due

    def gaps(self, zone: str) -> tuple[int, int]:
        """Return the shortest and the longest time (microseconds) between due instants of a sample."""
        return (self.every, self.every) if self.every is not None else _gaps(self, zone)

    def due_after(self, begin: datetime) -> Iterator[datetime]:
        """Yield the due instants after `begin`, in the zone of `begin`."""
        # Imported here: most portfolios have no heartbeat.
        from cronsim import CronSim, CronSimError
        from oncalendar import OnCalendar, OnCalendarError

        try:
            return CronSim(self.text, begin)
        except CronSimError:
            pass
        try:
            return OnCalendar(self.text, begin)
        except OnCalendarError:
            raise ValueError(
                f"{quoted(self.text)} is not a schedule; use every 1h, cron's five fields (0 3 * * 1-5) or "
                "systemd's OnCalendar (Mon..Fri 03:00)"
            ) from None


@lru_cache(maxsize=1024)
def _gaps(schedule: Schedule, zone: str) -> tuple[int, int]:
    sampled: list[int] = []
    for due in schedule.due_after(_SAMPLE_START.astimezone(zones.zone(zone))):
        sampled.append(_microseconds(due))
        if len(sampled) == _SAMPLE_SIZE or (due > _SAMPLE_END and len(sampled) > 1):
            break
    if len(sampled) < 2:
        raise ValueError(f"{quoted(schedule.text)} is due at most once; use a recurring schedule")
    gaps = [later - earlier for earlier, later in pairwise(sampled)]
    return min(gaps), max(gaps)


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * SECOND


def _schedule(value: Any) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError('not a schedule; use "0 3 * * *", "Mon..Fri 03:00" or "every 1h"')
    return Schedule(str(value))


ScheduleField = Annotated[
    Schedule,
    PlainValidator(_schedule),
    AS_TEXT,
    WithJsonSchema({"type": "string", "examples": ["0 3 * * 1-5", "Mon..Fri 03:00", "every 1h"]}),
]
