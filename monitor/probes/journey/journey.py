"""One run of a journey: its steps in order, under one deadline, and the result of all of them."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import structlog

from monitor.log import conceal_secrets
from monitor.network.failure import DETAIL_LIMIT, TIMEOUT_REASONS, ProbeFailure, failure_of
from monitor.probe_result import JourneyResult, StepResult
from monitor.probes.journey.clean_up import GONE_STATUSES
from monitor.probes.journey.names import in_order
from monitor.probes.journey.one_time_codes import UsedCodes
from monitor.probes.journey.prepared_step import PreparedStep
from monitor.probes.journey.repetition import may_repeat
from monitor.probes.journey.run_log import UNSENT_PHASES, write_outcome
from monitor.probes.journey.run_state import RunState, new_run_id
from sla.intent import WriteOutcome
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.http.response import Response
    from monitor.network.attempt import Attempt
    from monitor.probe_result import ProbeResult
    from monitor.probes.journey.run_log import RunLog
    from monitor.probes.steps import Step, StepsCheck
    from sla.intent import Run as WrittenRun

log = structlog.get_logger()

MAIN_SHARE: Final = 0.8  # share of the timeout for the steps before those with `always`
WHOLE_SHARE: Final = 0.98  # share of the timeout for all steps, so that the reason names a step
NOT_RUN: Final = "not_run"


class Journey:
    """The probe of a journey. With `run_log`, its writes are recorded before they are sent."""

    def __init__(self, check: StepsCheck) -> None:
        self.check = check
        codes = UsedCodes()
        self.steps = [PreparedStep(step, check, codes) for _, step in in_order(check)]
        self.run_log: RunLog | None = None
        self.owner = check.id

    def record_writes(self, run_log: RunLog, owner: str, codes: UsedCodes) -> None:
        """Record the writes of all runs, with the owner (`product/check`), and their one-time codes."""
        self.run_log, self.owner = run_log, owner
        for prepared in self.steps:
            prepared.codes = codes

    def new_state(self, run: str, captured: Mapping[str, str] | None = None) -> RunState:
        """Return the values of a run."""
        return RunState(run, self.check.secrets, self.check.totp, dict(captured or {}))

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the addresses of all steps, so that a clean-up is sent only where data was written."""
        addresses = [[prepared.step.id, prepared.step.definition.address] for prepared in self.steps]
        return sha256(json.dumps(addresses).encode()).hexdigest()[:16]

    async def __call__(self, attempt: Attempt) -> ProbeResult:
        """Return the result of one run."""
        if math.isinf(attempt.deadline):
            attempt.limit(self.check.timeout / SECOND)
        return await Run(self, attempt, self.new_state(new_run_id())).result()


