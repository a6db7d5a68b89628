"""Escalate alerts that are not acknowledged: determine the due step of a plan, and the time of the next step.

A step is due `after` the previous step, or immediately if the previous step has no receiver that can be reached, for
example because its rota has a gap. A call executes at most one step with a receiver, so that after a standstill of the
daemon the receivers of each step still have time to respond.
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

    `step` is the number of steps that were taken, `entered` when the last of them was (with 0 steps: the start). `due`
    is when the next step or the next repetition is due, None if none is. `receivers` and `person` are those of the
    last step, `round` counts its notifications from 1. A last step without a receiver has `round` 0 and is taken as
    soon as it has one.
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
    call: Callable[[Step], StepReceivers],
    reachable: Callable[[tuple[str, ...]], bool],
) -> Progress:
    """Return the progress at `now`: unchanged, or after executing the step that is due.

    `call` returns the receivers of a step at this instant, `reachable` whether one of some receivers can be reached.
    The caller notifies the receivers if the progress has changed. A plan that became shorter keeps its
    last step.
    """
    progress = _limit_to_plan(plan, progress, now)
    if progress.step == len(plan.steps):
        return _repeat(plan, progress, now, call)
    if not _is_step_due(progress, now, reachable):
        return progress
    while progress.step < len(plan.steps):
        progress = _enter(plan, progress.step + 1, now, call(plan.steps[progress.step]))
        if progress.receivers:
            break
    return progress


def _limit_to_plan(plan: Plan, progress: Progress, now: int) -> Progress:
    """Return the progress limited to the current plan, with a due time that is valid if the clock was set back."""
    step = min(progress.step, len(plan.steps))
    wait = _wait(plan, step)
    if wait is None:
        return replace(progress, step=step, due=None)
    due = progress.due if progress.due is not None else progress.entered + wait
    return replace(progress, step=step, due=min(due, now + wait))


def _wait(plan: Plan, step: int) -> int | None:
    """Return the time from an executed step to the next one. None if there is no next step."""
    return plan.steps[step].after if step < len(plan.steps) else plan.repeat_every


def _is_step_due(progress: Progress, now: int, reachable: Callable[[tuple[str, ...]], bool]) -> bool:
    """Return whether the next step is due."""
    if progress.due is not None and now >= progress.due:
        return True
    return progress.step > 0 and not (progress.receivers and reachable(progress.receivers))


def _enter(plan: Plan, step: int, now: int, called: StepReceivers) -> Progress:
    wait = _wait(plan, step)
    due = None if wait is None else now + wait
    return Progress(plan.id, step, now, due, called.receivers, called.person, 1 if called.receivers else 0)


def _repeat(plan: Plan, progress: Progress, now: int, call: Callable[[Step], StepReceivers]) -> Progress:
    """Return the progress after the last step, which is repeated when it is due, or executed for the first time."""
    waiting = not progress.receivers
    if not waiting and (progress.due is None or now < progress.due):
        return progress
    called = call(plan.steps[-1])
    if called.receivers:
        return replace(_enter(plan, progress.step, now, called), round=progress.round + 1)
    if waiting or plan.repeat_every is None:
        return progress
    return replace(progress, due=now + plan.repeat_every)
