"""The `tcp` kind: does anybody take a connection there, and does he say what he should?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from monitor.config.model import HostPortField
from monitor.network.buffered_stream import Dialogue
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import Encryptable, Secure, reaching, securing
from monitor.probes.base import Kind
from monitor.protocols.send_expect import Step
from monitor.protocols.starttls import refuse_injected
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe
    from monitor.network.connection import Wire


class TcpCheck(Encryptable):
    """Good when a connection is taken and the script, if there is one, runs to its end."""

    kind: ClassVar[str] = "tcp"

    tcp: HostPortField
    """`host:port` to connect to."""

    script: tuple[Step, ...] = ()
    """What to send and expect, step by step: `[{expect: "^220"}, {send: "QUIT\\r\\n", expect: "^221"}]`."""

    @property
    def unsecured(self) -> str:
        """What to write so that TLS is spoken, nothing when it is."""
        if any(step.starttls for step in self.script):
            return ""
        return super().unsecured and "add encrypted: true, or a step with starttls: true"


def prepare(check: TcpCheck) -> Probe:
    """Return the probe that connects, talks as the script says, and hangs up."""
    reach = reaching(check, check.tcp, encrypted=check.encrypted)
    secure = securing(check.tls, check.tcp.host) if any(step.starttls for step in check.script) else None

    async def probe(frame: Frame) -> ProbeResult:
        with await reach(frame) as wire:
            await _talk(frame, wire, check.script, secure)
            frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


async def _talk(frame: Frame, wire: Wire, script: tuple[Step, ...], secure: Secure | None) -> None:
    dialogue = Dialogue(wire)
    for number, step in enumerate(script, 1):
        frame.enter("first_byte")
        if step.sent:
            await (dialogue.ask if step.wanted else dialogue.send)(step.sent)
        if step.wanted:
            await _expect(dialogue, step, number)
        if step.starttls and secure is not None:
            _end_of_line(dialogue)
            refuse_injected(dialogue)
            await secure(frame, wire)


async def _expect(dialogue: Dialogue, step: Step, number: int) -> None:
    """Take what was said up to the end of what is expected; the next step judges what comes after it."""
    try:
        await dialogue.until(lambda heard: step.end(heard) is not None, step.wanted)
    except ProbeFailure as failure:
        if failure.reason != "hung_up" or not dialogue.heard.strip():
            raise
        said = quoted(dialogue.heard.decode(errors="replace"))
        raise ProbeFailure("answer_mismatch", f"step {number}: {said}, expected {step.wanted}") from None
    await dialogue.exactly(step.end(dialogue.heard) or 0)


def _end_of_line(dialogue: Dialogue) -> None:
    """Drop the rest of the line that consents, which the expression need not have matched to its end."""
    del dialogue.heard[: dialogue.heard.find(b"\n") + 1 or len(dialogue.heard)]


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
        "answer_mismatch": "the connection ended, and what was said is not what the step expects",
        "answer_too_long": "64 KiB came without what the step expects",
        "hung_up": "the connection was closed in the middle of the script",
        "starttls_injected": "bytes came in the clear that would have been taken for encrypted ones",
    },
    schemes={"tcp": {}, "tcps": {"encrypted": True}},
)
