"""Failures of auxiliary servers, such as proxies, token and metrics servers, which make the outcome unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from monitor.network.failure import ProbeFailure
from sla.interval import SECOND
from sla.observation import Outcome

T = TypeVar("T")
# of the check's timeout, so that the failure of an auxiliary server is reported before the deadline
_TIMEOUT_SHARE = 0.95


async def from_auxiliary(reading: Awaitable[T], reason: str, limit: int, *, keep: str) -> T:
    """Return the result of a server that is not the target; `limit` is the check's timeout in microseconds.

    A failure whose reason starts with `keep` is raised unchanged.

    Raises:
        ProbeFailure: `reason`, unknown, for any other failure, and when most of the timeout has passed.
    """
    seconds = _TIMEOUT_SHARE * limit / SECOND
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError:
        detail = f"no response within {seconds:g} s"
    except ProbeFailure as failure:
        if failure.reason.startswith(keep):
            raise
        detail = f"{failure.reason}: {failure.detail}"
    raise ProbeFailure(reason, detail, outcome=Outcome.UNKNOWN)
