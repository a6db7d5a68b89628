"""The `udp` kind: one datagram and its response. A response is required, because its absence is not evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.model import HostPortField, NetworkCheck, problem_at
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.send_expect import Exchange
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe


_MAX_DATAGRAM_BYTES = 65_507  # bytes of a datagram over IPv4 (RFC 768, 791)


class UdpCheck(NetworkCheck, Exchange):
    """Good if the response to the datagram is as expected."""

    kind: ClassVar[str] = "udp"

    udp: HostPortField
    """`host:port` to send to."""

    @model_validator(mode="after")
    def _has_datagram_and_expectation(self) -> Self:
        if not self.data_to_send:
            raise problem_at("udp", "requires a datagram to send; add send or send_hex")
        if len(self.data_to_send) > _MAX_DATAGRAM_BYTES:
            key = "send" if self.send is not None else "send_hex"
            raise problem_at(key, f"is longer than {_MAX_DATAGRAM_BYTES} bytes, the maximum of a datagram")
        if not self.expectation:
            raise problem_at("udp", "a datagram requires an expected response; add expect or expect_hex")
        return self


def prepare(check: UdpCheck) -> Probe:
    """Return the probe that sends one datagram and checks the first response."""
    host, port = check.udp.host, check.udp.port

    async def probe(attempt: Attempt) -> ProbeResult:
        async def exchange(connection: Connection) -> bytes:
            attempt.enter("first_byte")
            await connection.send(check.data_to_send)
            return await connection.receive()

        response = await Connection.exchange_datagrams(
            attempt, await attempt.addresses(host, port, check.family), exchange
        )
        attempt.close()
        if check.expected_end(response) is None:
            received = quoted(response.decode(errors="replace"))
            raise ProbeFailure("answer_mismatch", f"{received}, expected {check.expectation}")
        return ProbeResult(Outcome.GOOD, phases=attempt.phases)

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
    reasons={"answer_mismatch": "unexpected content of the first response"},
)
