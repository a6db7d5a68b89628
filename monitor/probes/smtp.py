"""The `smtp` kind: greeting, EHLO and, if wanted, STARTTLS (RFC 5321, RFC 3207); no mail is sent.

No SMTP library: those that are kept bring their own connection, out of reach of the one deadline and the one place
where addresses are looked up, for a conversation of three commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostName, HostPort
from monitor.network.buffered_stream import Dialogue
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import Securable, reaching, securing
from monitor.probes.base import Kind
from monitor.protocols.starttls import HELO, refuse_injected
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe

_MOST_LINES = 100


class SmtpCheck(Securable):
    """Good when the server greets, takes our EHLO and encrypts as asked."""

    kind: ClassVar[str] = "smtp"

    smtp: Annotated[HostPort, DefaultPort(25)]
    """`host` or `host:port`; port 25 unless written."""

    encryption: Literal["none", "starttls", "tls"] = "none"
    """`starttls` asks for it after the greeting, `tls` encrypts from the first byte on (port 465)."""

    helo: HostName = HELO
    """The name that we give for ourselves; a strict server wants one that it can look up."""

    @property
    def unsecured(self) -> str:
        """What to write so that TLS is spoken, nothing when it is."""
        return "add encryption: starttls or encryption: tls" if self.encryption == "none" else ""


class _Reply(NamedTuple):
    code: int
    lines: list[str]


def prepare(check: SmtpCheck) -> Probe:
    """Return the probe that greets, encrypts and takes its leave."""
    reach = reaching(check, check.smtp, encrypted=check.encryption == "tls")
    secure = securing(check.tls, check.smtp.host)

    async def probe(frame: Frame) -> ProbeResult:
        with await reach(frame) as wire:
            dialogue = Dialogue(wire)
            frame.enter("first_byte")
            await _reply(dialogue, "the greeting", 220)
            frame.enter("transfer")
            offered = await _ask(dialogue, f"EHLO {check.helo}", 250)
            if check.encryption == "starttls":
                await _begin_tls(dialogue, offered)
                await secure(frame, wire)
                frame.enter("transfer")
                await _ask(dialogue, f"EHLO {check.helo}", 250)
            code = (await _ask(dialogue, "QUIT", 221)).code
            frame.close()
        return ProbeResult(Outcome.GOOD, "", code, frame.phases, "", frame.certificate_expiry)

    return probe


async def _begin_tls(dialogue: Dialogue, offered: _Reply) -> None:
    if not any(line.strip().upper() == "STARTTLS" for line in offered.lines):
        raise ProbeFailure("starttls_missing", "the server does not offer STARTTLS")
    await _ask(dialogue, "STARTTLS", 220)
    refuse_injected(dialogue)


async def _ask(dialogue: Dialogue, command: str, wanted: int) -> _Reply:
    await dialogue.ask(f"{command}\r\n".encode())
    return await _reply(dialogue, command.partition(" ")[0], wanted)


async def _reply(dialogue: Dialogue, to: str, wanted: int) -> _Reply:
    lines: list[str] = []
    while len(lines) < _MOST_LINES:
        line = (await dialogue.line()).decode(errors="replace")
        if not (line[:3].isdecimal() and line[3:4] in ("", " ", "-")):
            raise ProbeFailure("smtp_malformed", f"{quoted(line)} is no reply to {to}")
        lines.append(line[4:])
        if line[3:4] != "-":
            if int(line[:3]) != wanted:
                raise ProbeFailure("smtp_status", f"{to}: {quoted(line)}, expected {wanted}", status=int(line[:3]))
            return _Reply(wanted, lines)
    raise ProbeFailure("smtp_malformed", f"more than {_MOST_LINES} lines in reply to {to}")


KIND = Kind(
    "smtp",
    SmtpCheck,
    prepare,
    example="""\
id: relay
smtp: mail.example.org
encryption: starttls
""",
    reasons={
        "answer_too_long": "64 KiB came without a line's end",
        "hung_up": "the connection was closed in the middle",
        "smtp_malformed": "what was said is no SMTP reply",
        "smtp_status": "the reply's code is not the one expected; the code is the status",
        "starttls_injected": "bytes came in the clear that would have been taken for encrypted ones",
        "starttls_missing": "the server does not offer STARTTLS",
    },
    schemes={"smtp": {}, "smtps": {"encryption": "tls"}},
)
