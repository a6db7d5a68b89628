"""/events: server-sent events for open pages, with the products whose shown state changed."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.web.access import Role, is_still_admitted, role
from monitor.web.context import address_of, client_network
from monitor.web.errors import Refusal, check_query
from monitor.web.live_updates import LIVE, MAX_UNSENT

if TYPE_CHECKING:
    from monitor.web.live_updates import Client, Stream

routes = web.RouteTableDef()

_HEADERS: Final = {"X-Accel-Buffering": "no"}  # nginx would collect the events
_SEND_BUFFER: Final = 16_384  # bytes in the kernel, so that a reader that does not read is noticed
_TOO_MANY = Refusal(503, "too many open event streams", "reload the page instead", (("Retry-After", "60"),))


@routes.get("/events", allow_head=False)
@role(Role.READ)
async def events(request: web.Request) -> web.StreamResponse:
    """Send the version of the state, then an event per change. The stream ends when its session does."""
    check_query(request)
    live, client = request.app[LIVE], _client(request)
    if not live.may_open(client):
        raise _TOO_MANY
    stream = await live.open(client, partial(is_still_admitted, request))
    try:
        response = web.StreamResponse(headers=_HEADERS)
        response.content_type, response.charset = "text/event-stream", "utf-8"
        await response.prepare(request)
        await _send_all(request, response, stream)
    finally:
        live.close(stream)
    return response


async def _send_all(request: web.Request, response: web.StreamResponse, stream: Stream) -> None:
    """Send the messages until the stream ends. The connection of a reader that does not read is aborted."""
    transport = request.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    if transport is None or connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    while message := await stream.next():
        if transport.get_write_buffer_size() > MAX_UNSENT:
            transport.abort()
            return
        await response.write(message)


def _client(request: web.Request) -> Client:
    """Return the network of the client, None for loopback."""
    address = None if request.remote is None else address_of(request.remote)
    return None if address is None or address.is_loopback else client_network(address)
