"""Treat paused members of compositions as unknown (measurement.md, section 3)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import groupby, islice, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from sla.compose import Composition
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sla.interval import Interval
    from sla.state_history import History


@dataclass(frozen=True, slots=True)
class PausedTime:
    """The time in which a member is paused; all members if `member` is None."""

    interval: Interval
    member: History | None = None


class PausedMembers:
    """Replaces paused members with a member without observations. Resulting compositions are cached."""

    __slots__ = ("_changes", "_compositions", "_unknown")

    def __init__(self) -> None:
        self._changes: list[tuple[int, frozenset[History | None]]] = []
        self._unknown = Timeline(0)
        self._compositions: dict[tuple[Composition, frozenset[int]], Composition] = {}

    def replace(self, pauses: Sequence[PausedTime], histories: Collection[Composition | None]) -> None:
        """Replace the paused times. `histories` are the compositions that are still in use."""
        self._changes = list(_changes(pauses))
        self._compositions = {
            key: composition for key, composition in self._compositions.items() if key[0] in histories
        }

    def parts(self, history: Composition | None, start: int, end: int) -> Iterator[tuple[int, Composition | None]]:
        """Yield (instant, composition): at `start`, and at each change of the paused members before `end`."""
        following = bisect_right(self._changes, start, key=itemgetter(0))
        previous = self._without(history, self._changes[following - 1][1] if following else frozenset())
        yield start, previous
        for at, paused in takewhile(lambda change: change[0] < end, islice(self._changes, following, None)):
            current = self._without(history, paused)
            if current is not previous:
                yield at, current
            previous = current

    def _without(self, history: Composition | None, paused: frozenset[History | None]) -> Composition | None:
        """Return the composition with these members unknown; None in the set means all members."""
        if history is None or not paused:
            return history
        members = history.members
        numbers = frozenset(number for number, member in enumerate(members) if None in paused or member in paused)
        if not numbers:
            return history
        key = history, numbers
        if key not in self._compositions:
            replaced = [self._unknown if number in numbers else member for number, member in enumerate(members)]
            self._compositions[key] = Composition(history.rule, replaced)
        return self._compositions[key]


def _changes(pauses: Iterable[PausedTime]) -> Iterator[tuple[int, frozenset[History | None]]]:
    """Yield the instants at which pauses start or end, in order, each with the members paused from then on."""
    steps = [(pause.interval.start, 1, pause.member) for pause in pauses]
    steps += [(pause.interval.end, -1, pause.member) for pause in pauses]
    counts: Counter[History | None] = Counter()
    for at, simultaneous in groupby(sorted(steps, key=itemgetter(0)), itemgetter(0)):
        for _, step, member in simultaneous:
            counts[member] += step
        yield at, frozenset(+counts)
