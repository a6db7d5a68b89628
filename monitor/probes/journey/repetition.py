"""Decide whether a step is repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.http.expectation import match_description
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.steps import Retry
    from monitor.http.response import Response
    from monitor.probe_result import StepResult


def may_repeat(retry: Retry, result: StepResult, responses: Sequence[Response]) -> bool:
    """Return whether the step is repeated after this result, if there is time. `responses` has its response, if any."""
    if result.outcome is Outcome.GOOD:
        return False
    if not retry.while_:
        return True
    return any(
        match_description(condition, response) is not None for response in responses for condition in retry.while_
    )
