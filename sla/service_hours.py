"""Service hours of an agreement: "Mon-Fri 07:00-18:00", without statutory holidays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo

from sla.interval import DAY, HOUR, MINUTE, Interval, subtract, union
from sla.localtime import constant_offset_intervals, date_of_day_number

Hours = tuple[Interval, ...]  # microseconds after 00:00 on the wall clock; from 24 h on the next day

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_TOKEN = re.compile(rf"(?P<first>{_DAY})(?:\s*-\s*(?P<last>{_DAY}))?|(?P<from>\d\d?:\d\d)\s*-\s*(?P<to>\d\d?:\d\d)")
_SEPARATOR = re.compile(r"[,;\s]*")
_EXAMPLES = 'use "Mon-Fri 07:00-18:00", "Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00" or "24/7"'


@dataclass(frozen=True, slots=True)
class ServiceHours:
    """The service hours of each weekday (Monday first) in local time.

    An instant is in service if its local time is within the hours. So an hour that a clock change skips is not in
    service, and a repeated hour is in service twice.
    """

    days: tuple[Hours, ...]
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> ServiceHours:
        """Parse service hours: days, then times. Times without days apply to every day. "24/7" means always.

        A range of days may extend past the end of the week (`Sat-Mon`), a range of times past midnight (`22:00-02:00`,
        part of the day on which it begins). 24:00 is the end of the day. Commas, semicolons or spaces separate items.

        Raises:
            ValueError: the text has another form. The message has valid examples.
        """
        if text.strip() == "24/7":
            return ALWAYS
        days: list[list[Interval]] = [[] for _ in _DAYS]
        for names, times in _groups(text):
            for name in names or range(7):
                days[name] += times
        return cls(tuple(tuple(union(hours)) for hours in days), text.strip())

    def within(self, window: Interval, zone: tzinfo, holidays: Collection[date] = frozenset()) -> Iterator[Interval]:
        """Yield the parts of the window that are in service, in order, disjoint.

        Hours that begin on a holiday are not in service; hours that began on the day before are.
        """
        yield from union(self._in_service(window, zone, holidays))

    def outside(self, window: Interval, zone: tzinfo, holidays: Collection[date] = frozenset()) -> Iterator[Interval]:
        """Yield the parts of the window that are not in service, in order, disjoint."""
        return subtract(window, self._in_service(window, zone, holidays))

    def _in_service(self, window: Interval, zone: tzinfo, holidays: Collection[date]) -> Iterator[Interval]:
        for span, utc_offset in constant_offset_intervals(window, zone):
            for hours in self._hours_in_local_time(Interval(span.start + utc_offset, span.end + utc_offset), holidays):
                yield Interval(hours.start - utc_offset, hours.end - utc_offset)

    def _hours_in_local_time(self, local_span: Interval, holidays: Collection[date]) -> Iterator[Interval]:
        """Yield the hours within an interval of local time. Includes hours that began on the previous day."""
        for number in range(local_span.start // DAY - 1, -(-local_span.end // DAY)):
            day = date_of_day_number(number)
            if day in holidays:
                continue
            for hours in self.days[day.weekday()]:
                start = max(number * DAY + hours.start, local_span.start)
                end = min(number * DAY + hours.end, local_span.end)
                if start < end:
                    yield Interval(start, end)

    def __str__(self) -> str:
        return self.text


# One interval per day, so that holidays can be excluded.
ALWAYS = ServiceHours(((Interval(0, DAY),),) * 7, "24/7")


def _groups(text: str) -> Iterator[tuple[Sequence[int], Sequence[Interval]]]:
    """Yield each list of days with its times."""
    names: list[int] = []
    times: list[Interval] = []
    for token in _tokens(text):
        if token["first"] is None:
            times.append(_times(text, token["from"], token["to"]))
            continue
        if times:
            yield names, times
            names, times = [], []
        names += _day_range(token["first"], token["last"] or token["first"])
    if not times:
        raise ValueError(f'"{text}" has no times; {_EXAMPLES}')
    yield names, times


def _tokens(text: str) -> Iterator[re.Match[str]]:
    rest = text.strip().lower()
    position = 0
    while position < len(rest):
        token = _TOKEN.match(rest, position)
        if token is None:
            raise ValueError(f'"{text}" are not service hours; {_EXAMPLES}')
        yield token
        position = token.end()
        separator = _SEPARATOR.match(rest, position)
        position = separator.end() if separator else position


def _day_range(first: str, last: str) -> Iterator[int]:
    start, end = _DAYS.index(first[:3]), _DAYS.index(last[:3])
    for number in range(start, end + 1 if end >= start else end + 8):
        yield number % 7


def _times(text: str, start: str, end: str) -> Interval:
    begin, finish = _minutes(text, start), _minutes(text, end)
    if begin == finish:
        raise ValueError(f'"{text}": {start}-{end} is empty; use 00:00-24:00 for a whole day')
    return Interval(begin, finish if finish > begin else finish + DAY)


def _minutes(text: str, clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    if minutes > 59 or hours * HOUR + minutes * MINUTE > DAY:
        raise ValueError(f'"{text}": {clock} is not a time of day; use 00:00 to 24:00')
    return hours * HOUR + minutes * MINUTE
