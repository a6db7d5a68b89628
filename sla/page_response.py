"""The response to an alert: when it was announced, its priority and target, who acknowledged it and when.

A response begins when an alert is announced, and again when it becomes more severe than what was acknowledged: an
acknowledged ticket that becomes a page asks for a person once more. An acknowledgement covers the severity at which it
was made and lower ones.
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
    """The response to the alert of `key` that was announced at `started`; instants are microseconds since the epoch.

    `priority` and `target` (microseconds to the acknowledgement, None without one) are those of the instant at which it
    started. `acknowledged` is when `author` acknowledged it through `via`, `ended` when the alert was resolved or its
    severity changed; None until then. `escalations` is the progress of each escalation plan.
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
        """Whether a person is still to acknowledge it."""
        return self.acknowledged is None and self.ended is None

    @property
    def time_to_acknowledge(self) -> int | None:
        """Microseconds from the announcement to the acknowledgement, None without one."""
        return None if self.acknowledged is None else self.acknowledged - self.started

    @property
    def next_due(self) -> int | None:
        """When the next step of an escalation is due, None if none is."""
        due = (each.due for each in self.escalations if each.due is not None)
        return min(due, default=None) if self.open else None

    def holds_for(self, severity: Severity) -> bool:
        """Return whether it is the response to the alert at this severity, or an acknowledgement that covers it."""
        if self.acknowledged is not None:
            return _RANKS[severity] <= _RANKS[self.severity]
        return severity is self.severity

    def within_target(self, now: int) -> bool | None:
        """Return whether it was acknowledged within the target; None without a target, or while it can be met.

        An alert that ended before its target passed and was not acknowledged has neither met nor missed it.
        """
        if self.target is None:
            return None
        answered = self.acknowledged if self.acknowledged is not None else self.ended
        if (now if answered is None else answered) - self.started > self.target:
            return False
        return True if self.acknowledged is not None else None

    def acknowledge(self, at: int, author: str, via: str) -> Response:
        """Return it as acknowledged; not before it started."""
        return replace(self, acknowledged=max(at, self.started), author=author, via=via)


@dataclass(frozen=True, slots=True)
class Summary:
    """Responses added up: how many, how many acknowledged and in what time, and how many met or missed their target.

    `median` is in microseconds, None where none was acknowledged. A response that can still meet its target, has none,
    or ended before the target passed is in neither `met` nor `missed`.
    """

    count: int
    acknowledged: int
    median: int | None
    met: int
    missed: int


def summary(responses: Sequence[Response], now: int) -> Summary:
    """Return the sums of responses, as they stand at the instant."""
    times = [each.time_to_acknowledge for each in responses if each.time_to_acknowledge is not None]
    judged = [each.within_target(now) for each in responses]
    middle = round(median(times)) if times else None
    return Summary(len(responses), len(times), middle, judged.count(True), judged.count(False))
