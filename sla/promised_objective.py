"""The objectives of a window in which the objective changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sla.interval import SECOND, Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.after_exclusions import AfterExclusions
    from sla.objective import Objective


@dataclass(frozen=True, slots=True)
class PromisedObjective:
    """An objective that is valid from `start` on.

    `elapsed` and `full` are the lengths of its validity after exclusions, in microseconds: within the measured window,
    and within the complete calendar window.
    """

    start: int
    objective: Objective
    elapsed: int
    full: int

    def as_json(self) -> dict[str, Any]:
        """Return the objective with the downtime that it allows."""
        return {
            "from": format_instant(self.start),
            "objective": float(self.objective.ratio),
            "allowed_seconds": float(self.objective.allowed(self.full) / SECOND),
        }


def promised_objectives(
    objectives: Iterable[tuple[Interval, Objective]], window: Interval, history: AfterExclusions
) -> Iterator[PromisedObjective]:
    """Yield the objectives of a history with their times in the measured window, after the exclusions of `history`."""
    for span, objective in objectives:
        elapsed = Interval(max(span.start, window.start), max(min(span.end, window.end), span.start, window.start))
        yield PromisedObjective(span.start, objective, history.length(elapsed), history.length(span))
