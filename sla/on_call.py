"""On-call hours and incidents per person, exact to the microsecond even when clocks change.

A shift is the half-open interval [start, end): at a hand-over at 08:00, the next person is on call. So adjacent shifts
have no overlap and no gap, and an incident at the hand-over counts for one person only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.interval import Interval, subtract, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.incident import Incident


@dataclass(frozen=True, slots=True)
class Shift:
    """A person is on call for a rota during the interval."""

    person: str
    interval: Interval
    rota: str = ""


@dataclass(frozen=True, slots=True)
class OnCallTime:
    """A person's time on call within a period: disjoint intervals in order, and the rotas.

    Simultaneous time of one person on two rotas counts once.
    """

    person: str
    spans: tuple[Interval, ...]
    rotas: tuple[str, ...]

    @property
    def length(self) -> int:
        """The total time in microseconds."""
        return sum(span.length for span in self.spans)


def was_open_during(span: Interval, incident: Incident, now: int) -> bool:
    """Return whether the incident was open at some instant of the span. An open incident ends at `now`.

    An incident that was resolved at the instant of its opening counts as open at that instant.
    """
    end = max(now if incident.resolved is None else incident.resolved, incident.opened + 1)
    return incident.opened < span.end and end > span.start


def on_call_times(shifts: Iterable[Shift], period: Interval) -> list[OnCallTime]:
    """Return the on-call time of each person within the period, by name. Persons without time are omitted."""
    spans: dict[str, list[Interval]] = {}
    rotas: dict[str, list[str]] = {}
    for shift in shifts:
        start, end = max(shift.interval.start, period.start), min(shift.interval.end, period.end)
        if start < end:
            spans.setdefault(shift.person, []).append(Interval(start, end))
            rotas.setdefault(shift.person, []).append(shift.rota)
    return [
        OnCallTime(person, tuple(union(intervals)), tuple(dict.fromkeys(rotas[person])))
        for person, intervals in sorted(spans.items())
    ]


def gaps(shifts: Iterable[Shift], required: Iterable[Interval]) -> list[Interval]:
    """Return the parts of the required time (disjoint intervals) without a person on call, in order."""
    covered = [shift.interval for shift in shifts]
    return [gap for span in required for gap in subtract(span, covered)]


@dataclass(frozen=True, slots=True)
class Overlap:
    """A time in which several people are on call for one rota; `people` by name."""

    interval: Interval
    people: tuple[str, ...]


def overlaps(shifts: Iterable[Shift], period: Interval) -> Iterator[Overlap]:
    """Yield the times within the period with more than one person on call, in order, one per group of people."""
    edges: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for shift in shifts:
        start, end = max(shift.interval.start, period.start), min(shift.interval.end, period.end)
        if start < end:
            edges[start][shift.person] += 1
            edges[end][shift.person] -= 1
    active_shifts: Counter[str] = Counter()
    since = period.start
    people: tuple[str, ...] = ()
    for at in sorted(edges):
        active_shifts.update(edges[at])
        current = tuple(sorted(person for person, count in active_shifts.items() if count > 0))
        if current == people:
            continue
        if len(people) > 1:
            yield Overlap(Interval(since, at), people)
        since, people = at, current
