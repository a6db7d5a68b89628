"""/metrics: send the exporter's blocks to the scraper, and yield to the event loop between them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from monitor.exporters.exposition import negotiate
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT

routes = web.RouteTableDef()

SCRAPE_SECONDS = 30.0  # a reader that takes longer over it than this is let go
BLOCK = 128 * 1024  # bytes gathered before they are handed to the socket


@routes.get("/metrics")
@role(Role.READ)
async def metrics(request: web.Request) -> web.StreamResponse:
    """Everything Prometheus asks for, in the dialect it accepts. Made in slices of a few milliseconds."""
    exporter = request.app[CONTEXT].exporter
    dialect = negotiate(",".join(request.headers.getall("Accept", ())))
    response = web.StreamResponse(headers={"Content-Type": dialect.content_type, "Vary": "Accept"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    async with asyncio.timeout(SCRAPE_SECONDS):
        gathered = bytearray()
        for block in exporter.render(dialect):
            gathered += block
            if len(gathered) >= BLOCK:
                await response.write(bytes(gathered))
                gathered.clear()
            await asyncio.sleep(0)
        await response.write(bytes(gathered))
        await response.write_eof()
    return response
