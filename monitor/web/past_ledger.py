"""The ledger that answers a request for figures as of an instant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from monitor.as_of import ledger_at

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger import Ledger
    from monitor.web.context import Site

WAITS: Final = 20
WAIT: Final = 0.1  # seconds between two looks whether what was observed until the instant is on disk


async def ledger_as_of(site: Site, product: Product, at: int, now: int) -> Ledger:
    """Return what is known now, or what was known at the instant: read from the record, as a report reads it.

    While the store cannot take what was observed until then, the ledger in memory answers.
    """
    if site.record is None or at >= now:
        return site.ledger
    for _ in range(WAITS):
        if not (site.health.queue_since is not None and site.health.queue_since <= at):
            return await asyncio.to_thread(ledger_at, site.ledger.portfolio, site.record, at, product.id)
        await asyncio.sleep(WAIT)
    return site.ledger