class Run:
    """One run of a journey. `results` has the results of the steps so far."""

    def __init__(self, journey: Journey, attempt: Attempt, state: RunState) -> None:
        self._journey, self._attempt, self.state = journey, attempt, state
        self._total = attempt.seconds_left()
        self.results: list[StepResult] = []
        self._decisive: StepResult | None = None  # the first bad step, else the first step without a result

    async def result(self) -> JourneyResult:
        """Run all steps, and return the result."""
        run_log = self._journey.run_log
        if run_log is None:
            return await self._run_steps()
        run_log.active.add(self.state.run_id)
        try:
            result = await self._run_steps()
            if (run := run_log.run(self.state.run_id)) is not None and self._is_clean(run):
                await run_log.close(run.id)
            return result
        finally:
            run_log.active.discard(self.state.run_id)

    def _is_clean(self, written: WrittenRun) -> bool:
        """Return whether the run left no data: nothing was written, or all clean-up succeeded."""
        outcomes = {written.outcome(step) for step in written.steps}
        if outcomes <= {WriteOutcome.FAILED}:
            return True
        always = {prepared.step.id for prepared in self._journey.steps if prepared.step.always}
        removed = [
            result.outcome is Outcome.GOOD or result.status in GONE_STATUSES
            for result in self.results
            if result.id in always
        ]
        return WriteOutcome.INDETERMINATE not in outcomes and all(removed)

    async def _run_steps(self) -> JourneyResult:
        for prepared in self._journey.steps:
            result = await self._advance(prepared)
            self.results.append(result)
            if prepared.step.counts:
                self._decide(result)
        return self._verdict()

    async def _advance(self, prepared: PreparedStep) -> StepResult:
        step = prepared.step
        if not step.always and self._has_failed:
            return StepResult(step.id, None)
        missing = sorted(step.definition.names - self.state.known)
        if missing:
            return self._not_run(step, missing[0])
        return await self._run_with_retries(prepared)

    @property
    def _has_failed(self) -> bool:
        return self._decisive is not None and self._decisive.outcome is Outcome.BAD

    def _not_run(self, step: Step, name: str) -> StepResult:
        """Return the result of a step that needs an unknown value. It is skipped if the source of the value was."""
        source = next((candidate for candidate in self._journey.steps if name in candidate.step.capture), None)
        cause = next((result for result in self.results if source is not None and result.id == source.step.id), None)
        if step.always and cause is not None and cause.outcome is not Outcome.GOOD:
            return StepResult(step.id, None, at=self._elapsed)
        reason_text = f"{cause.id}: {cause.reason or 'skipped'}" if cause is not None else "no value"
        return StepResult(
            step.id, Outcome.UNKNOWN, NOT_RUN, detail=f"{{{{{name}}}}} is not known ({reason_text})", at=self._elapsed
        )

    @property
    def _elapsed(self) -> float:
        return self._total - self._attempt.seconds_left()

    def _seconds_for(self, step: Step) -> float:
        """Return the seconds that the step may take. The last fifth of the timeout is for steps with `always`."""
        has_always = not step.always and any(other.step.always for other in self._journey.steps)
        return (MAIN_SHARE if has_always else WHOLE_SHARE) * self._total - self._elapsed

    async def _run_with_retries(self, prepared: PreparedStep) -> StepResult:
        """Return the result of the step, repeated as `retry` requires."""
        started, retry, attempts = self._elapsed, prepared.step.retry, 0
        phases: dict[str, float] = {}
        while True:
            responses: list[Response] = []
            attempts += 1
            result = await self._attempt_once(prepared, responses, phases)
            repeats = retry is not None and may_repeat(retry, result, responses)
            if retry is None or not repeats or self._elapsed - started + retry.every / SECOND > retry.for_ / SECOND:
                break
            if self._seconds_for(prepared.step) <= retry.every / SECOND:
                break
            await asyncio.sleep(retry.every / SECOND)
        duration = self._elapsed - started
        if attempts > 1 and result.outcome is not Outcome.GOOD:
            result = replace(result, detail=f"{result.detail}; {attempts} attempts in {duration:.3g} s")
        return replace(result, at=started, duration=duration, phases=phases, detail=self._clean(result.detail))

    def _clean(self, detail: str) -> str:
        return conceal_secrets(detail)[:DETAIL_LIMIT]

    async def _attempt_once(
        self, prepared: PreparedStep, responses: list[Response], phases: dict[str, float]
    ) -> StepResult:
        """Return the result of one attempt of the step, and add its phases."""
        step, attempt = prepared.step, self._attempt.sibling()
        seconds = max(0.0, self._seconds_for(step))
        attempt.limit(seconds)
        try:
            async with asyncio.timeout(seconds):
                status = await self._send(prepared, attempt, responses)
            result = StepResult(step.id, Outcome.GOOD, status=status)
        except (ProbeFailure, OSError, TimeoutError) as error:
            result = self._failure_result(step, attempt, error, seconds)
        except Exception as error:  # a defect of a probe is not an outage
            log.error("probe_defect", error=repr(error), exc_info=True)
            result = StepResult(step.id, Outcome.UNKNOWN, "probe_defect", detail=type(error).__name__)
        attempt.close()
        self._add(attempt, phases)
        return result

    async def _send(self, prepared: PreparedStep, attempt: Attempt, responses: list[Response]) -> int | None:
        """Make one attempt of the step. A write is recorded before it is sent, its outcome afterwards."""
        run_log, run, step = self._journey.run_log, self.state.run_id, prepared.step
        if run_log is None or not prepared.writes:
            return await prepared.send(attempt, self.state, responses)
        request, secrets = prepared.describe(self.state)
        await run_log.intend((run, self._journey.owner, step.id), request, secrets, self._journey.fingerprint)
        try:
            status = await prepared.send(attempt, self.state, responses)
        except asyncio.CancelledError:  # the deadline
            if attempt.phase in UNSENT_PHASES:
                await run_log.answer(run, step.id, WriteOutcome.FAILED, {})
            raise
        except (ProbeFailure, OSError) as error:
            known = (error.status, error.reason) if isinstance(error, ProbeFailure) else (None, "")
            await run_log.answer(run, step.id, write_outcome(*known, attempt.phase), self._stored_values(step))
            raise
        await run_log.answer(run, step.id, WriteOutcome.ACKNOWLEDGED, self._stored_values(step))
        return status

    def _stored_values(self, step: Step) -> dict[str, str]:
        """Return the captured values of the step that are not secret."""
        return {name: value for name, value in self.state.values.items() if name in step.capture}

    def _failure_result(self, step: Step, attempt: Attempt, error: Exception, seconds: float) -> StepResult:
        """Return the result of a failed attempt, and store its addresses for the decision about this vantage."""
        outer = self._attempt
        if isinstance(error, TimeoutError) and not getattr(error, "errno", None):
            attempt.deadline_phase = attempt.phase
            detail = f"not complete within {seconds:.3g} s, waiting for {attempt.phase or 'start'}"
            error = attempt.own_failure or ProbeFailure(TIMEOUT_REASONS.get(attempt.phase, "deadline"), detail)
        failure = error if isinstance(error, ProbeFailure) else failure_of(error)  # type: ignore[arg-type]
        if step.counts:
            outer.peer, outer.failed_addresses = attempt.peer, attempt.failed_addresses
            outer.relayed, outer.deadline_phase = attempt.relayed, attempt.deadline_phase
            outer.response_unread = attempt.response_unread
        return StepResult(step.id, failure.outcome, failure.reason, failure.status, failure.detail)

    def _add(self, attempt: Attempt, phases: dict[str, float]) -> None:
        for total in (phases, self._attempt.phases):
            for name, seconds in attempt.phases.items():
                total[name] = total.get(name, 0.0) + seconds
        expiries = [
            expiry for expiry in (self._attempt.certificate_expiry, attempt.certificate_expiry) if expiry is not None
        ]
        self._attempt.certificate_expiry = min(expiries, default=None)

    def _decide(self, result: StepResult) -> None:
        is_first_bad = result.outcome is Outcome.BAD and not self._has_failed
        if is_first_bad or (result.outcome is Outcome.UNKNOWN and self._decisive is None):
            self._decisive = result

    def _verdict(self) -> JourneyResult:
        decisive = self._decisive
        statuses = [result.status for result in self.results if result.status is not None]
        trace = f"; trace {self.state.trace}" if self._journey.check.traceparent else ""
        phases, expiry = self._attempt.phases, self._attempt.certificate_expiry
        steps = tuple(self.results)
        if decisive is None:
            last = statuses[-1] if statuses else None
            return JourneyResult(Outcome.GOOD, "", last, phases, "", expiry, steps)
        assert decisive.outcome is not None  # noqa: S101 - skipped steps decide nothing
        reason = f"{decisive.id}: {decisive.reason}"
        detail = f"{decisive.detail[: DETAIL_LIMIT - len(trace)]}{trace}"
        return JourneyResult(decisive.outcome, reason, decisive.status, phases, detail, expiry, steps)
