"""Stand-by hours and incidents per person: sums over shifts, exact to the microsecond and through clock changes.

A shift is half open: a hand-over at 08:00 belongs to who takes over, so that shifts that touch neither overlap nor
leave a gap, and no incident is met twice at the seam.
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
    """A person stands by for a rota during the interval."""

    person: str
    interval: Interval
    rota: str = ""


@dataclass(frozen=True, slots=True)
class Stood:
    """A person's time on stand-by within a period: disjoint intervals in order, and the rotas that it was for.

    Time of one person on two rotas at once counts once.
    """

    person: str
    spans: tuple[Interval, ...]
    rotas: tuple[str, ...]

    @property
    def length(self) -> int:
        """Microseconds."""
        return sum(span.length for span in self.spans)


def meets(span: Interval, incident: Incident, now: int) -> bool:
    """Return whether the incident was open at some instant of the span, `now` standing in for an end that is to come.

    One that was resolved at once was open at that instant.
    """
    end = max(now if incident.resolved is None else incident.resolved, incident.opened + 1)
    return incident.opened < span.end and end > span.start


def stood(shifts: Iterable[Shift], period: Interval) -> list[Stood]:
    """Return each person's time within the period, by name, without persons who have none."""
    spans: dict[str, list[Interval]] = {}
    rotas: dict[str, list[str]] = {}
    for each in shifts:
        start, end = max(each.interval.start, period.start), min(each.interval.end, period.end)
        if start < end:
            spans.setdefault(each.person, []).append(Interval(start, end))
            rotas.setdefault(each.person, []).append(each.rota)
    return [
        Stood(person, tuple(union(held)), tuple(dict.fromkeys(rotas[person]))) for person, held in sorted(spans.items())
    ]


def gaps(shifts: Iterable[Shift], wanted: Iterable[Interval]) -> list[Interval]:
    """Return the part of the wanted time (disjoint) without anyone on stand-by, in order."""
    held = [each.interval for each in shifts]
    return [gap for span in wanted for gap in subtract(span, held)]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Several people stand by for one rota at once; by name."""

    interval: Interval
    people: tuple[str, ...]


def overlaps(shifts: Iterable[Shift], period: Interval) -> Iterator[Overlap]:
    """Yield when more than one person stands by within the period, in order, cut wherever the people change."""
    edges: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for each in shifts:
        start, end = max(each.interval.start, period.start), min(each.interval.end, period.end)
        if start < end:
            edges[start][each.person] += 1
            edges[end][each.person] -= 1
    present: Counter[str] = Counter()
    since = period.start
    people: tuple[str, ...] = ()
    for at in sorted(edges):
        present.update(edges[at])
        there = tuple(sorted(person for person, shifts_on in present.items() if shifts_on > 0))
        if there == people:
            continue
        if len(people) > 1:
            yield Overlap(Interval(since, at), people)
        since, people = at, there
