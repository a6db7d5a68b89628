"""The `ssh` kind: the server's identification (RFC 4253, 4.2), as far as one gets without a key.

No SSH library: a banner is one line, and a library would go on to exchange keys with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from monitor.config.addresses import DefaultPort
from monitor.config.expect import RegexField
from monitor.config.model import HostPort, Reached
from monitor.network.buffered_stream import Dialogue
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.base import Kind
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe

_LINES_BEFORE = 50  # a server may say other lines before its identification; nobody says more than these


class SshCheck(Reached):
    """Good when an SSH 2 server identifies itself."""

    kind: ClassVar[str] = "ssh"

    ssh: Annotated[HostPort, DefaultPort(22)]
    """`host` or `host:port`; port 22 unless written."""

    expect: RegexField | None = None
    """A regular expression (RE2) that the identification must match, e.g. `OpenSSH_9`."""


def prepare(check: SshCheck) -> Probe:
    """Return the probe that reads the identification, gives ours, and hangs up."""

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, check.ssh.host, check.ssh.port, family=check.family) as wire:
            frame.enter("first_byte")
            dialogue = Dialogue(wire, limit=16_384)
            banner = await _identification(dialogue)
            await dialogue.ask(b"SSH-2.0-ninewatch\r\n")  # else the server logs us as one who did not identify himself
            frame.close()
        if check.expect is not None and not check.expect.search(banner):
            raise ProbeFailure("answer_mismatch", f"{quoted(banner)}, expected {quoted(check.expect.text)}")
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


async def _identification(dialogue: Dialogue) -> str:
    for _ in range(_LINES_BEFORE):
        line = (await dialogue.line()).decode(errors="replace")
        if line.startswith(("SSH-2.0-", "SSH-1.99-")):
            return line
        if line.startswith("SSH-"):
            raise ProbeFailure("ssh_version", f"{quoted(line)} is not SSH 2")
    raise ProbeFailure("ssh_malformed", f"{_LINES_BEFORE} lines and none that identifies an SSH server")


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
        "answer_mismatch": "the identification is not the expected one",
        "answer_too_long": "16 KiB came without a line's end",
        "hung_up": "the connection was closed before the server identified itself",
        "ssh_malformed": "50 lines came and none identifies an SSH server",
        "ssh_version": "the server speaks another version than SSH 2",
    },
    schemes={"ssh": {}},
)
