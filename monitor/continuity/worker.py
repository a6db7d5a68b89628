"""Advance the runs of one configured transaction: begin, finish, read back and remove, one request at a time.

An intent is on disk before its write is sent. A run is closed when none of its writes exist on the target, or when they
can no longer be looked up. After a failure, requests pause with increasing delay, and no run begins until the target
responds again. Then open runs are finished immediately, so that the effect of a failover is known early.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from monitor.clock import secret_bytes
from monitor.continuity.driver import MissingValueError, RefusedError, outcome_of
from monitor.continuity.target import fingerprint
from monitor.errors import NinewatchError
from monitor.log import conceal_secrets
from monitor.network.failure import ProbeFailure
from sla.continuity import BEGIN, FINISH, TransactionState, may_exist, possibly_left_behind, transaction_state
from sla.intent import Answer, Closing, Intent, ReadBack, WriteOutcome
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from monitor.clock import Clock
    from monitor.config.continuity import ContinuityTransaction
    from monitor.continuity.driver import CapturedValues, Driver
    from monitor.facts.intent_log import IntentLog
    from monitor.ledger.continuity_register import ContinuityRegister
    from monitor.log import TemporarySecret
    from monitor.network.attempt import Attempt
    from sla.intent import Entry, Run

    T = TypeVar("T")
    MakeAttempt = Callable[[], Attempt]

log = structlog.get_logger()

FIRST_PAUSE: Final = SECOND  # after the first failure; doubles after each further failure
MAX_PAUSE: Final = 15 * SECOND
RECENT_TIME: Final = (
    10 * MINUTE
)  # a run without a response to `begin`, which was left behind, counts as open for this time
MAX_EFFECT_DELAY: Final = MINUTE  # a write without a response may take effect on the target within this time
MAX_DETAIL: Final = 200  # characters of an error that are stored


class Worker:
    """The runs of one configured transaction. `owner` is `product/transaction`."""

    def __init__(
        self,
        owner: str,
        transaction: ContinuityTransaction,
        driver: Driver,
        intents: IntentLog,
        register: ContinuityRegister,
        clock: Clock,
    ) -> None:
        self.owner, self.transaction, self.driver = owner, transaction, driver
        self._intents, self._register, self._clock = intents, register, clock
        self._target = fingerprint(transaction)
        self._secrets: dict[str, dict[str, TemporarySecret]] = {}
        self._finished: set[str] = set()  # runs whose `finish` was acknowledged or refused for good
        self._missing: set[str] = set()  # runs with one reading that showed a loss
        self._next_begin = self._paused_until = self._failed = 0
        self._failures = 0
        self._finish_at_once_before = 0  # runs begun earlier are finished without waiting for `open_for`

    async def advance(self, make_attempt: MakeAttempt, every: int) -> None:
        """Send the next due request, if any. `every` is the current interval between the starts of two runs."""
        now = self._clock.now()
        if now < self._paused_until:
            return
        open_runs = self._register.open_runs(self.owner)
        run = next((run for run in open_runs if self._is_due(run, now)), None)
        try:
            if run is not None:
                await self._continue(run, make_attempt())
            elif self._may_begin(len(open_runs), now):
                self._next_begin = now + every
                await self._begin(make_attempt())
        except MissingValueError as error:
            if run is not None:
                await self._close(run, left_behind=True, reason=str(error))
        except (ProbeFailure, OSError, TimeoutError) as error:
            self._pause(error)
        except NinewatchError as error:  # the disk failed: a request must not be sent without its intent
            self._pause(error)

    def _may_begin(self, open_count: int, now: int) -> bool:
        """Return whether a run may begin. After a failure only after the longest pause, as a test of the target."""
        if now < (self._next_begin if not self._failures else max(self._next_begin, self._failed + MAX_PAUSE)):
            return False
        return open_count + self._left_without_answer(now) < self.transaction.at_most

    def _left_without_answer(self, now: int) -> int:
        """Return the number of recent runs that may be left behind on the target."""
        left_behind = (run for run in self._register.runs(self.owner) if possibly_left_behind(run))
        return sum(run.acknowledged(BEGIN) is None and now < run.started + RECENT_TIME for run in left_behind)

    def _is_due(self, run: Run, now: int) -> bool:
        began_at = run.acknowledged(BEGIN)
        if self._is_for_other_target(run):
            return True
        if began_at is None:
            return run.outcome(BEGIN) is not WriteOutcome.INDETERMINATE or now >= self._next_search(run)
        if now < self._may_take_effect_until(run):
            return False
        return began_at < self._finish_at_once_before or now >= began_at + self.transaction.open_for

    def _next_search(self, run: Run) -> int:
        """Return when to look up a `begin` without an answer: immediately, and again after `MAX_EFFECT_DELAY`."""
        sent_at = run.intents[-1].at
        return sent_at if run.reading is None else sent_at + MAX_EFFECT_DELAY

    def _is_for_other_target(self, run: Run) -> bool:
        """Return whether the run was written to a former target, and so would be missing on this one."""
        return run.target not in ("", self._target)

    def _may_take_effect_until(self, run: Run) -> int:
        """Return the instant until which a missing `finish` without an answer may still take effect."""
        if run.outcome(FINISH) is not WriteOutcome.INDETERMINATE or not self._read_since(run, run.intents[-1].at):
            return 0
        missing = run.reading is not None and not run.reading.copies.get(FINISH, 0)
        return run.intents[-1].at + MAX_EFFECT_DELAY if missing else 0

    def _read_since(self, run: Run, instant: int) -> bool:
        return run.reading is not None and run.reading.at >= instant

    async def _begin(self, attempt: Attempt) -> None:
        run_id = f"nw-{secret_bytes(8).hex()}"
        described = self.driver.describe(BEGIN, run_id, {})
        intent = Intent(
            run_id, self.owner, BEGIN, self._clock.now(), described.request, described.secrets, self._target
        )
        run = await self._record(intent)
        await self._write(run, BEGIN, attempt)

    async def _continue(self, run: Run, attempt: Attempt) -> None:
        """Send the next request of an open run."""
        if self._is_for_other_target(run):
            reason = "the target of the transaction was changed"
            await self._close(run, left_behind=may_exist(run), reason=reason)
        elif run.acknowledged(BEGIN) is None:
            await self._resolve_begin(run, attempt)
        elif self._must_finish(run):
            await self._finish(run, attempt)
        elif not self._read_since(run, max(run.intents[-1].at, self._may_take_effect_until(run))):
            await self._read(run, attempt)
        else:
            await self._clean(run, attempt)

    async def _resolve_begin(self, run: Run, attempt: Attempt) -> None:
        """Look up a `begin` without an answer until it can no longer take effect; remove existing writes."""
        if not may_exist(run):
            await self._close(run)
        elif not self.driver.finds:
            await self._close(run, left_behind=True, reason="begin has no answer, and it is not found by run id")
        else:
            reading = await self._read(run, attempt)
            if any(reading.copies.values()):
                await self._clean(run, self._next_attempt(attempt))
            elif self._clock.now() >= run.intents[-1].at + MAX_EFFECT_DELAY:
                await self._close(run)

    def _next_attempt(self, attempt: Attempt) -> Attempt:
        """Return a new attempt with a new deadline."""
        return attempt.sibling()

    def _must_finish(self, run: Run) -> bool:
        """Return whether `finish` must be sent. An unanswered one is read back first, and repeated if missing."""
        if not self.driver.finishes or run.id in self._finished or run.acknowledged(FINISH) is not None:
            return False
        if run.outcome(FINISH) is not WriteOutcome.INDETERMINATE:
            return True
        reading, effective_until = run.reading, self._may_take_effect_until(run)
        return reading is not None and 0 < effective_until <= reading.at and reading.copies.get(BEGIN, 0) > 0

    async def _finish(self, run: Run, attempt: Attempt) -> None:
        described = self.driver.describe(FINISH, run.id, run.captured)
        intent = Intent(
            run.id, self.owner, FINISH, self._clock.now(), described.request, described.secrets, self._target
        )
        await self._write(await self._record(intent), FINISH, attempt)

    async def _write(self, run: Run, step: str, attempt: Attempt) -> None:
        """Send a write whose intent is on disk, and record its answer."""
        try:
            known = self._secrets.get(run.id, {})
            captured = await self._within_timeout(attempt, self.driver.write(attempt, step, run, known))
        except (ProbeFailure, OSError, TimeoutError, MissingValueError) as error:
            outcome = outcome_of(error, attempt.phase)
            if isinstance(error, RefusedError) and error.final:
                self._finished.add(run.id)
            run = await self._record(Answer(run.id, step, self._clock.now(), outcome, _text(error)))
            if step == BEGIN and outcome is WriteOutcome.FAILED:
                await self._close(run)
            if isinstance(error, RefusedError) and error.final and step == FINISH:
                return
            raise
        await self._record_acknowledgement(run, step, captured)

    async def _record_acknowledgement(self, run: Run, step: str, captured: CapturedValues) -> None:
        self._secrets.setdefault(run.id, {}).update(captured.secrets)
        answer = Answer(run.id, step, self._clock.now(), WriteOutcome.ACKNOWLEDGED, "", dict(captured.values))
        await self._record(answer)
        self._reset_failures()

    async def _read(self, run: Run, attempt: Attempt) -> ReadBack:
        response = await self._within_timeout(attempt, self.driver.read(attempt, run, self._secrets.get(run.id, {})))
        self._secrets.setdefault(run.id, {}).update(response.secrets)
        reading = ReadBack(run.id, self._clock.now(), dict(response.copies))
        self._reset_failures()
        if self._is_confirmed(run, reading):
            await self._record(reading)
        return reading

    def _is_confirmed(self, run: Run, reading: ReadBack) -> bool:
        """Return whether a reading is confirmed: a loss needs a second reading."""
        lost = transaction_state(run.with_entry(reading)) is TransactionState.LOST
        if not lost or run.id in self._missing:
            self._missing.discard(run.id)
            return True
        self._missing.add(run.id)
        self._paused_until = reading.at + FIRST_PAUSE
        return False

    async def _clean(self, run: Run, attempt: Attempt) -> None:
        await self._within_timeout(attempt, self.driver.clean(attempt, run, self._secrets.get(run.id, {})))
        self._reset_failures()
        await self._close(run)

    async def _within_timeout(self, attempt: Attempt, request: Awaitable[T]) -> T:
        seconds = self.transaction.timeout / SECOND
        attempt.limit(seconds)
        async with asyncio.timeout(seconds):
            return await request

    async def _close(self, run: Run, *, left_behind: bool = False, reason: str = "") -> None:
        await self._record(Closing(run.id, self._clock.now(), left_behind, reason))
        self._secrets.pop(run.id, None)
        self._finished.discard(run.id)
        self._missing.discard(run.id)
        if left_behind:
            log.warning("continuity_left_behind", transaction=self.owner, run=run.id, reason=reason)

    async def _record(self, entry: Entry) -> Run:
        """Add the entry to the run, and return the run once the entry is on disk."""
        await asyncio.to_thread(self._intents.add, entry)
        return self._register.add(self.owner, entry)

    def _reset_failures(self) -> None:
        if self._failures:
            log.info("continuity_resumed", transaction=self.owner)
            self._finish_at_once_before = self._clock.now()
        self._failures = 0

    def _pause(self, error: Exception) -> None:
        """Pause all requests of the transaction, longer after each consecutive failure."""
        if not self._failures:
            log.warning("continuity_paused", transaction=self.owner, error=_text(error))
        pause = min(FIRST_PAUSE * 2 ** min(self._failures, 10), MAX_PAUSE)
        self._failed = self._clock.now()
        self._paused_until = self._failed + pause
        self._failures += 1


def _text(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no response before the deadline"
    if isinstance(error, ProbeFailure):
        return conceal_secrets(f"{error.reason}: {error.detail}")[:MAX_DETAIL]
    return conceal_secrets(str(error))[:MAX_DETAIL]
