"""Limit connections per client network, and answer malformed requests."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from monitor.web import server_timeouts
from monitor.web.context import HEADERS, address_of, client_network

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

CONNECTIONS = 512  # two per open page; keep file descriptors free for probes
RESERVED_FOR_LOOPBACK = 128  # of these, reserved for loopback (liveness probes)
PER_CLIENT = 64  # of these, for one remote client network
_MIN_CONNECTIONS = 8

log = structlog.get_logger(__name__)


def may_connect(connected: Sequence[IPv4Address | IPv6Address], peer: IPv4Address | IPv6Address) -> bool:
    """Return whether the peer may open another connection. `connected` are the peers of the open connections.

    The limits prevent one client from excluding other clients, and remote clients from excluding loopback.
    """
    limit = capacity()
    if peer.is_loopback:
        return len(connected) < limit
    if len(connected) >= limit - min(RESERVED_FOR_LOOPBACK, limit // 4):
        return False
    client = client_network(peer)
    return sum(client_network(other) == client for other in connected) < min(PER_CLIENT, limit // 4)


def capacity() -> int:
    """Return the maximum number of connections: at most a quarter of the process's file descriptors."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if files == resource.RLIM_INFINITY else min(CONNECTIONS, max(_MIN_CONNECTIONS, files // 4))


class ConnectionLimiter(asyncio.Protocol):
    """Accepts a new connection or closes it at once.

    A loopback connection is never refused: it replaces another loopback connection. Otherwise incomplete requests of
    one local process would make /livez fail, and a supervisor would restart a healthy daemon.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection if the limits allow it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP; for the type checker
        peer, connected = address_of(transport.get_extra_info("peername")[0]), self._open_connections()
        if not may_connect([address for _, address in connected], peer):
            local = [connection for connection, address in connected if address.is_loopback]
            if not (peer.is_loopback and local):
                transport.abort()
                return
            _abort(connection_to_close(local))
        connection = Connection(
            self._server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # no access log
            keepalive_timeout=server_timeouts.KEEP_ALIVE_TIMEOUT,
            lingering_time=server_timeouts.LINGER_TIMEOUT,
        )
        transport.set_protocol(connection)
        connection.connection_made(transport)

    def _open_connections(self) -> list[tuple[Connection, IPv4Address | IPv6Address]]:
        """Return the open connections and their peers, oldest first."""
        return [
            (connection, address_of(connection.peername[0]))
            for connection in self._server.connections
            if isinstance(connection, Connection)
            and connection.peername is not None
            and connection.transport is not None
            and not connection.transport.is_closing()
        ]


def connection_to_close(connections: Sequence[Connection]) -> Connection:
    """Return the oldest connection without a request in progress. If there is none, return the oldest connection."""
    waiting = (connection for connection in connections if not connection.answering)
    return next(waiting, connections[0])


def _abort(connection: Connection) -> None:
    if connection.transport is not None:
        connection.transport.abort()


class Connection(web.RequestHandler):
    """A connection. Malformed requests get a one-line response and are logged at DEBUG, so they cannot fill the log."""

    __slots__ = ()

    @property
    def answering(self) -> bool:
        """Whether a request has arrived whose response is not complete."""
        return self._request_in_progress

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to a request that could not be parsed or whose handler failed."""
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            log.debug("not_http", peer=request.remote, error=str(exc))
            text = "invalid HTTP/1.1 request; lines and headers are limited to 8,190 bytes\n"
        else:
            log.error("request_failed", error=repr(exc), exc_info=exc)
            text = "internal error; see the daemon's log\n"
        if request.writer.output_size:
            raise ConnectionError("the response has already started")
        response = web.Response(status=status, text=text, headers={**HEADERS, "Cache-Control": "no-store"})
        response.force_close()
        return response
