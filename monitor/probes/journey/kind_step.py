"""A step of a journey with a probe of any kind except http."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure
from monitor.probes.journey.definition import fill_keys, validated
from monitor.probes.journey.http_step import problem_text

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe
    from monitor.probe_result import ProbeResult
    from monitor.probes.journey.run_state import RunState
    from monitor.probes.steps import Step, StepsCheck


class KindStep:
    """The probes of one step, for all runs."""

    def __init__(self, step: Step, journey: StepsCheck) -> None:
        self._definition, self._timeout = step.definition, journey.timeout
        self._check = step.definition.check.model_copy(update={"timeout": journey.timeout})
        self._fixed = self._prepare(self._check) if self._definition.is_fixed else None

    def _prepare(self, check: object) -> Probe:
        from monitor.probes.registry import prepare

        return prepare(check)

    async def send(self, attempt: Attempt, state: RunState) -> ProbeResult:
        """Return the result of the probe.

        Raises:
            ProbeFailure, OSError: it failed.
        """
        return await (self._fixed or self._fill(state))(attempt)

    def _fill(self, state: RunState) -> Probe:
        check = self._check
        try:
            keys = fill_keys(check.kind, self._definition.template, state.value)
            filled = validated(check.id, type(check), keys)
        except ValueError as error:
            raise ProbeFailure("value_unusable", problem_text(error)) from None
        return self._prepare(filled.model_copy(update={"timeout": self._timeout}))
