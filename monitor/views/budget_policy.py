"""The budget policy of a product and the answer of its release gate, as the page and reports show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.formatting import Moment, moment
from sla.budget_policy import format_share
from sla.gate import Answer

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sla.budget_policy import StepStatus
    from sla.gate import Gate
    from sla.gate_override import GateOverride

_ANSWERS = {Answer.GO: "Go", Answer.HOLD: "Hold", Answer.UNKNOWN: "Unknown"}
_REACHED = {True: "reached", False: "not reached", None: "not decided"}


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step of the policy: threshold, answer of the gate from there on, consequence, owner and status."""

    spent: str
    gate: str
    consequence: str
    owner: str
    status: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """The override that is in force. `computed` is the answer without the override, with its reason."""

    author: str
    reason: str
    until: Moment
    computed: str


@dataclass(frozen=True, slots=True)
class BudgetPolicyView:
    """The answer of the gate with its reason, and all steps."""

    title: str
    source: str
    answer: str
    style: str
    reason: str
    decided_by: str
    steps: list[StepLine]
    override: OverrideLine | None


def budget_policy_view(gate: Gate, zone: ZoneInfo) -> BudgetPolicyView:
    """Return the view of the policy and the gate."""
    computed = f"{_ANSWERS[gate.computed.answer].lower()} ({gate.computed.reason})"
    return BudgetPolicyView(
        gate.policy.title,
        gate.policy.source,
        _ANSWERS[gate.answer],
        gate.answer.value,
        gate.decision.reason,
        gate.decision.decided_by,
        [_line(step_status, in_force=step_status is gate.in_force) for step_status in gate.step_statuses],
        None if gate.override is None else _override(gate.override, computed, zone),
    )


def _line(step_status: StepStatus, *, in_force: bool) -> StepLine:
    step = step_status.step
    status = "in force" if in_force else _REACHED[step_status.reached]
    gate = "hold" if step.holds else "go"
    return StepLine(format_share(step.threshold), gate, step.consequence, step.owner, status, in_force)


def _override(override: GateOverride, computed: str, zone: ZoneInfo) -> OverrideLine:
    return OverrideLine(override.author, override.reason, moment(override.until, zone), computed)
