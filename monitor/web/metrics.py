"""/metrics: send the exporter's blocks to the client, and yield to the event loop between them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from monitor.exporters.exposition import negotiate
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT

routes = web.RouteTableDef()

SCRAPE_TIMEOUT = 30.0  # seconds; slower clients are disconnected
WRITE_SIZE = 128 * 1024  # bytes that are collected before they are written to the socket


@routes.get("/metrics")
@role(Role.READ)
async def metrics(request: web.Request) -> web.StreamResponse:
    """Return all metrics in a format that the client accepts. They are rendered in slices of a few milliseconds."""
    exporter = request.app[CONTEXT].exporter
    dialect = negotiate(",".join(request.headers.getall("Accept", ())))
    response = web.StreamResponse(headers={"Content-Type": dialect.content_type, "Vary": "Accept"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    async with asyncio.timeout(SCRAPE_TIMEOUT):
        buffer = bytearray()
        for block in exporter.render(dialect):
            buffer += block
            if len(buffer) >= WRITE_SIZE:
                await response.write(bytes(buffer))
                buffer.clear()
            elif block:
                continue
            await asyncio.sleep(0)
        await response.write(bytes(buffer))
        await response.write_eof()
    return response
