"""The release gate: whether a budget policy allows a change of a product now (go, hold or unknown).

Hold requires evidence: the lower bound of the downtime reaches a step that holds, an incident is open, or the product
is down. Go requires evidence too: the upper bound of the downtime is below every step that holds, enough of the window
is known, and the product was observed up. Otherwise the answer is unknown and states what would decide it, unless the
policy defines another answer. A person may override the answer until an instant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds
from sla.budget_policy import BudgetPolicy, FallbackAnswer, StepStatus, format_share, in_force
from sla.duration import format_duration
from sla.interval import SECOND
from sla.objective import format_percent
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sla.gate_override import GateOverride
    from sla.measured import Measured
    from sla.states import Piece


class Answer(StrEnum):
    """The answer of the gate."""

    GO = "go"
    HOLD = "hold"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer with its reason. `decided_by` is what would decide an unknown answer, empty for other answers."""

    answer: Answer
    reason: str
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """The data that the gate's answer depends on, as of the instant `at` (microseconds since the epoch).

    `pieces` returns the states of the measured window in order; None if some time is excluded. `incidents` has the ids
    of the open incidents. `last_known` is the instant of the last known observation. `period_end` is the end of a
    calendar window, when the budget resets; None if the window is rolling.
    """

    at: int
    measured: Measured
    pieces: Callable[[], Iterable[Piece]] | None
    state: State
    incidents: tuple[str, ...]
    last_known: int | None
    period_end: int | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The answer of the gate. `computed` is the answer without the override."""

    decision: Decision
    computed: Decision
    policy: BudgetPolicy
    step_statuses: tuple[StepStatus, ...]
    spent: Bounds[Fraction] | None
    override: GateOverride | None
    at: int

    @property
    def answer(self) -> Answer:
        """The answer, with the override if there is one."""
        return self.decision.answer

    @property
    def in_force(self) -> StepStatus | None:
        """The highest reached step."""
        return in_force(self.step_statuses)

    def as_json(self, product: str) -> dict[str, Any]:
        """Return the object of the API and of `ninewatch gate --json`."""
        step = self.in_force
        return {
            "product": product,
            "at": format_instant(self.at),
            "gate": self.answer.value,
            "reason": self.decision.reason,
            "decided_by": self.decision.decided_by or None,
            "computed": self.computed.answer.value,
            "computed_reason": self.computed.reason,
            "policy": self.policy.id,
            "spent": None if self.spent is None else {k: float(v) for k, v in self.spent._asdict().items()},
            "step": None if step is None else step.as_json(),
            "steps": [step_status.as_json() for step_status in self.step_statuses],
            "override": None if self.override is None else self.override.as_json(),
        }


def spent_share(measured: Measured) -> Bounds[Fraction] | None:
    """Return the spent share of the allowed downtime. None if no downtime is allowed or there is no window."""
    allowed = measured.allowed
    return Bounds(*(downtime / allowed for downtime in measured.downtime)) if allowed else None


def gate(policy: BudgetPolicy, situation: Situation, override: GateOverride | None = None) -> Gate:
    """Return the answer of the gate. `override` is the valid override, if any."""
    spent = spent_share(situation.measured)
    step_statuses = tuple(policy.step_statuses(spent))
    computed = _compute(policy, situation, step_statuses, spent)
    decision = computed
    if override is not None:
        decision = Decision(Answer(override.answer), override.text)
    return Gate(decision, computed, policy, step_statuses, spent, override, situation.at)


def answer(policy: BudgetPolicy, situation: Situation) -> Answer:
    """Return the answer of `gate` without an override. Faster: for a clear go, no reasons are computed."""
    return Answer.GO if _is_clear(policy, situation) else gate(policy, situation).answer


def _is_clear(policy: BudgetPolicy, situation: Situation) -> bool:
    """Return whether there is no reason to hold and no doubt."""
    durations, allowed = situation.measured.durations, situation.measured.allowed
    if situation.incidents or situation.state.point is not State.UP or not allowed:
        return False
    lowest_threshold = min((step.threshold for step in policy.steps if step.holds), default=None)
    known = durations.known * policy.min_coverage.denominator >= durations.total * policy.min_coverage.numerator
    return known and (lowest_threshold is None or situation.measured.downtime.high < lowest_threshold * allowed)


def _compute(
    policy: BudgetPolicy, situation: Situation, step_statuses: tuple[StepStatus, ...], spent: Bounds[Fraction] | None
) -> Decision:
    hold_reason = next(_hold_reasons(situation, step_statuses), None)
    if hold_reason is not None:
        return Decision(Answer.HOLD, hold_reason)
    doubt = next(_doubts(policy, situation, step_statuses, spent), None)
    if doubt is None:
        return Decision(Answer.GO, _go_reason(situation, step_statuses, spent))
    return _undecided(policy, situation, step_statuses, doubt)


def _hold_reasons(situation: Situation, step_statuses: tuple[StepStatus, ...]) -> Iterator[str]:
    """Yield the reasons to hold that follow from the record."""
    reached = [step_status.step for step_status in step_statuses if step_status.reached and step_status.step.holds]
    if reached:
        last = reached[-1]
        yield f"{last.threshold_text} or more: {last.consequence} ({last.owner})"
    if situation.incidents:
        yield f"an incident is open: {', '.join(situation.incidents)}"
    if situation.state.point is State.DOWN:
        yield "the product is down by its last observations"


def _doubts(
    policy: BudgetPolicy, situation: Situation, step_statuses: tuple[StepStatus, ...], spent: Bounds[Fraction] | None
) -> Iterator[Decision]:
    """Yield the reasons why the record is not sufficient for go."""
    if situation.state.point is State.UNKNOWN:
        yield Decision(Answer.UNKNOWN, _stale_text(situation), "new observations of the product")
    if spent is None:
        yield Decision(Answer.UNKNOWN, "no budget is known: all of the window is excluded", "time that counts")
    else:
        yield from _undecided_steps(situation, step_statuses, spent)
    share = situation.measured.coverage
    if share is not None and share < policy.min_coverage:
        reason = f"{format_percent(share)} of the window is known, the policy needs {format_share(policy.min_coverage)}"
        yield Decision(Answer.UNKNOWN, reason, "a window with more known time")


def _undecided_steps(
    situation: Situation, step_statuses: tuple[StepStatus, ...], spent: Bounds[Fraction]
) -> Iterator[Decision]:
    for step_status in step_statuses:
        if step_status.step.holds and step_status.reached is None:
            low, high = format_percent(spent.low, 1), _at_most(spent.high)
            reason = (
                f"between {low} and {high} of the budget is spent; the threshold is {step_status.step.threshold_text}"
            )
            yield Decision(Answer.UNKNOWN, reason, _decided_by(situation, step_status))


def _at_most(share: Fraction) -> str:
    """Return the share as a percentage, rounded up to one digit."""
    return format_percent(Fraction(math.ceil(share * 1000), 1000), 1)


def _stale_text(situation: Situation) -> str:
    if situation.last_known is None:
        return "the product was never observed"
    return (
        f"the state of the product is unknown; its last known observation is of {format_instant(situation.last_known)}"
    )


def _decided_by(situation: Situation, step_status: StepStatus) -> str:
    durations = situation.measured.durations
    undecided = [(durations.unknown, "unknown"), (durations.doubt, "in doubt")]
    parts = " and ".join(f"{format_duration(us)} {word}" for us, word in undecided if us)
    allowed = situation.measured.allowed or 0
    recent = 2 * (situation.measured.interval or 0)  # the time since the last probe is always in doubt
    limit = step_status.step.threshold * allowed - recent
    at = _known_at(situation, limit)
    known_at = None if at is None else format_instant(-(-at // SECOND) * SECOND)
    known_at_text = "" if known_at is None else f"; without further downtime or unknown time, it is known by {known_at}"
    return f"the unknown time ({parts}){known_at_text}"


def _known_at(situation: Situation, limit: Fraction) -> int | None:
    if situation.period_end is not None:
        return situation.period_end if limit > 0 else None
    return None if situation.pieces is None else cleared_at(situation.pieces(), situation.measured.window.length, limit)


def cleared_at(pieces: Iterable[Piece], length: int, limit: Fraction) -> int | None:
    """Return the instant from which the possible downtime of a rolling window is below `limit` if the product stays up.

    `pieces` are the states of the window in order, `length` is its length; both in microseconds. None if `limit` is 0
    or less.
    """
    remaining = list(pieces) if limit > 0 else []
    possible = sum(piece.end - piece.start for piece in remaining if piece.state is not State.UP)
    for piece in remaining:
        if piece.state is State.UP:
            continue
        if possible - (piece.end - piece.start) < limit:
            return piece.start + length + int(possible - limit) + 1
        possible -= piece.end - piece.start
    return None


def _go_reason(situation: Situation, step_statuses: tuple[StepStatus, ...], spent: Bounds[Fraction] | None) -> str:
    highest_share = "none" if spent is None else _at_most(spent.high)
    next_step = next(
        (step_status.step for step_status in step_statuses if step_status.step.holds and not step_status.reached), None
    )
    until = "" if next_step is None else f"; releases are held from {next_step.threshold_text}"
    reached = in_force(step_statuses)
    step = (
        "" if reached is None else f"; {reached.step.threshold_text}: {reached.step.consequence} ({reached.step.owner})"
    )
    return f"at most {highest_share} of the budget is spent{until}{step}"


def _undecided(
    policy: BudgetPolicy, situation: Situation, step_statuses: tuple[StepStatus, ...], doubt: Decision
) -> Decision:
    """Return the policy's answer for an insufficient record."""
    fallback = policy.fallback
    if (
        fallback is FallbackAnswer.ESTIMATE
        and situation.state.point is not State.UNKNOWN
        and _is_covered(policy, situation)
    ):
        holding = next(
            (
                step_status
                for step_status in step_statuses
                if step_status.step.holds and step_status.reached_by_estimate
            ),
            None,
        )
        answer = Answer.GO if holding is None else Answer.HOLD
        return Decision(answer, f"according to the estimate, as the policy specifies: {doubt.reason}", doubt.decided_by)
    if fallback in (FallbackAnswer.HOLD, FallbackAnswer.GO):
        return Decision(
            Answer(fallback.value), f"as the policy specifies for unknown: {doubt.reason}", doubt.decided_by
        )
    return doubt


def _is_covered(policy: BudgetPolicy, situation: Situation) -> bool:
    share = situation.measured.coverage
    return share is not None and share >= policy.min_coverage
