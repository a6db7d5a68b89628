"""The steps of a journey's last run as bars on a common time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.probe_result import JourneyResult
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.probe_result import ProbeResult, StepResult

WIDTH = 240
"""Units of the time axis of a whole run."""


@dataclass(frozen=True, slots=True)
class StepBar:
    """One step: its outcome (`skipped` without one) and its bar, from `x` with `width`; `duration` is microseconds."""

    id: str
    outcome: str
    reason: str
    status: int | None
    detail: str
    duration: int | None
    phases: Sequence[tuple[str, int]]
    x: float
    width: float


def waterfall(result: ProbeResult) -> list[StepBar]:
    """Return the bars of the steps of a journey; none for other probes."""
    if not isinstance(result, JourneyResult):
        return []
    end = max((step.at + step.duration for step in result.steps), default=0.0) or 1.0
    return [_bar(step, end) for step in result.steps]


def _bar(step: StepResult, end: float) -> StepBar:
    x = round(WIDTH * step.at / end, 1)
    return StepBar(
        id=step.id,
        outcome="skipped" if step.outcome is None else step.outcome.value,
        reason=step.reason,
        status=step.status,
        detail=step.detail,
        duration=int(step.duration * SECOND) if step.duration else None,
        phases=[(name, int(seconds * SECOND)) for name, seconds in step.phases.items()],
        x=x,
        width=max(1.0, round(WIDTH * step.duration / end, 1)) if step.duration else 0.0,
    )


def steps_as_json(result: ProbeResult) -> list[dict[str, Any]]:
    """Return the steps of a journey as plain data; none for other probes."""
    if not isinstance(result, JourneyResult):
        return []
    return [
        {
            "id": step.id,
            "outcome": None if step.outcome is None else step.outcome.value,
            "reason": step.reason,
            "status": step.status,
            "detail": step.detail,
            "at_seconds": step.at,
            "duration_seconds": step.duration,
            "phases": dict(step.phases),
        }
        for step in result.steps
    ]
