"""The history of a product across its definitions: each instant is measured with the definition of that time.

See measurement.md, section 3, "Eras". Past figures do not change when a member is added or removed or the rule changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from sla.compose import Composition
from sla.interval import Interval
from sla.observation_counts import Counts
from sla.pause import FOREVER
from sla.paused_members import PausedMembers
from sla.state_history import History
from sla.states import Durations, Piece, State

if TYPE_CHECKING:
    from sla.objective import Objective
    from sla.paused_members import PausedTime
    from sla.state_sums import StateSums
    from sla.timeline import Timeline

EVER = -(2**62)  # earlier than any recorded instant, microseconds


@dataclass(frozen=True, slots=True)
class Era:
    """One definition, loaded at `made` (microseconds). With `history` None, the product is not defined and so unknown.

    `new` has the members that the previous definition lacks, and `hold` is their longest hold. `objective` and
    `agreement` (canonical JSON) are from the definition, or None without a definition.
    """

    made: int
    history: Composition | None
    new: tuple[Timeline, ...] = ()
    hold: int = 0
    objective: Objective | None = None
    agreement: str | None = None

    @property
    def start(self) -> int:
        """The instant from which the definition applies, according to the observations so far.

        This is the instant at which all new members have an observation, at most one hold after `made`.
        """
        start = self.made
        for member in self.new:
            first = member.first_observation_from(self.made)
            start = max(start, self.made + self.hold if first is None else min(first, self.made + self.hold))
        return start

    @property
    def complete(self) -> bool:
        """Whether each new member has an observation, so that `start` is final."""
        return all(member.first_observation_from(self.made) is not None for member in self.new)


class Eras(History):
    """The history of a product with all its definitions, in chronological order, at least one.

    An era lasts until a later definition applies. Before the first definition applies, the product is unknown. A member
    that is paused is unknown.
    """

    __slots__ = ("_complete", "_eras", "_paused", "_redefined", "_starts", "_undivided")

    def __init__(self, eras: Sequence[Era], pauses: Sequence[PausedTime] = ()) -> None:
        self._redefined = 0
        self._paused = PausedMembers()
        self.redefine(eras, pauses)

    def redefine(self, eras: Sequence[Era], pauses: Sequence[PausedTime] = ()) -> None:
        """Replace all definitions and pauses, after one was added."""
        self._redefined += 1
        self._eras = tuple(eras)
        self._paused.replace(pauses, [era.history for era in eras])
        self._undivided: list[tuple[int, Era]] = []
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

    def precompute(self) -> None:
        """Compute the final parts now, so that the next query is fast."""
        for history in self._compositions():
            history.precompute()

    def parts(self, window: Interval) -> Iterator[tuple[Composition | None, Interval]]:
        """Yield the parts of the window by definition, each with its composition."""
        for era, part in self.spans(window):
            yield None if era is None else era.history, part

    def spans(self, window: Interval) -> Iterator[tuple[Era | None, Interval]]:
        """Yield the parts of the window by era. The era is None before the first definition applies."""
        starts, at = self._effective(), window.start
        following = bisect_right(starts, at, key=itemgetter(0))
        current = starts[following - 1][1] if following else None
        for start, era in islice(starts, following, None):
            yield current, Interval(at, min(start, window.end))
            if start >= window.end:
                return
            at, current = start, era
        yield current, Interval(at, window.end)

    def objectives(self, window: Interval) -> Sequence[tuple[Interval, Objective]]:
        """Return the parts of the window by objective. The first objective also applies before the first era."""
        newest_era = self._eras[-1]
        if newest_era.objective is not None and self._effective()[-1][0] <= window.start:
            return [(window, newest_era.objective)]
        parts: list[tuple[Interval, Objective]] = []
        for era, part in self.spans(window):
            objective = (era or self._eras[0]).objective
            if objective is None:
                return ()
            if parts and parts[-1][1] == objective:
                parts[-1] = (Interval(parts[-1][0].start, part.end), objective)
            else:
                parts.append((part, objective))
        return parts

    def agreements(self, window: Interval) -> Iterator[tuple[str | None, Interval]]:
        """Yield the parts of the window by agreement. The first agreement also applies before the first era."""
        spans = ((part, (era or self._eras[0]).agreement) for era, part in self.spans(window))
        for agreement, parts in groupby(spans, key=lambda span: span[1]):
            intervals = [part for part, _ in parts]
            yield agreement, Interval(intervals[0].start, intervals[-1].end)

    def decided_until(self, now: int) -> int:
        """Return the instant up to which the applicable definition is final, at most `now`.

        A definition whose new members have no observation applies one hold after it was loaded. For another hold, an
        earlier observation may still arrive.
        """
        self._effective()
        if self._complete:
            return now
        undecided = (era.made for era in self._eras if not era.complete and now < era.made + 2 * era.hold)
        return min([now, *undecided])

    @property
    def fixed_until(self) -> int | None:
        """The instant before which a change of states or counts also changes `revision`. None without observations.

        It is two days before the last known observation; no observation arrives that late.
        """
        known = self.last_known_at
        return None if known is None else min(known - 2 * Composition.RECENT, self.decided_until(known))

    @property
    def revision(self) -> tuple[int, ...]:
        """A value that changes if states or counts before `fixed_until` change."""
        return self._redefined, *(history.revision for history in self._compositions())

    def _effective(self) -> list[tuple[int, Era]]:
        """Return the eras with their starts in order, without definitions that were replaced before they applied."""
        if not self._complete:
            self._complete = all(era.complete for era in self._eras)
            starts: list[tuple[int, Era]] = []
            for start, era in [(era.start, era) for era in self._eras]:
                while starts and start <= starts[-1][0]:
                    starts.pop()
                starts.append((start, era))
            if starts != self._undivided:
                self._undivided, self._starts = starts, list(self._with_pauses(starts))
        return self._starts

    def _with_pauses(self, starts: Sequence[tuple[int, Era]]) -> Iterator[tuple[int, Era]]:
        """Yield the eras with their starts, divided where the paused members change."""
        ends = [start for start, _ in starts[1:]] + [FOREVER]
        for (start, era), end in zip(starts, ends, strict=True):
            for at, history in self._paused.parts(era.history, start, end):
                yield at, era if history is era.history else replace(era, history=history)

    def _single(self, window: Interval) -> Composition | None:
        """Return the composition of the era that contains the complete window, or None."""
        starts = self._effective()
        last = bisect_left(starts, window.end, key=itemgetter(0)) - 1
        return starts[last][1].history if starts[last][0] <= window.start else None

    def _compositions(self) -> Iterator[Composition]:
        return (era.history for era in self._eras if era.history is not None)

    def durations(self, window: Interval) -> Durations:
        """Return the duration of each state within the window."""
        if (single := self._single(window)) is not None:
            return single.durations(window)
        total = Durations()
        for history, part in self.parts(window):
            durations = Durations(unknown=part.length) if history is None else history.durations(part)
            total = total.plus(durations)
        return total

    def durations_to(self, end: int, starts: Sequence[int]) -> list[Durations]:
        """Return the duration of each state in the windows from each of the starts to `end`."""
        defined_from = min(self._effective()[0][0], end)
        defined = [max(start, defined_from) for start in starts]
        if starts and (single := self._single(Interval(min(defined), end))) is not None:
            return list(map(_with_undefined, starts, defined, single.durations_to(end, defined)))
        return super().durations_to(end, starts)

    def durations_in(self, parts: Sequence[Interval]) -> Durations:
        """Return the total duration of each state in the parts. The parts must be ordered and disjoint."""
        if parts and (single := self._single(Interval(parts[0].start, parts[-1].end))) is not None:
            return single.durations_in(parts)
        return super().durations_in(parts)

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        """Return the total number of observations in the parts. The parts must be ordered and disjoint."""
        if parts and (single := self._single(Interval(parts[0].start, parts[-1].end))) is not None:
            return single.counts_in(parts)
        return super().counts_in(parts)

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations within the window, each part with the members of its definition."""
        if (single := self._single(window)) is not None:
            return single.counts(window)
        total = Counts()
        for era, part in self.spans(window):
            counted = (era or self._eras[0]).history
            total = total.plus(Counts() if counted is None else counted.counts(part))
        return total

    def state_start(self, at: int) -> int:
        """Return the start of the state directly before the instant, not earlier than the start of its era."""
        *_, (history, part) = self.parts(Interval(EVER, at))
        return at if history is None else max(history.state_start(at), part.start)

    @property
    def final_until(self) -> int | None:
        """The instant before which no state can change, for the newest definition."""
        return None if self.current is None else self.current.final_until

    @property
    def probably_final_until(self) -> int | None:
        """The instant before which no state changes, unless a silent member of the newest definition is observed."""
        return None if self.current is None else self.current.probably_final_until

    @property
    def expires_at(self) -> int | None:
        """The instant from which all time is unknown without further observations."""
        return None if self.current is None else self.current.expires_at

    @property
    def first_observation_at(self) -> int | None:
        """The instant of the first observation of any member of any definition."""
        return min(
            (at for composition in self._compositions() if (at := composition.first_observation_at) is not None),
            default=None,
        )

    @property
    def first(self) -> int | None:
        """The instant of the first known observation of any member of any definition."""
        return min((at for composition in self._compositions() if (at := composition.first) is not None), default=None)

    def defined_until(self, at: int) -> tuple[History, ...]:
        """Return the members of all definitions that were loaded before the instant, without duplicates."""
        histories = (era.history for era in self._eras if era.made < at and era.history is not None)
        return tuple(dict.fromkeys(leaf for history in histories for leaf in history.leaves))

    @property
    def leaves(self) -> tuple[History, ...]:
        """The members of all definitions, without duplicates."""
        return tuple(dict.fromkeys(leaf for composition in self._compositions() for leaf in composition.leaves))

    def _extend_final_part(self) -> StateSums | None:
        return None

    def _pieces_after_final_part(self, window: Interval) -> Iterator[Piece]:
        for history, part in self.parts(window):
            if history is not None:
                yield from history.pieces(part)
            elif part.length:
                yield Piece(part.start, part.end, State.UNKNOWN)


def _with_undefined(start: int, defined: int, durations: Durations) -> Durations:
    """Return the durations since `start` from those since `defined`. The time in between is unknown."""
    undefined = defined - start
    return durations._replace(unknown=durations.unknown + undefined) if undefined else durations
