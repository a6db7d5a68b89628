"""Record the writes of journeys before they are sent, so that the next process can clean up if this one is killed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from monitor.errors import NinewatchError
from monitor.network.failure import ProbeFailure
from sla.intent import Answer, Closing, Intent, WriteOutcome
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.clock import Clock
    from monitor.facts.intent_log import IntentLog
    from monitor.ledger.journey_register import JourneyRegister
    from sla.intent import Entry, Run

# Reasons of failures before the request was sent.
_UNSENT_REASONS = frozenset({"rate_limited", "value_unusable", "secret_withheld", "code_used", "intent_unwritten"})
UNSENT_PHASES = frozenset({"resolve", "connect", "tls"})  # phases before the request was sent


def write_outcome(status: int | None, reason: str, phase: str) -> WriteOutcome:
    """Return the outcome of a write that was not acknowledged: FAILED if it certainly had no effect."""
    refused = status is not None and 400 <= status < 500
    unsent = phase in UNSENT_PHASES or reason in _UNSENT_REASONS
    return WriteOutcome.FAILED if refused or (unsent and status is None) else WriteOutcome.INDETERMINATE


class RunLog:
    """The intents of all journeys. `active` has the ids of runs in progress, which are not cleaned up."""

    def __init__(self, intents: IntentLog, register: JourneyRegister, clock: Clock) -> None:
        self.intents, self.register, self._clock = intents, register, clock
        self.active: set[str] = set()

    async def intend(self, intent: tuple[str, str, str], request: str, secrets: tuple[str, ...], target: str) -> None:
        """Record a write before it is sent. `intent` is the run, its owner and the step.

        Raises:
            ProbeFailure: `intent_unwritten`, with the outcome unknown: the disk failed, so nothing may be sent.
        """
        run, owner, step = intent
        entry = Intent(run, owner, step, self._clock.now(), request, secrets, target)
        try:
            await asyncio.to_thread(self.intents.add, entry)
        except NinewatchError as error:
            raise ProbeFailure("intent_unwritten", str(error), outcome=Outcome.UNKNOWN) from None
        except asyncio.CancelledError:  # nothing was sent, but the line may be on disk
            await self.answer(run, step, WriteOutcome.FAILED, {})
            raise
        self.register.add(entry)

    async def answer(self, run: str, step: str, outcome: WriteOutcome, captured: Mapping[str, str]) -> None:
        """Record the outcome of a write. If the disk fails, the write is indeterminate after the next start."""
        await self._add(Answer(run, step, self._clock.now(), outcome, "", dict(captured)))

    async def close(self, run: str, *, left_behind: bool = False, reason: str = "") -> None:
        """Record the end of a run. If the disk fails, the clean-up is repeated after the next start."""
        await self._add(Closing(run, self._clock.now(), left_behind, reason))

    def run(self, name: str) -> Run | None:
        """Return the open run with this id. None if it has no write."""
        return self.register.run(name)

    async def _add(self, entry: Entry) -> None:
        """Add an entry: to memory in any case, even if the disk fails or the deadline has passed."""
        self.register.add(entry)
        with contextlib.suppress(NinewatchError):
            await asyncio.to_thread(self.intents.add, entry)
