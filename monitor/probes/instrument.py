"""Whose fault it is when an instrument fails: what is asked to learn of the target, but is not the target."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.probes.failure import ProbeFailure
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.probes.http_response import Response

T = TypeVar("T")
_SHARE = 0.95  # of the time-out: what is left is enough to say that it was not the target who was late


async def instrument(check: CheckBase, what: str, reading: Awaitable[T]) -> T:
    """Return what was read from an instrument, such as a metrics server, that is not what is watched.

    Raises:
        ProbeFailure: `{what}_unavailable`, unknown: of what is watched, nothing was learnt.
    """
    try:
        async with asyncio.timeout(_SHARE * check.timeout / SECOND):
            return await reading
    except TimeoutError:
        detail = f"no answer within {_SHARE * check.timeout / SECOND:g} s"
    except ProbeFailure as failure:
        detail = f"{failure.reason}: {failure.detail}"
    raise ProbeFailure(f"{what}_unavailable", detail, outcome=Outcome.UNKNOWN)


def document(response: Response) -> Any:
    """Return the JSON that the body holds.

    Raises:
        ProbeFailure: `body_too_large`, `body_mismatch`: it is none.
    """
    if response.cut:
        raise ProbeFailure("body_too_large", f"more than {len(response.body)} bytes")
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise ProbeFailure("body_mismatch", "the body is not JSON", status=response.status) from None
