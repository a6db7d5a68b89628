"""Responses to alerts: announcement, priority, target and acknowledgement.

A response starts when an alert is announced, and a new one when an acknowledged alert becomes more severe, because an
acknowledgement covers its severity and lower ones only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.escalation import Progress

_RANKS: Final = {Severity.NOTE: 0, Severity.TICKET: 1, Severity.PAGE: 2}


@dataclass(frozen=True, slots=True)
class Response:
    """The response to the alert `key`, which was announced at `started`. Instants are in microseconds since the epoch.

    `priority` and `target` (time to acknowledge in microseconds, or None) are those at the start. `acknowledged` is
    when `author` acknowledged the alert through `via`, `ended` when it was resolved or its severity changed, or None.
    `escalations` is the progress of each escalation plan.
    """

    key: str
    started: int
    product: str
    severity: Severity
    priority: str = ""
    target: int | None = None
    acknowledged: int | None = None
    author: str = ""
    via: str = ""
    ended: int | None = None
    escalations: tuple[Progress, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the alert still needs an acknowledgement."""
        return self.acknowledged is None and self.ended is None

    @property
    def time_to_acknowledge(self) -> int | None:
        """The time from announcement to acknowledgement, microseconds. None if not acknowledged."""
        return None if self.acknowledged is None else self.acknowledged - self.started

    @property
    def next_due(self) -> int | None:
        """The instant of the next step of an escalation. None if there is none."""
        due = (escalation.due for escalation in self.escalations if escalation.due is not None)
        return min(due, default=None) if self.open else None

    def covers(self, severity: Severity) -> bool:
        """Return whether the response is for this severity, or its acknowledgement covers it."""
        if self.acknowledged is not None:
            return _RANKS[severity] <= _RANKS[self.severity]
        return severity is self.severity

    def within_target(self, now: int) -> bool | None:
        """Return whether the target was met. None without a target, or while it can still be met.

        An alert that ended before its target without an acknowledgement has neither met nor missed the target.
        """
        if self.target is None:
            return None
        response_end = self.acknowledged if self.acknowledged is not None else self.ended
        if (now if response_end is None else response_end) - self.started > self.target:
            return False
        return True if self.acknowledged is not None else None

    def acknowledge(self, at: int, author: str, via: str) -> Response:
        """Return the response as acknowledged at `at`, or at its start if that is later."""
        return replace(self, acknowledged=max(at, self.started), author=author, via=via)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of responses: all, acknowledged, target met, target missed; and the median time to acknowledge.

    `median` is in microseconds, None if no response was acknowledged. A response is neither met nor missed if it has no
    target, can still meet it, or ended without acknowledgement before the target passed.
    """

    count: int
    acknowledged: int
    median: int | None
    met: int
    missed: int


def summary(responses: Sequence[Response], now: int) -> Summary:
    """Return the summary of the responses at the instant."""
    times = [response.time_to_acknowledge for response in responses if response.time_to_acknowledge is not None]
    results = [response.within_target(now) for response in responses]
    median_time = round(median(times)) if times else None
    return Summary(len(responses), len(times), median_time, results.count(True), results.count(False))
