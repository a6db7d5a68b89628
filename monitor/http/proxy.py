"""A proxy on the way: the request itself for http, a tunnel (CONNECT) for https.

What it cannot do for us is no failure of the target. Where the target spells out an address or this machine's name, the
policy is asked for that; names are looked up by the proxy, which has to keep to a policy of its own.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.config.domain_names import host
from monitor.http.auxiliary import SHARE
from monitor.http.response import HEADER_LIMIT, Response
from monitor.network.buffered_stream import offer
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.outbound_policy import DENIED
from monitor.network.resolver import literal
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.addresses import HostPort
    from monitor.config.model import Family
    from monitor.network.attempt import Frame

_LENGTH = re.compile(rb"(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_NO_WAY_ON = {502, 503, 504}  # what proxies answer to CONNECT when they cannot reach the target


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
        """What only the proxy is to hear."""
        return (("Proxy-Authorization", f"Basic {self.credentials}"),) if self.credentials else ()

    async def reach(self, frame: Frame, target: HostPort, *, tunnel: bool) -> Wire:
        """Return a connection on which a request can be sent: to the proxy, or with `tunnel` through it to the target.

        Raises:
            ProbeFailure: `proxy_unreachable`, `proxy_refused`, `address_denied` (unknown), `proxy_no_connection`.
        """
        _allow(frame, target)
        wire = await self._connected(frame)
        if not tunnel:
            return wire
        try:
            await self._tunnel(wire, str(target))
        except BaseException:
            wire.close()
            raise
        return wire

    async def _connected(self, frame: Frame) -> Wire:
        seconds = SHARE * self.timeout / SECOND
        try:
            async with asyncio.timeout(seconds):
                with frame.among_insiders():
                    return await Wire.reach(frame, self.host, self.port, family=self.family)
        except TimeoutError:
            detail = f"no connection within {seconds:g} s"
        except ProbeFailure as failure:
            if failure.reason == DENIED:
                raise
            detail = f"{failure.reason}: {failure.detail}"
        raise ProbeFailure("proxy_unreachable", detail, outcome=Outcome.UNKNOWN)

    async def _tunnel(self, wire: Wire, target: str) -> None:
        headers = (("Host", target), *self.headers)
        head = [f"CONNECT {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        broken = await offer(wire, "\r\n".join(head).encode())
        response = Response(limit=0, head_only=True)
        try:
            await _answered(wire, response, broken)
        except ProbeFailure as failure:
            raise _refused(f"{failure.reason}: {failure.detail}") from None
        if response.status in _NO_WAY_ON:
            raise ProbeFailure("proxy_no_connection", f"the proxy answers {response.status} for {quoted(target)}")
        if not 200 <= response.status < 300:
            raise _refused(f"the proxy answers {response.status} for {quoted(target)}")


async def _answered(wire: Wire, response: Response, broken: ProbeFailure | None) -> None:
    """Read the head of the answer to CONNECT, without the lengths of a body, which it has not (RFC 9110, 9.3.6).

    A proxy may send both; they are ignored, and would be malformed in any other answer.
    """
    heard, begun = b"", False
    while not response.complete:
        data = await wire.receive()
        if not data:
            if broken is not None:
                raise broken
            response.end()
        *lines, heard = (heard + data).split(b"\n")
        if lines:
            begun = True
        if len(heard) > HEADER_LIMIT:
            raise ProbeFailure("headers_too_large", f"more than {HEADER_LIMIT} bytes in one header")
        for line in lines:
            if not _LENGTH.match(line):
                response.feed(line + b"\n")
        if not begun:  # a status line is judged as it comes: it may be none, and never end
            response.feed(heard)
            heard = b""


def judge(response: Response) -> None:
    """Return unless the answer is the proxy's own, who asks for credentials.

    Whose any other is, nobody can tell: a proxy writes `Via` on its own too, and a target's gateway may write
    `Proxy-Status`. It counts as the target's, so that no proxy that hands on an outage hides it.

    Raises:
        ProbeFailure: `proxy_refused`, unknown.
    """
    if response.status == 407:
        raise _refused("the proxy answers 407")


def _refused(detail: str) -> ProbeFailure:
    return ProbeFailure("proxy_refused", detail, outcome=Outcome.UNKNOWN)


def _allow(frame: Frame, target: HostPort) -> None:
    """Ask the policy for a target: as an address, in a form that no proxy reads as another, or by its name."""
    try:
        spelled = literal(host(target.host), target.port)
    except ValueError:
        raise ProbeFailure("redirect_refused", f"{quoted(target.host)} is neither a name nor an address") from None
    if spelled is not None:
        frame.outbound.check(spelled)
    else:
        frame.outbound.check_name(target.host)


REASONS = {
    "proxy_no_connection": "the proxy found no way to the target: it answered CONNECT with 502, 503 or 504",
    "proxy_refused": "unknown: the proxy asks for other credentials, or refuses to connect",
    "proxy_unreachable": "unknown: the proxy, which is not what is watched, takes no connection",
}
