"""A product whose definition changed over time: each instant is measured by the definition of that time.

measurement.md, section 3, "Eras". A figure of the past does not change when a member is added or removed, or the rule
changes, because what lies before the change is composed by the definition that held there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from sla.compose import Composition
from sla.interval import Interval
from sla.observation_counts import Counts
from sla.state_history import History
from sla.states import Durations, Piece, State

if TYPE_CHECKING:
    from sla.objective import Objective
    from sla.state_sums import StateSums
    from sla.timeline import Timeline

EVER = -(2**62)  # before every instant, microseconds


@dataclass(frozen=True, slots=True)
class Era:
    """One definition: loaded at `made`, microseconds. Without a history nothing was defined: all is unknown.

    `new` are the members that the definition before it did not have, `hold` is the longest of theirs. `objective` and
    `agreement` (canonical JSON) are those of the definition; None where the whole was never defined.
    """

    made: int
    history: Composition | None
    new: tuple[Timeline, ...] = ()
    hold: int = 0
    objective: Objective | None = None
    agreement: str | None = None

    @property
    def start(self) -> int:
        """The instant at which it takes effect, as far as is known.

        It is the instant at which each new member has an observation, at the latest one hold after it was loaded.
        """
        start = self.made
        for each in self.new:
            first = each.observed_from(self.made)
            start = max(start, self.made + self.hold if first is None else min(first, self.made + self.hold))
        return start

    @property
    def complete(self) -> bool:
        """Whether each new member has an observation, so that `start` does not change any more."""
        return all(each.observed_from(self.made) is not None for each in self.new)


class Eras(History):
    """The history of a whole under all its definitions, in the order in which they were made; one at least.

    An era lasts until a later one takes effect. Before the first one takes effect the whole is unknown.
    """

    __slots__ = ("_complete", "_eras", "_redefined", "_starts")

    def __init__(self, eras: Sequence[Era]) -> None:
        self._redefined = 0
        self.redefine(eras)

    def redefine(self, eras: Sequence[Era]) -> None:
        """Take over all definitions, after one was added."""
        self._redefined += 1
        self._eras = tuple(eras)
        self._starts: list[tuple[int, Era]] = []
        self._complete = False

    @property
    def current(self) -> Composition | None:
        """The composition of the newest definition."""
        return self._eras[-1].history

    @property
    def members(self) -> tuple[History, ...]:
        """The members of the newest definition."""
        return () if self.current is None else self.current.members

    def settle(self) -> None:
        """Compose now what can be composed for good, so that the next query need not."""
        for history in self._held():
            history.settle()

    def parts(self, window: Interval) -> Iterator[tuple[Composition | None, Interval]]:
        """Yield the window cut at the instants at which a definition takes effect, each part with its composition."""
        for era, part in self.spans(window):
            yield None if era is None else era.history, part

    def spans(self, window: Interval) -> Iterator[tuple[Era | None, Interval]]:
        """Yield the window cut at the instants at which a definition takes effect, None before the first one does."""
        at, end = window.start, window.end
        held: Era | None = None
        for start, era in self._effective():
            if at < start:
                yield held, Interval(at, min(start, end))
                at = start
                if at >= end:
                    return
            held = era
        yield held, Interval(at, end)

    def promises(self, window: Interval) -> Sequence[tuple[Interval, Objective]]:
        """Return the objectives of the parts of the window, equal neighbours joined; before the first, that one."""
        newest = self._eras[-1]
        if newest.objective is not None and self._effective()[-1][0] <= window.start:
            return [(window, newest.objective)]
        found: list[tuple[Interval, Objective]] = []
        for era, part in self.spans(window):
            objective = (era or self._eras[0]).objective
            if objective is None:
                return ()
            if found and found[-1][1] == objective:
                found[-1] = (Interval(found[-1][0].start, part.end), objective)
            else:
                found.append((part, objective))
        return found

    def agreements(self, window: Interval) -> Iterator[tuple[str | None, Interval]]:
        """Yield the agreements of the parts of the window, equal neighbours joined; before the first, that one."""
        spans = ((part, (era or self._eras[0]).agreement) for era, part in self.spans(window))
        for agreement, parts in groupby(spans, key=lambda each: each[1]):
            held = [part for part, _ in parts]
            yield agreement, Interval(held[0].start, held[-1].end)

    def decided_until(self, now: int) -> int:
        """Return the instant up to which no later observation changes which definition holds, `now` at most.

        A definition whose new members have no observation yet takes effect one hold after it was loaded; for another
        hold an observation that was sent before may still arrive.
        """
        self._effective()
        if self._complete:
            return now
        open_ = (era.made for era in self._eras if not era.complete and now < era.made + 2 * era.hold)
        return min([now, *open_])

    @property
    def fixed_until(self) -> int | None:
        """The instant before which states and counts change only together with `revision`; None if there is none.

        It lies two days before the last known observation: no observation arrives as late as a day.
        """
        known = self.last_known_at
        return None if known is None else min(known - 2 * Composition.RECENT, self.decided_until(known))

    @property
    def revision(self) -> tuple[int, ...]:
        """A value that changes when something before `fixed_until` does."""
        return self._redefined, *(history.revision for history in self._held())

    def _effective(self) -> list[tuple[int, Era]]:
        """Return from when on each era lasts, in order, without those that were replaced before they took effect."""
        if not self._complete:
            self._complete = all(era.complete for era in self._eras)
            self._starts = []
            for start, era in [(era.start, era) for era in self._eras]:
                while self._starts and start <= self._starts[-1][0]:
                    self._starts.pop()
                self._starts.append((start, era))
        return self._starts

    def _single(self, window: Interval) -> Composition | None:
        """Return the composition of the era that covers all of the window; None if there is none."""
        for start, era in reversed(self._effective()):
            if start < window.end:
                return era.history if start <= window.start else None
        return None

    def _held(self) -> Iterator[Composition]:
        return (era.history for era in self._eras if era.history is not None)

    def durations(self, window: Interval) -> Durations:
        """Return how long each state lasts within the window."""
        if (single := self._single(window)) is not None:
            return single.durations(window)
        total = Durations()
        for history, part in self.parts(window):
            lasted = Durations(unknown=part.length) if history is None else history.durations(part)
            total = total.plus(lasted)
        return total

    def durations_in(self, parts: Sequence[Interval]) -> Durations:
        """Return how long each state lasts within the parts together, which are in order and disjoint."""
        if parts and (single := self._single(Interval(parts[0].start, parts[-1].end))) is not None:
            return single.durations_in(parts)
        return super().durations_in(parts)

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        """Return the observations within the parts together, which are in order and disjoint."""
        if parts and (single := self._single(Interval(parts[0].start, parts[-1].end))) is not None:
            return single.counts_in(parts)
        return super().counts_in(parts)

    def counts(self, window: Interval) -> Counts:
        """Return the observations within the window of the members that were defined then, at first of the first."""
        if (single := self._single(window)) is not None:
            return single.counts(window)
        found = Counts()
        for era, part in self.spans(window):
            counted = (era or self._eras[0]).history
            found = found.plus(Counts() if counted is None else counted.counts(part))
        return found

    def began(self, at: int) -> int:
        """Return where the state began that held just before the instant, not before its definition took effect."""
        *_, (history, part) = self.parts(Interval(EVER, at))
        return at if history is None else max(history.began(at), part.start)

    @property
    def settled(self) -> int | None:
        """The instant before which nothing can change any more, by the newest definition."""
        return None if self.current is None else self.current.settled

    @property
    def steady(self) -> int | None:
        """The same of the newest definition, unless a member that was silent for long is observed again."""
        return None if self.current is None else self.current.steady

    @property
    def expires(self) -> int | None:
        """The instant from which all is unknown unless another observation comes."""
        return None if self.current is None else self.current.expires

    @property
    def begins(self) -> int | None:
        """The instant of the first observation of any member of any definition."""
        return min((at for each in self._held() if (at := each.begins) is not None), default=None)

    @property
    def first(self) -> int | None:
        """The instant of the first known observation of any member of any definition."""
        return min((at for each in self._held() if (at := each.first) is not None), default=None)

    def defined_until(self, at: int) -> tuple[History, ...]:
        """Return the members of all definitions that were loaded before the instant, each once."""
        held = (era.history for era in self._eras if era.made < at and era.history is not None)
        return tuple(dict.fromkeys(leaf for each in held for leaf in each.leaves))

    @property
    def leaves(self) -> tuple[History, ...]:
        """The members of all definitions, each once."""
        return tuple(dict.fromkeys(leaf for each in self._held() for leaf in each.leaves))

    def _settle(self) -> StateSums | None:
        return None

    def _unsettled(self, window: Interval) -> Iterator[Piece]:
        for history, part in self.parts(window):
            if history is not None:
                yield from history.pieces(part)
            elif part.length:
                yield Piece(part.start, part.end, State.UNKNOWN)
