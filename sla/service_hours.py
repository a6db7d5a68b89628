"""The hours of a promise: "Mon-Fri 07:00-18:00", without statutory holidays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo

from sla.interval import DAY, HOUR, MINUTE, Interval, subtract, union
from sla.localtime import day_numbered, stretches

Hours = tuple[Interval, ...]  # microseconds after 00:00 on the wall clock; past 24 h reaches into the next day

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_TOKEN = re.compile(rf"(?P<first>{_DAY})(?:\s*-\s*(?P<last>{_DAY}))?|(?P<from>\d\d?:\d\d)\s*-\s*(?P<to>\d\d?:\d\d)")
_BETWEEN = re.compile(r"[,;\s]*")
_WRITE = 'write "Mon-Fri 07:00-18:00", "Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00" or "24/7"'


@dataclass(frozen=True, slots=True)
class ServiceHours:
    """Hours of service on each weekday, Monday first, on the zone's wall clock.

    The wall clock decides, instant by instant: an instant is in service if the clock shows a time within the hours. So
    an hour that clocks skip is not served, and one that comes twice is served twice.
    """

    days: tuple[Hours, ...]
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> ServiceHours:
        """Return the hours that a person wrote: days, then times; without days, every day; "24/7" is always.

        A range of days may pass Sunday (`Sat-Mon`), one of times midnight (`22:00-02:00`, which belongs to the day that
        it begins on). 24:00 is the day's end. Lists are separated by commas, semicolons or spaces.

        Raises:
            ValueError: it is not so written. The message says what to write.
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

        What begins on a holiday is not served; a shift of the evening before goes on to its end.
        """
        yield from union(self._served(window, zone, holidays))

    def outside(self, window: Interval, zone: tzinfo, holidays: Collection[date] = frozenset()) -> Iterator[Interval]:
        """Yield the rest of the window, in order, disjoint."""
        return subtract(window, self._served(window, zone, holidays))

    def _served(self, window: Interval, zone: tzinfo, holidays: Collection[date]) -> Iterator[Interval]:
        for span, ahead in stretches(window, zone):
            for shown in self._shown(Interval(span.start + ahead, span.end + ahead), holidays):
                yield Interval(shown.start - ahead, shown.end - ahead)

    def _shown(self, shown: Interval, holidays: Collection[date]) -> Iterator[Interval]:
        """Yield the hours within a piece of local time; the day before it is asked too, for what passes midnight."""
        for number in range(shown.start // DAY - 1, -(-shown.end // DAY)):
            day = day_numbered(number)
            if day in holidays:
                continue
            for hours in self.days[day.weekday()]:
                start = max(number * DAY + hours.start, shown.start)
                end = min(number * DAY + hours.end, shown.end)
                if start < end:
                    yield Interval(start, end)

    def __str__(self) -> str:
        return self.text


# Day by day, so that holidays are excluded where an agreement names some.
ALWAYS = ServiceHours(((Interval(0, DAY),),) * 7, "24/7")


def _groups(text: str) -> Iterator[tuple[Sequence[int], Sequence[Interval]]]:
    """Yield days with their times, as far as each list of days reaches in the text."""
    names: list[int] = []
    times: list[Interval] = []
    for token in _tokens(text):
        if token["first"] is None:
            times.append(_times(text, token["from"], token["to"]))
            continue
        if times:
            yield names, times
            names, times = [], []
        names += _named(token["first"], token["last"] or token["first"])
    if not times:
        raise ValueError(f'"{text}" names no times; {_WRITE}')
    yield names, times


def _tokens(text: str) -> Iterator[re.Match[str]]:
    rest = text.strip().lower()
    place = 0
    while place < len(rest):
        token = _TOKEN.match(rest, place)
        if token is None:
            raise ValueError(f'"{text}" are not service hours; {_WRITE}')
        yield token
        place = token.end()
        separator = _BETWEEN.match(rest, place)
        place = separator.end() if separator else place


def _named(first: str, last: str) -> Iterator[int]:
    start, end = _DAYS.index(first[:3]), _DAYS.index(last[:3])
    for number in range(start, end + 1 if end >= start else end + 8):
        yield number % 7


def _times(text: str, start: str, end: str) -> Interval:
    begin, finish = _minutes(text, start), _minutes(text, end)
    if begin == finish:
        raise ValueError(f'"{text}": {start}-{end} is empty; write 00:00-24:00 for a whole day')
    return Interval(begin, finish if finish > begin else finish + DAY)


def _minutes(text: str, clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    if minutes > 59 or hours * HOUR + minutes * MINUTE > DAY:
        raise ValueError(f'"{text}": there is no {clock} on a clock; write 00:00 to 24:00')
    return hours * HOUR + minutes * MINUTE
