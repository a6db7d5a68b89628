"""Clean up after a run of a journey that was interrupted, or whose clean-up failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.network.failure import ProbeFailure
from sla.intent import WriteOutcome
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.network.attempt import Attempt
    from monitor.probes.journey.journey import Journey
    from monitor.probes.journey.prepared_step import PreparedStep
    from monitor.probes.journey.run_state import RunState
    from sla.intent import Run

MAX_EFFECT_DELAY: Final = MINUTE  # how long a write without an answer may still take effect on the target
GONE_STATUSES: Final = frozenset({404, 410})  # statuses of data that does not exist


class NotFoundError(Exception):
    """Data of the run cannot be looked up, so it may be left behind."""


def effects_are_final(run: Run, now: int) -> bool:
    """Return whether all writes of the run have taken effect, or no longer can."""
    indeterminate = any(run.outcome(step) is WriteOutcome.INDETERMINATE for step in run.steps)
    return not indeterminate or now >= run.intents[-1].at + MAX_EFFECT_DELAY


async def clean_up(journey: Journey, run: Run, attempt: Attempt) -> None:
    """Run the steps with `always` for the values of the run, and for the values that `find` returns.

    Raises:
        ProbeFailure, OSError: a step failed; try again later.
        NotFoundError: a value is unknown, and there is no `find`.
    """
    state = journey.new_state(run.id, run.captured)
    for prepared in _source_steps(journey, state):
        await prepared.send(attempt.sibling(), state, [])
    for prepared in journey.steps:
        if prepared.step.always:
            await _remove_all(journey, prepared, run, attempt, state)


def _source_steps(journey: Journey, state: RunState) -> Iterator[PreparedStep]:
    """Yield the steps that capture values for the clean-up without writing data, such as a token, in order."""
    needed = {name for prepared in journey.steps if prepared.step.always for name in prepared.names}
    source_steps: list[PreparedStep] = []
    for prepared in reversed([prepared for prepared in journey.steps if not prepared.step.always]):
        captured = set(prepared.step.capture) & needed - state.known
        if captured and not prepared.writes:
            source_steps.append(prepared)
            needed |= prepared.step.definition.names
    yield from reversed(source_steps)


async def _remove_all(journey: Journey, prepared: PreparedStep, run: Run, attempt: Attempt, state: RunState) -> None:
    missing = prepared.step.definition.names - state.known
    if not missing:
        await _remove(prepared, attempt, state)
    elif not _may_exist(journey, run, missing):
        return
    elif prepared.finding is None or missing != {prepared.finding.name}:
        raise NotFoundError(f"{min(missing)} is unknown, and no find of {prepared.step.id} finds it")
    else:
        for value in await prepared.finding.search(attempt.sibling(), state):
            state.capture(prepared.finding.name, value, secret=False)
            await _remove(prepared, attempt, state)
        state.values.pop(prepared.finding.name, None)


def _may_exist(journey: Journey, run: Run, names: set[str]) -> bool:
    """Return whether a write that would have captured one of the names may have had an effect."""
    writes = [prepared.step.id for prepared in journey.steps if names & set(prepared.step.capture)]
    return any(run.outcome(step) not in (None, WriteOutcome.FAILED) for step in writes)


async def _remove(prepared: PreparedStep, attempt: Attempt, state: RunState) -> None:
    try:
        await prepared.send(attempt.sibling(), state, [])
    except ProbeFailure as failure:
        if failure.status not in GONE_STATUSES:
            raise
