"""Choose the ledger for figures as of an instant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from monitor.as_of import ledger_at

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.web.context import WebContext

WAITS: Final = 20
WAIT: Final = 0.1  # seconds between two checks whether the observations until the instant are on disk


async def ledger_as_of(context: WebContext, product: Product, at: int, now: int) -> Ledger:
    """Return the present ledger, or the ledger as of the instant, read from the record.

    While observations until the instant are not written, return the ledger in memory.
    """
    if context.record is None or at >= now:
        return context.ledger
    for _ in range(WAITS):
        if not (context.health.queue_since is not None and context.health.queue_since <= at):
            return await asyncio.to_thread(ledger_at, context.ledger.portfolio, context.record, at, product.id)
        await asyncio.sleep(WAIT)
    return context.ledger
