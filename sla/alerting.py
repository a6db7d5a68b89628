"""Decide which alerts fire: burn alerts by the policies below, and outage alerts until the target is observed up.

See measurement.md, section 7. A firing alert continues while the monitor is blind, because only a good observation
shows a recovery. Alerts are computed from the record only, so a restart does not change them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sla.availability import estimated_downtime
from sla.budget import allowed_within, burn_rate, objective_within
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.objective import format_duration
from sla.states import Durations, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sla.incident import IncidentTracker
    from sla.objective import Objective
    from sla.rule import Rule
    from sla.state_history import History
    from sla.states import Piece
    from sla.votes import VoteTracker

MIN_BAD = 2  # bad observations in the long window; one lost probe must not cause an alert


@dataclass(frozen=True, slots=True)
class BurnPolicy:
    """Alert if `fraction` of the period's budget was spent within `long` and the burn continues within `short`.

    `alert` is the name of the alert, `severity` is `page` or `ticket`. Look-backs are in microseconds.
    """

    alert: str
    fraction: Fraction
    long: int
    short: int
    severity: str

    def factor(self, period: int) -> Fraction:
        """Return the burn rate that spends the fraction of a period's budget within the long look-back."""
        return self.fraction * period / self.long

    def fires(self, objective: Objective, period: int, look_backs: LookBacks) -> bool:
        """Return whether the policy fires.

        It fires if the burn rate of both look-backs reaches the factor, and the long look-back has spent the fraction
        of the period's budget and contains two bad observations.
        """
        spent = estimated_downtime(look_backs.durations[self.long])
        return (
            spent > 0
            and spent >= self.fraction * look_backs.allowed(objective, period)
            and self._reached(objective, period, look_backs, self.long)
            and self._reached(objective, period, look_backs, self.short)
            and look_backs.bad(self.long) >= MIN_BAD
        )

    def _reached(self, objective: Objective, period: int, look_backs: LookBacks, length: int) -> bool:
        burn = look_backs.burn(objective, length)
        return burn is not None and burn >= self.factor(period)

    def reason_never_fires(self, objective: Objective, period: int, intervals: Iterable[int]) -> str | None:
        """Return why the policy can never fire, None if it can. `intervals` are the checks' intervals in microseconds.

        The burn rate of a product that is always down, the maximum, is 1 / (1 - objective). Two bad observations must
        fit into the long look-back.
        """
        highest, needed = 1 / (1 - objective.ratio), self.factor(period)
        name = f"{self.alert} cannot fire"
        if needed > highest:
            return (
                f"{name}: it needs a burn rate of {float(needed):.4g}, and at an objective of {objective} over "
                f"{format_duration(period)} the highest is {float(highest):.4g}; raise the objective or "
                "shorten the window"
            )
        if sum(-(-self.long // interval) for interval in intervals) < MIN_BAD:
            return (
                f"{name}: it needs {MIN_BAD} bad observations within {format_duration(self.long)}; "
                "shorten the interval of a check"
            )
        return None


# Google, The Site Reliability Workbook (O'Reilly 2018), chapter 5, "Alerting on SLOs", the recommended parameters for
# multiwindow, multi-burn-rate alerts. The policy states budget fractions; for 30 days they are burn rates of 14.4, 6,
# 1.
BURN_POLICIES = (
    BurnPolicy("NinewatchBudgetBurnsFast", Fraction(2, 100), HOUR, 5 * MINUTE, "page"),
    BurnPolicy("NinewatchBudgetBurns", Fraction(5, 100), 6 * HOUR, 30 * MINUTE, "page"),
    BurnPolicy("NinewatchBudgetBurnsSlowly", Fraction(10, 100), 3 * DAY, 6 * HOUR, "ticket"),
)


@dataclass(frozen=True, slots=True)
class LookBacks:
    """The look-backs of all policies that end at the instant `at`: `durations` by the length of the look-back."""

    history: History
    at: int
    durations: Mapping[int, Durations]

    @classmethod
    def of(cls, history: History, at: int) -> LookBacks:
        """Return the look-backs that end at the instant."""
        return cls(history, at, {length: history.durations(Interval(at - length, at)) for length in LOOK_BACKS})

    def bad(self, length: int) -> int:
        """Return the number of bad observations in the look-back."""
        return self.history.counts(self._window(length)).bad

    def allowed(self, objective: Objective, period: int) -> Fraction:
        """Return the downtime allowed in the period that ends at `at`. `objective` applies without a definition."""
        return allowed_within(self.history, self._window(period), objective)

    def burn(self, objective: Objective, length: int) -> Fraction | None:
        """Return the burn rate over the look-back. None if all its time is unknown."""
        return burn_rate(objective_within(self.history, self._window(length), objective), self.durations[length])

    def _window(self, length: int) -> Interval:
        return Interval(self.at - length, self.at)


LOOK_BACKS = frozenset(length for policy in BURN_POLICIES for length in (policy.long, policy.short))


class BurnAlert(NamedTuple):
    """The state of a policy at one instant. `burn` is the rate over the long look-back if the policy fires, else 0."""

    policy: BurnPolicy
    burn: Fraction

    @property
    def firing(self) -> bool:
        """Whether the policy fires."""
        return self.burn > 0


def burn_alerts(objective: Objective, period: int, state: State, now: LookBacks) -> list[BurnAlert]:
    """Return the state of each policy at the end of the look-backs. Returns an empty list if no time is known.

    `state` is the estimated state at that instant, with guesses. A policy that fires continues to fire during unknown
    time, until the target is up again.
    """
    look_backs = list(islice(_relevant_look_backs(state, now), _MAX_GAPS))
    return [
        BurnAlert(policy, _burning(policy, objective, period, look_backs)) for policy in BURN_POLICIES if look_backs
    ]


def _burning(policy: BurnPolicy, objective: Objective, period: int, look_backs: Sequence[LookBacks]) -> Fraction:
    """Return the burn rate of the latest look-backs that make the policy fire; 0 if it does not fire."""
    firing = next((look_back for look_back in look_backs if policy.fires(objective, period, look_back)), None)
    return (firing and firing.burn(objective, policy.long)) or _NO_BURN


_NO_BURN = Fraction(0)
_MAX_GAPS = 16  # examined gaps of unknown time; limits the work for a target with few known observations
# Spans in which the last time up is searched, the next one only if needed.
_SPANS = (MINUTE, HOUR, 8 * HOUR, 64 * HOUR, 512 * HOUR, 4096 * HOUR)


def _relevant_look_backs(state: State, now: LookBacks) -> Iterator[LookBacks]:
    """Yield the look-backs that decide whether the alerts fire, the latest first.

    These are `now` if its state is known, and the look-backs at the end of the known time before each gap, back to the
    last time at which the target was up.
    """
    if state is not State.UNKNOWN:
        yield now
    if state is State.UP:
        return
    end, after = now.at, state
    for piece in _pieces_backwards(now.history, now.at):
        before = piece.state.estimate
        if before is not State.UNKNOWN and after is State.UNKNOWN:
            yield LookBacks.of(now.history, end)
        if before is State.UP:
            return
        end, after = piece.start, before


def _pieces_backwards(history: History, now: int) -> Iterator[Piece]:
    """Yield the pieces before `now`, the latest first. A piece across the edge of a span is yielded in two parts."""
    end = now
    for span in _SPANS:
        start = now - span
        yield from reversed(list(history.pieces(Interval(start, end))))
        end = start


def outage(rule: Rule, checks: Iterable[tuple[IncidentTracker | VoteTracker, History]]) -> bool | None:
    """Return whether open incidents of the checks violate the rule. None if too few checks are known.

    An incident opens after `fall` bad observations and resolves after `rise` good ones, so a lost probe does not start
    an outage and unknown time does not end it.
    """
    check_states = [(tracker.open is not None, states.last_known_at is not None) for tracker, states in checks]
    needed = rule.needed(len(check_states))
    if sum(not failing for failing, _ in check_states) < needed:
        return True
    return False if sum(known and not failing for failing, known in check_states) >= needed else None
