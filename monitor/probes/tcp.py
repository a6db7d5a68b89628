"""The `tcp` kind: does anybody take a connection there, and does he say what he should?"""

from __future__ import annotations

import ssl
from typing import Annotated, ClassVar

from pydantic import Field

from monitor.config.model import Flag, HostPortField, Reached, TlsOptions
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.dialogue import Dialogue
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.script import Step
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome


class TcpCheck(Reached):
    """Good when a connection is taken and the script, if there is one, runs to its end."""

    kind: ClassVar[str] = "tcp"

    tcp: HostPortField
    """`host:port` to connect to."""

    encrypted: Flag = False
    """`true`: TLS from the first byte on."""

    script: Annotated[tuple[Step, ...], Field(max_length=50)] = ()
    """What to send and expect, step by step: `[{expect: "^220"}, {send: "QUIT\\r\\n", expect: "^221"}]`."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged, where TLS is spoken."""


def prepare(check: TcpCheck) -> Probe:
    """Return the probe that connects, talks as the script says, and hangs up."""
    host, port = check.tcp.host, check.tcp.port
    secure = check.encrypted or any(step.starttls for step in check.script)
    context = context_for(check.tls) if secure else None
    name = check.tls.server_name or host

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, host, port, family=check.family) as wire:
            if check.encrypted and context is not None:
                frame.certificate_expiry = certificate_expiry(await wire.encrypt(context, name))
            if check.script:
                await _talk(frame, wire, check.script, context, name)
            frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


async def _talk(frame: Frame, wire: Wire, script: tuple[Step, ...], context: ssl.SSLContext | None, name: str) -> None:
    dialogue = Dialogue(wire)
    for number, step in enumerate(script, 1):
        frame.enter("first_byte")
        if step.sent:
            await dialogue.send(step.sent)
        if step.wanted:
            await _expect(dialogue, step, number)
        if step.starttls and context is not None:
            _refuse_injected(dialogue, number)
            frame.certificate_expiry = certificate_expiry(await wire.encrypt(context, name))


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


def _refuse_injected(dialogue: Dialogue, number: int) -> None:
    """Refuse what came behind the line that consents to TLS: in the clear, it could be anybody's (CVE-2011-0411)."""
    _, _, behind = dialogue.heard.partition(b"\n")
    if behind:
        raise ProbeFailure("starttls_injected", f"step {number}: {len(behind)} bytes before the handshake")
    dialogue.heard.clear()


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
