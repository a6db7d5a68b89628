"""The ssh kind: an SSH server identifies itself, and other servers do not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sla.observation import Outcome
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.probing import attempt
from tests.support.processes import free_port, run_program, wait_for
from tests.support.servers import Handler, send_nothing, serve_tcp

SSHD = Path("/usr/sbin/sshd")


@pytest.mark.parametrize(
    "lines", [b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-1.99-x\n", b"Welcome.\r\nTo the machine.\r\nSSH-2.0-x\r\n"]
)
async def test_identification_is_good_also_after_other_lines(lines: bytes) -> None:
    async with serve_tcp(send_on_connect(lines)) as port:
        result = (await attempt({"ssh": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (send_on_connect(b"SSH-1.5-old\r\n"), "ssh_version"),
        (send_on_connect(b"220 mail\r\n" * 60), "ssh_malformed"),
        (send_on_connect(b"x" * 30_000), "answer_too_long"),
        (send_and_close(), "hung_up"),
        (send_and_close(b"SSH-2.0-cut"), "hung_up"),
        (send_on_connect(b"SSH-2.0-dropbear\r\n"), "answer_mismatch"),
        (send_nothing, "deadline"),
    ],
)
async def test_every_failure_has_its_reason(handler: Handler, reason: str) -> None:
    async with serve_tcp(handler) as port:
        result = (await attempt({"ssh": f"127.0.0.1:{port}", "expect": "OpenSSH"}, 0.5)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)


@pytest.mark.slow
@pytest.mark.skipif(not SSHD.exists() or shutil.which("ssh-keygen") is None, reason="not installed: openssh-server")
async def test_real_server_is_good(tmp_path: Path) -> None:
    key, port = tmp_path / "key", free_port()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    options = ["-D", "-e", "-f", "/dev/null", "-h", key, "-p", str(port), "-o", "ListenAddress=127.0.0.1"]
    with run_program(tmp_path / "sshd.log", [SSHD, *options]) as program:
        wait_for("sshd", lambda: program.find_in_log("(Server listening)"))
        result = (await attempt({"ssh": f"127.0.0.1:{port}", "expect": "OpenSSH"})).result
    assert result.outcome is Outcome.GOOD
