"""Whose fault it is when an instrument fails: what is asked to learn of the target, but is not the target."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from monitor.network.failure import ProbeFailure
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import CheckBase

T = TypeVar("T")
SHARE = 0.95
"""Of the time-out, for an instrument: what is left is enough to say that it was not the target who was late."""


async def instrument(check: CheckBase, what: str, reading: Awaitable[T]) -> T:
    """Return what was read from an instrument, such as a metrics server, that is not what is watched.

    A failure that the instrument has a word of its own for (`{what}_...`) is left as it is.

    Raises:
        ProbeFailure: `{what}_unavailable`, unknown: of what is watched, nothing was learnt.
    """
    try:
        async with asyncio.timeout(SHARE * check.timeout / SECOND):
            return await reading
    except TimeoutError:
        detail = f"no answer within {SHARE * check.timeout / SECOND:g} s"
    except ProbeFailure as failure:
        if failure.reason.startswith(f"{what}_"):
            raise
        detail = f"{failure.reason}: {failure.detail}"
    raise ProbeFailure(f"{what}_unavailable", detail, outcome=Outcome.UNKNOWN)
