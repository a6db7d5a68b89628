"""The steps of a journey with their prepared requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.placeholders import RUN_ID
from monitor.http.check import HttpCheck
from monitor.network.failure import ProbeFailure
from monitor.probes.journey.http_step import HttpStep
from monitor.probes.journey.kind_step import KindStep
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt
    from monitor.probes.journey.one_time_codes import UsedCodes
    from monitor.probes.journey.run_state import RunState
    from monitor.probes.steps import Find, Step, StepsCheck


class PreparedStep:
    """A step with its prepared requests."""

    def __init__(self, step: Step, journey: StepsCheck, codes: UsedCodes) -> None:
        self.step, self.codes = step, codes
        self.writes = _writes(step, journey)
        self.finding = None if step.find is None else Finding(step.find, journey)
        self._http = HttpStep(step, journey) if isinstance(step.definition.check, HttpCheck) else None
        self._kind = None if self._http is not None else KindStep(step, journey)

    @property
    def names(self) -> set[str]:
        """The names that the step needs, including those for finding what it removes."""
        return self.step.definition.names | (set() if self.finding is None else self.finding.needs)

    def describe(self, state: RunState) -> tuple[str, tuple[str, ...]]:
        """Return the request without secrets, and the references of its secrets."""
        return (self.step.definition.target, ()) if self._http is None else self._http.describe(state)

    async def send(self, attempt: Attempt, state: RunState, responses: list[Response]) -> int | None:
        """Make one attempt, and return its status. The HTTP response is appended to `responses`.

        Raises:
            ProbeFailure, OSError: the attempt failed.
        """
        await state.take_codes(self.step.definition.names, self.codes, attempt)
        if self._http is not None:
            return await self._http.send(attempt, state, responses)
        assert self._kind is not None  # noqa: S101 - for mypy
        result = await self._kind.send(attempt, state)
        if result.outcome is not Outcome.GOOD:
            raise ProbeFailure(result.reason, result.detail, outcome=result.outcome, status=result.status)
        return result.status


class Finding:
    """The request that looks up the values of `name` of a run."""

    def __init__(self, find: Find, journey: StepsCheck) -> None:
        (self.name,) = find.capture
        self.needs = find.definition.names
        self._http = HttpStep(find, journey)

    async def search(self, attempt: Attempt, state: RunState) -> list[str]:
        """Return the values.

        Raises:
            ProbeFailure, OSError: the request failed.
        """
        return await self._http.search(attempt, state)


def _writes(step: Step, journey: StepsCheck) -> bool:
    """Return whether the step writes data that a step with `always` removes."""
    if step.always or step.definition.reads:
        return False
    removed = {name for other in journey.steps if other.always for name in other.definition.names}
    captured = {name for name, capture in step.capture.items() if not capture.is_secret(name)}
    return bool(removed) and (RUN_ID in step.definition.names or bool(captured & removed))
