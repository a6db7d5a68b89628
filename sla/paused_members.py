"""Compositions in which paused members are unknown (measurement.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.compose import Composition
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sla.interval import Interval
    from sla.state_history import History


@dataclass(frozen=True, slots=True)
class PausedTime:
    """The time in which a member is paused. Without a member, all members are paused."""

    interval: Interval
    member: History | None = None


class PausedMembers:
    """Replaces paused members by a member without observations. Each resulting composition is created once."""

    __slots__ = ("_compositions", "_pauses", "_unknown")

    def __init__(self) -> None:
        self._pauses: tuple[PausedTime, ...] = ()
        self._unknown = Timeline(0)
        self._compositions: dict[tuple[Composition, frozenset[int]], Composition] = {}

    def replace(self, pauses: Sequence[PausedTime], histories: Collection[Composition | None]) -> None:
        """Replace the paused times. `histories` are the compositions that are still in use."""
        self._pauses = tuple(pauses)
        self._compositions = {
            key: composition for key, composition in self._compositions.items() if key[0] in histories
        }

    def parts(self, history: Composition | None, start: int, end: int) -> Iterator[tuple[int, Composition | None]]:
        """Yield the composition from `start` on, then each change of the paused members before `end`."""
        edges = {edge for pause in self._pauses for edge in (pause.interval.start, pause.interval.end)}
        previous: Composition | None = None
        for at in sorted({start, *(edge for edge in edges if start < edge < end)}):
            current = None if history is None else self._at(history, at)
            if at == start or current is not previous:
                yield at, current
            previous = current

    def _at(self, history: Composition, at: int) -> Composition:
        """Return the composition with the paused members of the instant."""
        active = [pause.member for pause in self._pauses if pause.interval.start <= at < pause.interval.end]
        paused = frozenset(index for index, member in enumerate(history.members) if None in active or member in active)
        if not paused:
            return history
        key = history, paused
        if key not in self._compositions:
            members = [self._unknown if index in paused else member for index, member in enumerate(history.members)]
            self._compositions[key] = Composition(history.rule, members)
        return self._compositions[key]
