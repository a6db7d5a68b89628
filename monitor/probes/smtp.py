"""The `smtp` kind: greeting, EHLO and optional STARTTLS (RFC 5321, RFC 3207). No mail is sent.

No SMTP library is used, because they open connections themselves, without our deadline, resolver and address policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostName, HostPort
from monitor.network.buffered_stream import BufferedStream
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import TlsCapableCheck, connector, tls_upgrader
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.starttls import HELO, refuse_injected
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe

_MAX_LINES = 100


class SmtpCheck(TlsCapableCheck):
    """Good if the server greets, accepts EHLO and encrypts as configured."""

    kind: ClassVar[str] = "smtp"

    smtp: Annotated[HostPort, DefaultPort(25)]
    """`host` or `host:port`; default port 25."""

    encryption: Literal["none", "starttls", "tls"] = "none"
    """`starttls` upgrades after the greeting; `tls` encrypts from the first byte (port 465)."""

    helo: HostName = HELO
    """The host name in EHLO; strict servers require one that resolves."""

    @property
    def tls_hint(self) -> str:
        """The configuration change that enables TLS. Empty if TLS is enabled."""
        return "add encryption: starttls or encryption: tls" if self.encryption == "none" else ""


class _Reply(NamedTuple):
    code: int
    lines: list[str]


def prepare(check: SmtpCheck) -> Probe:
    """Return the probe that sends EHLO, upgrades to TLS if configured, and sends QUIT."""
    connect = connector(check, check.smtp, encrypted=check.encryption == "tls")
    start_tls = tls_upgrader(check.tls, check.smtp.host)

    async def probe(attempt: Attempt) -> ProbeResult:
        with await connect(attempt) as connection:
            stream = BufferedStream(connection)
            attempt.enter("first_byte")
            await _reply(stream, "the greeting", 220)
            attempt.enter("transfer")
            offered = await _ask(stream, f"EHLO {check.helo}", 250)
            if check.encryption == "starttls":
                await _begin_tls(stream, offered)
                await start_tls(attempt, connection)
                attempt.enter("transfer")
                await _ask(stream, f"EHLO {check.helo}", 250)
            code = (await _ask(stream, "QUIT", 221)).code
            attempt.close()
        return ProbeResult(Outcome.GOOD, "", code, attempt.phases, "", attempt.certificate_expiry)

    return probe


async def _begin_tls(stream: BufferedStream, offered: _Reply) -> None:
    if not any(line.strip().upper() == "STARTTLS" for line in offered.lines):
        raise ProbeFailure("starttls_missing", "the server does not offer STARTTLS")
    await _ask(stream, "STARTTLS", 220)
    refuse_injected(stream)


async def _ask(stream: BufferedStream, command: str, expected: int) -> _Reply:
    await stream.send_request(f"{command}\r\n".encode())
    return await _reply(stream, command.partition(" ")[0], expected)


async def _reply(stream: BufferedStream, request_name: str, expected: int) -> _Reply:
    lines: list[str] = []
    while len(lines) < _MAX_LINES:
        line = (await stream.read_line()).decode(errors="replace")
        if not (line[:3].isdecimal() and line[3:4] in ("", " ", "-")):
            raise ProbeFailure("smtp_malformed", f"{quoted(line)} is not a reply to {request_name}")
        lines.append(line[4:])
        if line[3:4] != "-":
            if int(line[:3]) != expected:
                raise ProbeFailure(
                    "smtp_status", f"{request_name}: {quoted(line)}, expected {expected}", status=int(line[:3])
                )
            return _Reply(expected, lines)
    raise ProbeFailure("smtp_malformed", f"more than {_MAX_LINES} lines in reply to {request_name}")


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
        "answer_too_long": "no end of line within 64 KiB",
        "hung_up": "the connection was closed early",
        "smtp_malformed": "not an SMTP reply",
        "smtp_status": "unexpected reply code (recorded as the status)",
        "starttls_injected": "unencrypted bytes after the agreement to TLS",
        "starttls_missing": "the server does not offer STARTTLS",
    },
    schemes={"smtp": {}, "smtps": {"encryption": "tls"}},
)
