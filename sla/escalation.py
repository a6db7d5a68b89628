"""Escalate unacknowledged alerts: determine which step of a plan is due, and when the next one is.

A step is due `after` the previous step, or immediately if no receiver of the previous step can be reached, for example
because of a gap in the rota. One call executes at most one step with receivers, so that each step's receivers have time
to respond even after the daemon was stopped for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan, `after` microseconds from the previous step or from the start.

    It notifies either the receivers `to`, or the person on call for the `rota`.
    """

    after: int
    to: tuple[str, ...] = ()
    rota: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of ordered steps, at least one. The last step is repeated every `repeat_every` microseconds, if set."""

    id: str
    steps: tuple[Step, ...]
    repeat_every: int | None = None


class StepReceivers(NamedTuple):
    """The receivers that a step notifies, and the person on call if the step has a rota."""

    receivers: tuple[str, ...] = ()
    person: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of the escalation of one alert. Instants are in microseconds since the epoch.

    `step` is the number of executed steps, `entered` the instant of the last one (with 0 steps: of the start). `due` is
    the instant of the next step or repetition, or None. `receivers` and `person` are those of the last step; `round`
    counts its notifications from 1. A last step without a receiver has `round` 0 and is executed once it has one.
    """

    plan: str
    step: int
    entered: int
    due: int | None
    receivers: tuple[str, ...] = ()
    person: str = ""
    round: int = 0


def start_progress(plan: Plan, now: int) -> Progress:
    """Return the progress of an escalation that starts at the instant, before its first step."""
    return Progress(plan.id, 0, now, now + plan.steps[0].after)


def advance(
    plan: Plan,
    progress: Progress,
    now: int,
    receivers_of: Callable[[Step], StepReceivers],
    reachable: Callable[[tuple[str, ...]], bool],
) -> Progress:
    """Return the progress at `now`: unchanged, or after executing the step that is due.

    `receivers_of` returns a step's current receivers, `reachable` whether any of them can be reached. The caller
    notifies the receivers if the progress changed. If the plan became shorter, its last step applies.
    """
    progress = _limit_to_plan(plan, progress, now)
    if progress.step == len(plan.steps):
        return _repeat(plan, progress, now, receivers_of)
    if not _is_step_due(progress, now, reachable):
        return progress
    while progress.step < len(plan.steps):
        progress = _execute_step(plan, progress.step + 1, now, receivers_of(plan.steps[progress.step]))
        if progress.receivers:
            break
    return progress


def _limit_to_plan(plan: Plan, progress: Progress, now: int) -> Progress:
    """Return the progress limited to the steps of the current plan, and to due times that survive a clock set back."""
    step = min(progress.step, len(plan.steps))
    wait = _wait(plan, step)
    if wait is None:
        return replace(progress, step=step, due=None)
    due = progress.due if progress.due is not None else progress.entered + wait
    return replace(progress, step=step, due=min(due, now + wait))


def _wait(plan: Plan, step: int) -> int | None:
    """Return the time from an executed step to the next one, None after the last step."""
    return plan.steps[step].after if step < len(plan.steps) else plan.repeat_every


def _is_step_due(progress: Progress, now: int, reachable: Callable[[tuple[str, ...]], bool]) -> bool:
    """Return whether the next step is due."""
    if progress.due is not None and now >= progress.due:
        return True
    return progress.step > 0 and not (progress.receivers and reachable(progress.receivers))


def _execute_step(plan: Plan, step: int, now: int, step_receivers: StepReceivers) -> Progress:
    wait = _wait(plan, step)
    due = None if wait is None else now + wait
    return Progress(
        plan.id, step, now, due, step_receivers.receivers, step_receivers.person, 1 if step_receivers.receivers else 0
    )


def _repeat(plan: Plan, progress: Progress, now: int, receivers_of: Callable[[Step], StepReceivers]) -> Progress:
    """Return the progress at the last step: repeat it when due, or execute it once it has a receiver."""
    is_unsent = not progress.receivers
    if not is_unsent and (progress.due is None or now < progress.due):
        return progress
    step_receivers = receivers_of(plan.steps[-1])
    if step_receivers.receivers:
        return replace(_execute_step(plan, progress.step, now, step_receivers), round=progress.round + 1)
    if is_unsent or plan.repeat_every is None:
        return progress
    return replace(progress, due=now + plan.repeat_every)
