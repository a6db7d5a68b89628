"""The last answers of a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from monitor.vantage_status import ReferenceStatus
from sla.vantage import ReferenceAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.probe_result import ProbeResult
    from monitor.vantage.reference import Reference


class Answer(NamedTuple):
    """The result of a probe that was sent at the moment `asked` (monotonic) and the instant `at`."""

    asked: float
    at: int
    result: ProbeResult
    duration: float
    reached: frozenset[str]


@dataclass(slots=True, eq=False)
class ReferenceState:
    """A reference with its last answer.

    `asked` is the moment (monotonic) of its last probe, `failed` that of the last one without an answer.
    """

    reference: Reference
    answer: Answer | None = None
    asked: float = -math.inf
    failed: float = -math.inf
    queued: bool = False
    ever_answered: bool = False

    def since(self, moment: float) -> ReferenceAnswer:
        """Return the answer to a probe that was sent at the moment or later."""
        answer = self.answer
        reached = answer.reached if answer is not None and answer.asked >= moment else None
        return ReferenceAnswer(self.reference.near, self.reference.families, reached)

    def failed_since(self, moment: float) -> ReferenceAnswer:
        """Return a failure if a probe failed that was sent at the moment or later, also if a later one was answered."""
        answer = self.since(moment)
        return replace(answer, reached=frozenset()) if self.failed >= moment else answer

    def status(self) -> ReferenceStatus:
        """Return what is published about the reference."""
        r, answer = self.reference, self.answer
        known = ReferenceStatus(r.id, r.kind, r.target, r.near, r.system)
        if answer is None:
            return known
        return replace(
            known,
            at=answer.at,
            good=None if r.forbidden else bool(answer.reached),
            reason=answer.result.reason,
            detail=answer.result.detail,
            latency=answer.duration if answer.reached else None,
        )


def identity(reference: Reference) -> tuple[object, ...]:
    """Return what must be equal for a reference to keep its answers after a reload."""
    return reference.kind, reference.target, reference.near, reference.via, reference.families


def answers_since(references: Iterable[ReferenceState], moment: float) -> list[ReferenceAnswer]:
    """Return the answers to probes that were sent at the moment or later."""
    return [state.since(moment) for state in references]


def with_pending_failed(answers: Iterable[ReferenceAnswer]) -> list[ReferenceAnswer]:
    """Return the answers, of which those that are not known yet are failures."""
    return [replace(answer, reached=answer.reached or frozenset()) for answer in answers]
