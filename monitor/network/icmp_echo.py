"""Send one ICMP echo request over an unprivileged datagram socket (Linux: net.ipv4.ping_group_range).

The kernel sets id and checksum and delivers only replies to this socket; the rest is a header of 8 bytes.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.network.connection import READ, Connection
from monitor.network.failure import failure_of

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address

# family -> (protocol, type of the request, type of the reply): RFC 792 and RFC 4443
_ECHO = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}
_HEADER_BYTES = 8
_NONCE_BYTES = 16  # random bytes that identify our reply
_MAX_REPLY_BYTES = 65_536
_ANCILLARY_BYTES = 64  # bytes of ancillary data of a datagram

_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _ALWAYS_SET_DF = 10, 23, 2  # linux/in.h, in6.h: never fragment
_IP_RECVTTL = 12
# family -> (level, options that set the hop limit, request the reply's, forbid fragments; type of the reply's message)
_OPTIONS = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL, _IP_RECVTTL, _IP_MTU_DISCOVER, socket.IP_TTL),
    socket.AF_INET6: (
        socket.IPPROTO_IPV6,
        socket.IPV6_UNICAST_HOPS,
        socket.IPV6_RECVHOPLIMIT,
        _IPV6_MTU_DISCOVER,
        socket.IPV6_HOPLIMIT,
    ),
}


@dataclass(frozen=True, slots=True)
class Request:
    """An echo request: `size` bytes of payload, hop limit `hops`, and `unfragmented` to forbid fragments."""

    size: int = _NONCE_BYTES
    hops: int | None = None
    unfragmented: bool = False


PLAIN_REQUEST = Request()


def may_open_socket() -> bool:
    """Return whether this process may open an unprivileged echo socket."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return False
    except OSError:
        return True  # another error, possibly temporary
    return True


async def echo(
    attempt: Attempt, address: Address, request: Request = PLAIN_REQUEST, *, check_policy: bool = True
) -> int | None:
    """Return the hop limit of the reply, None if the kernel does not report it.

    `check_policy` is as in `Connection.connect_to_addresses`.

    Raises:
        ProbeFailure: the request cannot be sent, or the network reports that it cannot be delivered.
    """
    if check_policy:
        attempt.outbound.check(address)
    attempt.peer = address
    family, sockaddr = address
    protocol, request_type, reply_type = _ECHO[family]
    nonce = secrets.token_bytes(min(_NONCE_BYTES, request.size)) + bytes(max(0, request.size - _NONCE_BYTES))
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        raise failure_of(error) from None
    with _EchoConnection(attempt, sock) as connection:
        connection.prepare(family, request, attempt.source)
        try:
            sock.connect(sockaddr)
        except OSError as error:
            raise failure_of(error) from None
        attempt.enter("first_byte")
        await connection.send(bytes([request_type]) + bytes(_HEADER_BYTES - 1) + nonce)
        while True:  # a reply to an earlier socket with the same id, or a forged one, lacks the nonce
            reply = await connection.receive()
            if reply[:1] == bytes([reply_type]) and reply[_HEADER_BYTES:] == nonce:
                return connection.hops


class _EchoConnection(Connection):
    """A datagram connection that reads the hop limit of replies too."""

    hops: int | None = None

    def prepare(self, family: socket.AddressFamily, request: Request, source: str) -> None:
        level, hops, receive_hops, discover, self._hops_message = _OPTIONS[family]
        self._level = level
        try:
            self._socket.setsockopt(level, receive_hops, 1)
            if request.hops is not None:
                self._socket.setsockopt(level, hops, request.hops)
            if request.unfragmented:
                self._socket.setsockopt(level, discover, _ALWAYS_SET_DF)
            if source:
                self._socket.bind((source, 0))
        except OSError as error:
            raise failure_of(error) from None

    async def receive(self) -> bytes:
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_MAX_REPLY_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                await self._wait_ready(READ)
            except OSError as error:
                raise failure_of(error) from None
            else:
                values = (
                    value for level, kind, value in ancillary if (level, kind) == (self._level, self._hops_message)
                )
                self.hops = next((int.from_bytes(value[:4], "little") for value in values), None)
                return data
