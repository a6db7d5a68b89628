"""Send a request and read its response, over HTTP/1.1, HTTP/2 or a proxy, and follow redirects."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from monitor.config.addresses import HostPort
from monitor.http import http2, proxy
from monitor.http.cookies import CookieJar
from monitor.http.response import Response
from monitor.network.buffered_stream import try_send
from monitor.network.certificate_expiry import certificate_expiry
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure

if TYPE_CHECKING:
    from monitor.http.request import Request
    from monitor.network.attempt import Attempt

REDIRECTS = {301, 302, 303, 307, 308}

Exchange = Callable[["Attempt", "Request"], Awaitable[Response]]


async def exchange(attempt: Attempt, request: Request) -> Response:
    """Return the response to one request."""
    transport = request.transport
    if transport.proxy is None:
        attempt.enter("resolve")
        addresses = request.addresses
        if addresses is None:
            host = request.connect_to or request.host
            addresses = await attempt.addresses(host, request.port, transport.family)
        connection = await Connection.connect_to_addresses(attempt, addresses)
    else:
        connection = await transport.proxy.connect_to(
            attempt, HostPort(request.host, request.port), tunnel=request.encrypted
        )
    with connection:
        alpn = None
        if encrypted := request.encrypted:
            ssl_socket = await connection.start_tls(transport.context, request.server_name)
            attempt.certificate_expiry = certificate_expiry(ssl_socket)
            alpn = ssl_socket.selected_alpn_protocol()
        attempt.enter("first_byte")
        response = (attempt.make_response or Response)(limit=transport.limit, head_only=request.method == "HEAD")
        if transport.protocol != "1.1" and _uses_http_2(request, alpn):
            on_headers = partial(attempt.enter, "transfer")
            await http2.exchange(connection, request.fields, request.body, response, on_headers=on_headers)
        else:
            await _over_http_1(attempt, connection, request, response)
    attempt.close()
    response.url, response.encrypted = request.url, encrypted
    if transport.proxy is not None and not encrypted:
        proxy.check_response(response)
    return response


async def _over_http_1(attempt: Attempt, connection: Connection, request: Request, response: Response) -> None:
    """Send the request and read the response, which may arrive before the request is completely sent."""
    send_failure = await try_send(connection, request.data)
    while not response.complete:
        data = await connection.receive()
        if attempt.phase != "transfer":
            attempt.enter("transfer")
        if data:
            response.feed(data)
        elif send_failure is not None and not response.started:
            raise send_failure
        else:
            response.end()


def _uses_http_2(request: Request, alpn: str | None) -> bool:
    """Return whether to use HTTP/2: negotiated in TLS, or required in the clear (RFC 9113, 3.3).

    Raises:
        ProbeFailure: `http_version`: required, but not negotiated.
    """
    required = request.transport.protocol == "2"
    if required and request.encrypted and alpn != "h2":
        raise ProbeFailure("http_version", "the server did not select HTTP/2 in the TLS handshake (ALPN)")
    return required or alpn == "h2"


def redirect_follower(limit: int) -> Exchange:
    """Return a function that sends a request and follows up to `limit` redirects, with cookies.

    Raises the errors of `exchange`, and `redirect_limit` and `redirect_refused`.
    """

    async def follow(attempt: Attempt, request: Request) -> Response:
        jar = CookieJar()
        for count in itertools.count():
            response = await exchange(attempt, jar.sent_with(request))
            jar.store(request, response, attempt.now())
            response.redirects, response.cookies = count, jar.of(request)
            location = response.headers.get("location")
            if response.status not in REDIRECTS or location is None or not limit:
                return response
            if count == limit:
                break
            request = request.redirected(response.status, location)
        raise ProbeFailure("redirect_limit", f"more than {limit} redirects", status=response.status)

    return follow
