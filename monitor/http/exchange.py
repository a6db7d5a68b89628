"""One request there, one answer back: over HTTP/1.1, HTTP/2 or through a proxy; and the journey that redirects make."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from monitor.config.addresses import HostPort
from monitor.http import http2, proxy
from monitor.http.cookies import Jar
from monitor.http.response import Response
from monitor.network.buffered_stream import offer
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure
from monitor.network.tls_context import certificate_expiry

if TYPE_CHECKING:
    from monitor.http.request import Request
    from monitor.network.attempt import Frame

REDIRECTS = {301, 302, 303, 307, 308}

Exchange = Callable[["Frame", "Request"], Awaitable[Response]]


async def exchange(frame: Frame, request: Request) -> Response:
    """Return the answer to one request, unjudged."""
    way = request.way
    if way.proxy is None:
        frame.enter("resolve")
        addresses = request.addresses
        if addresses is None:
            host = request.connect_to or request.host
            addresses = await frame.addresses(host, request.port, way.family)
        wire = await Wire.open(frame, addresses)
    else:
        wire = await way.proxy.reach(frame, HostPort(request.host, request.port), tunnel=request.encrypted)
    with wire:
        agreed = None
        if encrypted := request.encrypted:
            connection = await wire.encrypt(way.context, request.server_name)
            frame.certificate_expiry = certificate_expiry(connection)
            agreed = connection.selected_alpn_protocol()
        frame.enter("first_byte")
        response = (frame.on_answer or Response)(limit=way.limit, head_only=request.method == "HEAD")
        if way.protocol != "1.1" and _speaks_2(request, agreed):
            begun = partial(frame.enter, "transfer")
            await http2.exchange(wire, request.fields, request.body, response, begun=begun)
        else:
            await _over_http_1(frame, wire, request, response)
    frame.close()
    response.url, response.encrypted = request.url, encrypted
    if way.proxy is not None and not encrypted:
        proxy.judge(response)
    return response


async def _over_http_1(frame: Frame, wire: Wire, request: Request, response: Response) -> None:
    """Send the request and read the answer, which may come before all of the request is sent."""
    broken = await offer(wire, request.data)
    while not response.complete:
        data = await wire.receive()
        if frame.phase != "transfer":
            frame.enter("transfer")
        if data:
            response.feed(data)
        elif broken is not None and not response.started:
            raise broken
        else:
            response.end()


def _speaks_2(request: Request, agreed: str | None) -> bool:
    """Return whether HTTP/2 is spoken: when TLS agreed to it, or in the clear when we insist (RFC 9113, 3.3).

    Raises:
        ProbeFailure: `http_version`: we insist, and it is not.
    """
    insisting = request.way.protocol == "2"
    if insisting and request.encrypted and agreed != "h2":
        raise ProbeFailure("http_version", "the server did not agree to HTTP/2 in the TLS handshake (ALPN)")
    return insisting or agreed == "h2"


def following(most: int) -> Exchange:
    """Return what makes a request and follows up to so many redirects, with the cookies that are set on the way.

    It fails like `exchange`, and with `redirect_limit` and `redirect_refused`.
    """

    async def journey(frame: Frame, request: Request) -> Response:
        jar = Jar()
        for count in itertools.count():
            response = await exchange(frame, jar.sent_with(request))
            jar.take(request, response, frame.now())
            response.redirects, response.cookies = count, jar.of(request)
            location = response.headers.get("location")
            if response.status not in REDIRECTS or location is None or not most:
                return response
            if count == most:
                break
            request = request.redirected(response.status, location)
        raise ProbeFailure("redirect_limit", f"more than {most} redirects", status=response.status)

    return journey
