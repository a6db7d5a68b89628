"""The `icmp` kind: one echo request over an unprivileged datagram socket (Linux: net.ipv4.ping_group_range).

The kernel fills in id and checksum and hands over only replies to this socket; what is left is a header of eight bytes.
"""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.model import HostName, Reached, problem_at
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import failure_of
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.probes.resolver import Address

# family -> (protocol, type of the request, type of the reply): RFC 792 and RFC 4443
_ECHO = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}
_HEADER = 8


def allowed() -> bool:
    """Return whether this process may open an unprivileged echo socket."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return False
    except OSError:
        return True  # something else is wrong, and may pass
    return True


class IcmpCheck(Reached):
    """Good when the host echoes. A firewall that drops echoes looks like a host that is down."""

    kind: ClassVar[str] = "icmp"

    icmp: HostName
    """The host to ping: a name or an address."""

    @model_validator(mode="after")
    def _may_be_sent(self) -> Self:
        if not allowed():
            raise problem_at(
                "icmp",
                "this process may not ping; allow its group to with `sysctl net.ipv4.ping_group_range='0 2147483647'`, "
                "or probe a port with tcp",
            )
        return self


def prepare(check: IcmpCheck) -> Probe:
    """Return the probe that pings once."""

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("resolve")
        addresses = await frame.resolver.addresses(check.icmp, 0, check.family)
        frame.enter("first_byte")
        await _echo(frame, addresses[0])
        frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


async def _echo(frame: Frame, where: Address) -> None:
    frame.outbound.check(where)
    frame.peer = where
    family, address = where
    protocol, request, reply = _ECHO[family]
    proof = secrets.token_bytes(16)
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        raise failure_of(error) from None
    with Wire(frame, sock) as wire:
        try:
            sock.connect(address)
        except OSError as error:
            raise failure_of(error) from None
        await wire.send(bytes([request]) + bytes(_HEADER - 1) + proof)
        while True:  # a reply to an earlier socket of the same id, or a forged one, does not hold the proof
            heard = await wire.receive()
            if heard[:1] == bytes([reply]) and heard[_HEADER:] == proof:
                return


KIND = Kind(
    "icmp",
    IcmpCheck,
    prepare,
    example="""\
id: gateway
icmp: gateway.example.org
""",
    schemes={"icmp": {}, "ping": {}},
)
