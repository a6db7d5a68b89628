"""Decide which alerts fire: budget burn by the cited policies, and outages until the target is observed up.

measurement.md, section 7. An alert that fires goes on while the monitor is blind or restarts: without an observation
that says "up" nothing has recovered. Both states follow from the record alone, so a restart changes neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sla.availability import downtime
from sla.budget import allowed_within, burn_rate, objective_within
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.objective import format_duration
from sla.states import Durations, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sla.compose import Rule
    from sla.incident import IncidentTracker
    from sla.objective import Objective
    from sla.state_history import History
    from sla.states import Piece
    from sla.timeline import Timeline

LEAST_BAD = 2  # bad observations within the long look-back: one lost probe pages no one


@dataclass(frozen=True, slots=True)
class BurnPolicy:
    """Alert when `fraction` of the period's budget is burnt within `long` and burning goes on within `short`.

    `alert` names the alert, `severity` is `page` or `ticket`; look-backs are in microseconds.
    """

    alert: str
    fraction: Fraction
    long: int
    short: int
    severity: str

    def factor(self, period: int) -> Fraction:
        """Return the burn rate that spends the fraction of a period's budget within the long look-back."""
        return self.fraction * period / self.long

    def fires(self, objective: Objective, period: int, seen: LookBacks) -> bool:
        """Return whether the policy fires: both look-backs reach the factor, the long one spent the fraction of the
        period's budget, and it holds two bad observations.
        """
        spent = downtime(seen.durations[self.long]).point
        return (
            spent > 0
            and spent >= self.fraction * seen.allowed(objective, period)
            and self._reached(objective, period, seen, self.long)
            and self._reached(objective, period, seen, self.short)
            and seen.bad(self.long) >= LEAST_BAD
        )

    def _reached(self, objective: Objective, period: int, seen: LookBacks, length: int) -> bool:
        burn = seen.burn(objective, length)
        return burn is not None and burn >= self.factor(period)

    def obstacle(self, objective: Objective, period: int, intervals: Iterable[int]) -> str | None:
        """Return why the policy can never fire, None if it can. `intervals` are those of the checks, microseconds.

        Nothing burns faster than all the time down, which is 1 / (1 - objective). And two bad observations have to fit
        into the long look-back.
        """
        most, needed = 1 / (1 - objective.ratio), self.factor(period)
        name = f"{self.alert} cannot fire"
        if needed > most:
            return (
                f"{name}: it needs a burn rate of {float(needed):.4g}, and at an objective of {objective} over "
                f"{format_duration(period)} the highest is {float(most):.4g}; raise the objective or shorten the window"
            )
        if sum(-(-self.long // interval) for interval in intervals) < LEAST_BAD:
            return (
                f"{name}: it needs {LEAST_BAD} bad observations within {format_duration(self.long)}; "
                "shorten the interval of a check"
            )
        return None


# Google, The Site Reliability Workbook (O'Reilly 2018), chapter 5, "Alerting on SLOs", the recommended parameters for
# multiwindow, multi-burn-rate alerts: the budget fraction is the policy; 14.4, 6 and 1 follow for a period of 30 days.
BURN_POLICIES = (
    BurnPolicy("NinewatchBudgetBurnsFast", Fraction(2, 100), HOUR, 5 * MINUTE, "page"),
    BurnPolicy("NinewatchBudgetBurns", Fraction(5, 100), 6 * HOUR, 30 * MINUTE, "page"),
    BurnPolicy("NinewatchBudgetBurnsSlowly", Fraction(10, 100), 3 * DAY, 6 * HOUR, "ticket"),
)


@dataclass(frozen=True, slots=True)
class LookBacks:
    """What a history says of the look-backs of all policies that end at the instant `at`, by their lengths."""

    history: History
    at: int
    durations: Mapping[int, Durations]

    @classmethod
    def of(cls, history: History, at: int) -> LookBacks:
        """Return the look-backs that end at the instant."""
        return cls(history, at, {length: history.durations(Interval(at - length, at)) for length in LENGTHS})

    def bad(self, length: int) -> int:
        """Return the number of bad observations in the look-back."""
        return self.history.counts(self._window(length)).bad

    def allowed(self, objective: Objective, period: int) -> Fraction:
        """Return the downtime that a period which ends here allows; `objective` is that of an undefined history."""
        return allowed_within(self.history, self._window(period), objective)

    def burn(self, objective: Objective, length: int) -> Fraction | None:
        """Return the burn rate over the look-back; None where nothing is known."""
        return burn_rate(objective_within(self.history, self._window(length), objective), self.durations[length])

    def _window(self, length: int) -> Interval:
        return Interval(self.at - length, self.at)


LENGTHS = frozenset(length for policy in BURN_POLICIES for length in (policy.long, policy.short))


class BurnAlert(NamedTuple):
    """One policy at one instant. `burn` is the rate over the long look-back while it fires, 0 while it does not."""

    policy: BurnPolicy
    burn: Fraction

    @property
    def firing(self) -> bool:
        """Whether the policy fires."""
        return self.burn > 0


def burn_alerts(objective: Objective, period: int, state: State, now: LookBacks) -> list[BurnAlert]:
    """Return each policy as it stands at the end of the look-backs; nothing where no time at all is known.

    `state` is the estimated state there, with guesses. A policy that fired goes on firing through unknown time, until
    the history shows the target up again.
    """
    seen = list(islice(_judged(state, now), _MOST_GAPS))
    return [BurnAlert(policy, _burning(policy, objective, period, seen)) for policy in BURN_POLICIES if seen]


def _burning(policy: BurnPolicy, objective: Objective, period: int, seen: Sequence[LookBacks]) -> Fraction:
    """Return the burn over the long look-back where the policy last fires; 0 where it does not."""
    found = next((each for each in seen if policy.fires(objective, period, each)), None)
    return (found and found.burn(objective, policy.long)) or Fraction(0)


_MOST_GAPS = 16  # of unknown time in one outage; bounds the work for a target that is seen now and then
_SPANS = (MINUTE, HOUR, 8 * HOUR, 64 * HOUR, 512 * HOUR, 4096 * HOUR)  # how far back to look, further only if need be


def _judged(state: State, now: LookBacks) -> Iterator[LookBacks]:
    """Yield what the alerts are judged by, the latest first: `now` if it is known, and the ends of the known time
    before each gap as far back as nothing was up.
    """
    if state is not State.UNKNOWN:
        yield now
    if state is State.UP:
        return
    end, after = now.at, state
    for piece in _backwards(now.history, now.at):
        before = piece.state.estimate
        if before is not State.UNKNOWN and after is State.UNKNOWN:
            yield LookBacks.of(now.history, end)
        if before is State.UP:
            return
        end, after = piece.start, before


def _backwards(history: History, now: int) -> Iterator[Piece]:
    """Yield the pieces before `now`, the latest first; those that a span's edge cuts come in two."""
    end = now
    for span in _SPANS:
        start = now - span
        yield from reversed(list(history.pieces(Interval(start, end))))
        end = start


def outage(rule: Rule, checks: Iterable[tuple[IncidentTracker, Timeline]]) -> bool | None:
    """Return whether so many checks have an open incident that the rule is not met; None while too few are known.

    An incident opens after `fall` bad observations and resolves after `rise` good ones, is recorded, and no unknown
    time resolves it. So an outage neither begins with one lost probe nor ends because nothing is seen.
    """
    held = [(tracker.open is not None, timeline.last_known is not None) for tracker, timeline in checks]
    needed = rule.needed(len(held))
    if sum(not failing for failing, _ in held) < needed:
        return True
    return False if sum(known and not failing for failing, known in held) >= needed else None
