"""The `udp` kind: one datagram there, one back. Without an answer nothing would be known, so one is always expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.model import HostPortField, Reached, problem_at
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.base import Kind
from monitor.protocols.send_expect import Exchange
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe


_LARGEST = 65_507  # bytes of a datagram over IPv4 (RFC 768, 791)


class UdpCheck(Reached, Exchange):
    """Good when the datagram is answered as expected."""

    kind: ClassVar[str] = "udp"

    udp: HostPortField
    """`host:port` to send to."""

    @model_validator(mode="after")
    def _asks_and_listens(self) -> Self:
        if not self.sent:
            raise problem_at("udp", "needs a datagram to send; add send or send_hex")
        if len(self.sent) > _LARGEST:
            key = "send" if self.send is not None else "send_hex"
            raise problem_at(key, f"is longer than {_LARGEST} bytes, which is all that a datagram takes")
        if not self.wanted:
            raise problem_at("udp", "a datagram without an answer proves nothing; add expect or expect_hex")
        return self


def prepare(check: UdpCheck) -> Probe:
    """Return the probe that sends one datagram and judges the first that comes back from there."""
    host, port = check.udp.host, check.udp.port

    async def probe(frame: Frame) -> ProbeResult:
        async def talk(wire: Wire) -> bytes:
            frame.enter("first_byte")
            await wire.send(check.sent)
            return await wire.receive()

        heard = await Wire.in_datagrams(frame, await frame.addresses(host, port, check.family), talk)
        frame.close()
        if check.end(heard) is None:
            said = quoted(heard.decode(errors="replace"))
            raise ProbeFailure("answer_mismatch", f"{said}, expected {check.wanted}")
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


KIND = Kind(
    "udp",
    UdpCheck,
    prepare,
    example="""\
id: syslog-relay
udp: relay.example.org:5140
send: "ping\\n"
expect: "^pong"
""",
    reasons={"answer_mismatch": "the first datagram that came back is not what is expected"},
)
