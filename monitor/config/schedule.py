"""When something is due: `every 1h`, cron's five fields or systemd's OnCalendar, in a zone. Reads no clock."""

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
_SAMPLED_FROM = datetime(2024, 1, 1, tzinfo=UTC)  # two leap days are in the sample's years
_SAMPLED = 800  # due instants
_SAMPLED_UNTIL = _SAMPLED_FROM + timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Due instants, microseconds since the epoch. Two are equal when their texts are.

    `every` is the time allowed from one sign of life to the next, None where instants are named. An instant that occurs
    twice in a night is due once. One that does not exist is due at the end of the gap to cron (as Debian's has it), and
    not at all that day to OnCalendar.

    Raises:
        ValueError: the text is no schedule, or names fewer than two instants.
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
        """Return the first due instant later than `instant`; of `every`, that long after it."""
        if self.every is not None:
            return instant + self.every
        begin = _EPOCH + timedelta(microseconds=instant)
        return _microseconds(next(self.starting(begin.astimezone(zones.zone(zone)))))

    def last(self, instant: int, zone: str) -> int:
        """Return the last due instant not later than `instant`; of `every`, the instant itself."""
        if self.every is not None:
            return instant
        _, longest = self.gaps(zone)
        found = self.after(instant - longest, zone)
        if found > instant:  # a gap longer than those that were sampled
            found = self.after(instant - 3 * longest, zone)
        while (later := self.after(found, zone)) <= instant:
            found = later
        return found

    def gaps(self, zone: str) -> tuple[int, int]:
        """Return the shortest and the longest time (microseconds) between two due instants, as sampled."""
        return (self.every, self.every) if self.every is not None else _gaps(self, zone)

    def starting(self, begin: datetime) -> Iterator[datetime]:
        """Yield the due instants later than `begin`, in its zone."""
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
                f"{quoted(self.text)} is no schedule; write every 1h, cron's five fields (0 3 * * 1-5) or "
                "systemd's OnCalendar (Mon..Fri 03:00)"
            ) from None


@lru_cache(maxsize=1024)
def _gaps(schedule: Schedule, zone: str) -> tuple[int, int]:
    sampled: list[int] = []
    for each in schedule.starting(_SAMPLED_FROM.astimezone(zones.zone(zone))):
        sampled.append(_microseconds(each))
        if len(sampled) == _SAMPLED or (each > _SAMPLED_UNTIL and len(sampled) > 1):
            break
    if len(sampled) < 2:
        raise ValueError(f"{quoted(schedule.text)} is due once at the most; a heartbeat recurs")
    found = [later - earlier for earlier, later in pairwise(sampled)]
    return min(found), max(found)


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * SECOND


def _schedule(value: Any) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError('not a schedule; write "0 3 * * *", "Mon..Fri 03:00" or "every 1h"')
    return Schedule(str(value))


ScheduleField = Annotated[
    Schedule,
    PlainValidator(_schedule),
    AS_TEXT,
    WithJsonSchema({"type": "string", "examples": ["0 3 * * 1-5", "Mon..Fri 03:00", "every 1h"]}),
]
