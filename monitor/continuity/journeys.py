"""Do the pending clean-ups of journeys, after a crash during a run or a failed clean-up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import NinewatchError
from monitor.ledger.journey_register import JourneyRegister, is_needed
from monitor.log import conceal_secrets
from monitor.network.failure import ProbeFailure
from monitor.probes.journey.clean_up import MAX_EFFECT_DELAY, NotFoundError, clean_up, effects_are_final
from monitor.probes.journey.journey import Journey
from monitor.probes.journey.one_time_codes import UsedCodes
from monitor.probes.journey.run_log import RunLog
from sla.interval import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.clock import Clock
    from monitor.facts.intent_log import IntentLog
    from monitor.ledger.ledger import Ledger
    from monitor.network.attempt import Attempt, Probe
    from sla.intent import Run

    MakeAttempt = Callable[[], Attempt]

log = structlog.get_logger()

SUFFIX: Final = ".journeys.jsonl"  # suffix of the intent log of journeys, a file next to the record
CODES_SUFFIX: Final = ".codes.json"  # suffix of the file with used one-time codes
POLL_INTERVAL: Final = 1.0  # seconds between two checks for due clean-ups
FIRST_PAUSE: Final = 2 * SECOND  # after the first failed clean-up; doubles after each further failure
MAX_PAUSE: Final = 10 * MINUTE
MAX_CLEAN_UP_TIME: Final = DAY  # after the first write; then failing clean-ups are abandoned


class JourneyCleaner:
    """The pending clean-ups of all journeys of a daemon."""

    def __init__(self, ledger: Ledger, intents: IntentLog, clock: Clock) -> None:
        self._ledger, self._intents, self._clock = ledger, intents, clock
        self._journeys: dict[str, Journey] = {}
        self._next: dict[str, int] = {}  # run -> instant of the next clean-up
        self._failures: dict[str, int] = {}
        self._log = RunLog(intents, ledger.journeys, clock)
        self._codes = UsedCodes(intents.path.with_name(intents.path.name.removesuffix(SUFFIX) + CODES_SUFFIX))

    def restore(self) -> None:
        """Read the intent log."""
        now = self._clock.now()
        try:
            self._log.register = self._ledger.journeys = JourneyRegister(self._intents.read())
        except NinewatchError as error:
            log.error("intents_unreadable", error=str(error))
            return
        self._ledger.journeys.forget(now)
        self._intents.try_to_compact(lambda run: is_needed(run, now))

    def attach(self, probes: Mapping[str, Probe]) -> None:
        """Let the journeys among the prepared probes record their writes. The keys of `probes` are `product/check`."""
        self._journeys = {key: probe for key, probe in probes.items() if isinstance(probe, Journey)}
        for key, journey in self._journeys.items():
            journey.record_writes(self._log, key, self._codes)

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Do the pending clean-ups until cancelled."""
        while True:
            await self.advance(make_attempt)
            await self._clock.sleep_until(self._clock.monotonic() + POLL_INTERVAL)

    async def advance(self, make_attempt: MakeAttempt) -> None:
        """Do the due clean-ups, one at a time per journey, so that its target is not overloaded."""
        now = self._clock.now()
        due: dict[str, list[Run]] = {}
        for run in self._ledger.journeys.open_runs:
            if self._is_due(run, now):
                due.setdefault(run.owner, []).append(run)
        await asyncio.gather(*(self._clean_in_turn(runs, make_attempt) for runs in due.values()))
        self._ledger.journeys.forget(now)
        await self._intents.compact_if_long(lambda run: is_needed(run, now))

    def _is_due(self, run: Run, now: int) -> bool:
        is_paused = self._ledger.facts.pause(run.owner, now) is not None
        return run.id not in self._log.active and now >= self._next.get(run.id, 0) and not is_paused

    async def _clean_in_turn(self, runs: Sequence[Run], make_attempt: MakeAttempt) -> None:
        """Clean up the runs of one journey until a clean-up fails."""
        for run in runs:
            await self._clean(run, make_attempt())
            if run.id in self._failures:
                return

    async def _clean(self, run: Run, attempt: Attempt) -> None:
        journey = self._journeys.get(run.owner)
        if journey is None or journey.fingerprint != run.target:
            await self._close(run, "the check was removed, or its addresses were changed")
            return
        seconds = journey.check.timeout / SECOND
        attempt.limit(seconds)
        try:
            async with asyncio.timeout(seconds):
                await clean_up(journey, run, attempt)
        except NotFoundError as error:
            await self._close(run, str(error))
        except (ProbeFailure, OSError, TimeoutError) as error:
            await self._failed(run, error)
        except Exception:  # a defect must not stop the daemon
            log.exception("journey_defect", journey=run.owner)
            await self._close(run, "a defect of ninewatch; see the log")
        else:
            await self._succeeded(run)

    async def _succeeded(self, run: Run) -> None:
        if effects_are_final(run, self._clock.now()):
            log.info("journey_cleaned_up", journey=run.owner, run=run.id)
            await self._close(run)
        else:
            self._failures.pop(run.id, None)
            self._next[run.id] = run.intents[-1].at + MAX_EFFECT_DELAY

    async def _failed(self, run: Run, error: Exception) -> None:
        description = f"{error.reason}: {error.detail}" if isinstance(error, ProbeFailure) else repr(error)
        text = conceal_secrets(description)[:200]
        if self._clock.now() > run.started + MAX_CLEAN_UP_TIME:
            await self._close(run, f"the clean-up failed for a day: {text}")
            return
        count = self._failures.get(run.id, 0)
        self._failures[run.id] = count + 1
        self._next[run.id] = self._clock.now() + min(FIRST_PAUSE * 2 ** min(count, 16), MAX_PAUSE)
        if not count:
            log.warning("journey_clean_up_failed", journey=run.owner, run=run.id, error=text)

    async def _close(self, run: Run, reason: str = "") -> None:
        """Close the run. `reason` is why its data may be left behind."""
        if reason:
            log.warning("journey_left_behind", journey=run.owner, run=run.id, reason=reason)
        await self._log.close(run.id, left_behind=bool(reason), reason=reason)
        self._next.pop(run.id, None)
        self._failures.pop(run.id, None)
