"""Connect through an HTTP proxy: requests in absolute form for http, a tunnel (CONNECT) for https.

A failure of the proxy is not a failure of the target. The outbound policy is checked for literal addresses and names of
localhost. The proxy resolves other names, so it needs its own policy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.config.domain_names import host
from monitor.http.auxiliary import from_auxiliary
from monitor.http.response import HEADER_LIMIT, Response
from monitor.network.buffered_stream import try_send
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.outbound_policy import DENIED
from monitor.network.resolver import literal
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.addresses import HostPort
    from monitor.config.model import Family
    from monitor.network.attempt import Attempt

_FRAMING_HEADER = re.compile(rb"(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_TARGET_UNREACHABLE = {502, 503, 504}  # statuses for CONNECT if the proxy cannot reach the target


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. `credentials` are in base64, empty for none; `timeout` is the check's, in microseconds."""

    host: str
    port: int
    credentials: str
    family: Family
    timeout: int

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers for the proxy only."""
        return (("Proxy-Authorization", f"Basic {self.credentials}"),) if self.credentials else ()

    async def connect_to(self, attempt: Attempt, target: HostPort, *, tunnel: bool) -> Connection:
        """Return a connection to the proxy, or with `tunnel` through it to the target.

        Raises:
            ProbeFailure: `proxy_unreachable`, `proxy_refused`, `address_denied` (unknown), `proxy_no_connection`.
        """
        _check_policy(attempt, target)
        attempt.relayed = True
        connection = await self._connected(attempt)
        if not tunnel:
            return connection
        try:
            await self._tunnel(connection, str(target))
        except BaseException:
            connection.close()
            raise
        return connection

    async def _connected(self, attempt: Attempt) -> Connection:
        async def connect() -> Connection:
            with attempt.using_operator_policy():
                return await Connection.connect(attempt, self.host, self.port, family=self.family)

        return await from_auxiliary(connect(), "proxy_unreachable", self.timeout, keep=DENIED)

    async def _tunnel(self, connection: Connection, target: str) -> None:
        headers = (("Host", target), *self.headers)
        head = [f"CONNECT {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        send_failure = await try_send(connection, "\r\n".join(head).encode())
        response = Response(limit=0, head_only=True)
        try:
            await _read_head(connection, response, send_failure)
        except ProbeFailure as failure:
            raise _refusal(f"{failure.reason}: {failure.detail}") from None
        if response.status in _TARGET_UNREACHABLE:
            raise ProbeFailure("proxy_no_connection", f"the proxy responded {response.status} for {quoted(target)}")
        if not 200 <= response.status < 300:
            raise _refusal(f"the proxy responded {response.status} for {quoted(target)}")


async def _read_head(connection: Connection, response: Response, send_failure: ProbeFailure | None) -> None:
    """Read the header of the response to CONNECT, ignoring Content-Length and Transfer-Encoding (RFC 9110, 9.3.6).

    A proxy may send both, which would be malformed in any other response.
    """
    unparsed, has_line = b"", False
    while not response.complete:
        data = await connection.receive()
        if not data:
            if send_failure is not None:
                raise send_failure
            response.end()
        *lines, unparsed = (unparsed + data).split(b"\n")
        if lines:
            has_line = True
        if len(unparsed) > HEADER_LIMIT:
            raise ProbeFailure("headers_too_large", f"more than {HEADER_LIMIT} bytes in one header")
        for line in lines:
            if not _FRAMING_HEADER.match(line):
                response.feed(line + b"\n")
        if not has_line:  # parse an incomplete status line, which may be invalid and never end
            response.feed(unparsed)
            unparsed = b""


def check_response(response: Response) -> None:
    """Check that the response is not a 407 of the proxy itself.

    Any other response is attributed to the target, so that a proxy that forwards an outage does not hide it: `Via` and
    `Proxy-Status` do not show which server sent the response.

    Raises:
        ProbeFailure: `proxy_refused`, unknown.
    """
    if response.status == 407:
        raise _refusal("the proxy responded 407")


def _refusal(detail: str) -> ProbeFailure:
    return ProbeFailure("proxy_refused", detail, outcome=Outcome.UNKNOWN)


def _check_policy(attempt: Attempt, target: HostPort) -> None:
    """Check the outbound policy for a target: as an address in canonical form, or by name."""
    try:
        address = literal(host(target.host), target.port)
    except ValueError:
        raise ProbeFailure("redirect_refused", f"{quoted(target.host)} is neither a name nor an address") from None
    if address is not None:
        attempt.outbound.check(address)
    else:
        attempt.outbound.check_name(target.host)


REASONS = {
    "proxy_no_connection": "the proxy could not connect to the target: 502, 503 or 504 to CONNECT",
    "proxy_refused": "unknown: the proxy rejected the credentials or the connection",
    "proxy_unreachable": "unknown: no connection to the proxy",
}
