"""Make attempts of the conversations of `tests/support/conversations.py`, and detect internal errors."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import structlog

from tests.support.probing import attempt

if TYPE_CHECKING:
    from sla.observation import Outcome
    from tests.support.faulty_targets.faulty_target import TargetAuthority

SECONDS = 10.0


@contextlib.asynccontextmanager
async def no_internal_errors() -> AsyncIterator[None]:
    """Fail the test if an internal error is logged, or an exception reaches the event loop."""
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, error_context: errors.append(error_context))
    with structlog.testing.capture_logs() as logs:
        yield
    assert [entry for entry in logs if entry["event"] == "probe_defect"] == []
    assert errors == []


async def attempt_details(check: dict[str, Any], port: int, authority: TargetAuthority) -> tuple[Outcome, str, str]:
    """Return outcome, reason and detail of one attempt, which ends long before its deadline."""
    data = json.loads(json.dumps(check).replace("<port>", str(port)).replace("<ca>", authority.ca))
    probe_attempt = await attempt({**data, "timeout": f"{SECONDS:g}s"}, SECONDS)
    assert probe_attempt.duration < SECONDS, "the attempt waited after the connection was closed"
    return probe_attempt.result.outcome, probe_attempt.result.reason, probe_attempt.result.detail
