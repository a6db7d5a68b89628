"""The `tcp` kind: a connection and an optional script of send/expect steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from monitor.config.model import HostPortField
from monitor.network.buffered_stream import BufferedStream
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import ImplicitTlsCheck, StartTls, connector, tls_upgrader
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.send_expect import Step
from monitor.protocols.starttls import refuse_injected
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe
    from monitor.network.connection import Connection


class TcpCheck(ImplicitTlsCheck):
    """Good if the connection is accepted and the script, if any, completes."""

    kind: ClassVar[str] = "tcp"

    tcp: HostPortField
    """`host:port` to connect to."""

    script: tuple[Step, ...] = ()
    """Steps of data to send and to expect: `[{expect: "^220"}, {send: "QUIT\\r\\n", expect: "^221"}]`."""

    @property
    def tls_hint(self) -> str:
        """The configuration change that enables TLS. Empty if TLS is enabled."""
        if any(step.starttls for step in self.script):
            return ""
        return super().tls_hint and "add encrypted: true, or a step with starttls: true"


def prepare(check: TcpCheck) -> Probe:
    """Return the probe that connects, runs the script, and disconnects."""
    connect = connector(check, check.tcp, encrypted=check.encrypted)
    start_tls = tls_upgrader(check.tls, check.tcp.host) if any(step.starttls for step in check.script) else None

    async def probe(attempt: Attempt) -> ProbeResult:
        with await connect(attempt) as connection:
            await _run_script(attempt, connection, check.script, start_tls)
            attempt.close()
        return ProbeResult(Outcome.GOOD, phases=attempt.phases, certificate_expiry=attempt.certificate_expiry)

    return probe


async def _run_script(
    attempt: Attempt, connection: Connection, script: tuple[Step, ...], start_tls: StartTls | None
) -> None:
    stream = BufferedStream(connection)
    for number, step in enumerate(script, 1):
        attempt.enter("first_byte")
        if step.data_to_send:
            await (stream.send_request if step.expectation else stream.send)(step.data_to_send)
        if step.expectation:
            await _expect(stream, step, number)
        if step.starttls and start_tls is not None:
            _end_of_line(stream)
            refuse_injected(stream)
            await start_tls(attempt, connection)


async def _expect(stream: BufferedStream, step: Step, number: int) -> None:
    """Consume the received bytes up to the end of the expected text; the rest is for the next step."""
    try:
        await stream.fill_until(lambda received: step.expected_end(received) is not None, step.expectation)
    except ProbeFailure as failure:
        if failure.reason != "hung_up" or not stream.buffer.strip():
            raise
        received = quoted(stream.buffer.decode(errors="replace"))
        raise ProbeFailure("answer_mismatch", f"step {number}: {received}, expected {step.expectation}") from None
    await stream.read_exactly(step.expected_end(stream.buffer) or 0)


def _end_of_line(stream: BufferedStream) -> None:
    """Drop the rest of the matched line before TLS starts, because the expression may match only a part of it."""
    del stream.buffer[: stream.buffer.find(b"\n") + 1 or len(stream.buffer)]


KIND = Kind(
    "tcp",
    TcpCheck,
    prepare,
    example="""\
id: mail-queue
tcp: mail.example.org:25
script:
  - expect: "^220 "
  - send: "QUIT\\r\\n"
    expect: "221"
""",
    reasons={
        "answer_mismatch": "the connection was closed without the response that the step expects",
        "answer_too_long": "no expected response within 64 KiB",
        "hung_up": "the connection was closed within the script",
        "starttls_injected": "unencrypted bytes after the agreement to TLS",
    },
    schemes={"tcp": {}, "tcps": {"encrypted": True}},
)
