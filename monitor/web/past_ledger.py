"""Select the ledger for figures as of an instant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from monitor.as_of import ledger_at

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.web.context import WebContext

MAX_WAITS: Final = 20  # until the observations before the instant are on disk
WAIT_SECONDS: Final = 0.1


async def ledger_as_of(context: WebContext, product: Product, at: int, now: int) -> Ledger:
    """Return the ledger as of the instant, read from the record.

    Return the ledger in memory if the instant is now, without a record, or if the record is behind for too long.
    """
    if context.record is None or at >= now:
        return context.ledger
    for _ in range(MAX_WAITS):
        if context.health.queue_since is None or context.health.queue_since > at:
            return await asyncio.to_thread(ledger_at, context.ledger.portfolio, context.record, at, product.id)
        await asyncio.sleep(WAIT_SECONDS)
    return context.ledger
