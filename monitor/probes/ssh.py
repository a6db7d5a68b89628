"""The `ssh` kind: the server's identification (RFC 4253, 4.2), which needs no key.

No SSH library is used: the identification is one line, and a library would continue with the key exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from monitor.config.addresses import DefaultPort
from monitor.config.expect import RegexField
from monitor.config.model import HostPort, NetworkCheck
from monitor.network.buffered_stream import BufferedStream
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe

_LINES_BEFORE = 50  # other lines that a server may send before its identification


class SshCheck(NetworkCheck):
    """Good if an SSH 2 server identifies itself."""

    kind: ClassVar[str] = "ssh"

    ssh: Annotated[HostPort, DefaultPort(22)]
    """`host` or `host:port`; default port 22."""

    expect: RegexField | None = None
    """A regular expression (RE2) that the identification must match, e.g. `OpenSSH_9`."""


def prepare(check: SshCheck) -> Probe:
    """Return the probe that reads the identification, sends ours, and disconnects."""

    async def probe(attempt: Attempt) -> ProbeResult:
        with await Connection.connect(attempt, check.ssh.host, check.ssh.port, family=check.family) as connection:
            attempt.enter("first_byte")
            stream = BufferedStream(connection, limit=16_384)
            banner = await _identification(stream)
            await stream.send_request(b"SSH-2.0-ninewatch\r\n")  # else servers log a missing identification
            attempt.close()
        if check.expect is not None and not check.expect.search(banner):
            raise ProbeFailure("answer_mismatch", f"{quoted(banner)}, expected {quoted(check.expect.text)}")
        return ProbeResult(Outcome.GOOD, phases=attempt.phases)

    return probe


async def _identification(stream: BufferedStream) -> str:
    for _ in range(_LINES_BEFORE):
        line = (await stream.read_line()).decode(errors="replace")
        if line.startswith(("SSH-2.0-", "SSH-1.99-")):
            return line
        if line.startswith("SSH-"):
            raise ProbeFailure("ssh_version", f"{quoted(line)} is not SSH 2")
    raise ProbeFailure("ssh_malformed", f"{_LINES_BEFORE} lines without an SSH identification")


KIND = Kind(
    "ssh",
    SshCheck,
    prepare,
    example="""\
id: sftp
ssh: sftp.example.org
expect: "^SSH-2.0-"
""",
    reasons={
        "answer_mismatch": "unexpected identification",
        "answer_too_long": "no end of line within 16 KiB",
        "hung_up": "the connection was closed before the identification",
        "ssh_malformed": "no SSH identification within 50 lines",
        "ssh_version": "not SSH version 2",
    },
    schemes={"ssh": {}},
)
