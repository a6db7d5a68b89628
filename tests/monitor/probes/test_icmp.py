"""The icmp kind: real echoes in a network namespace, and a clear message where pings are not permitted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network import icmp_echo
from monitor.probe_result import ProbeResult
from monitor.probes import icmp
from sla.observation import Outcome
from tests.support.daemon_process import environment
from tests.support.line_servers import serve_datagrams
from tests.support.probing import load_check, retry_if_starved

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt

REQUEST, REPLY = 8, 0  # types of messages (RFC 792)

ALLOWED = (
    "sysctl -qw net.ipv4.ping_group_range='0 2147483647' && ip link set lo up;"
    " ip -6 addr add ::1/128 dev lo 2>/dev/null;"
)
NEIGHBOURS = (
    "ip link add v1 type veth peer name v2; ip addr add 192.0.2.1/24 dev v1; ip link set v1 up; ip link set v2 up;"
)


def run_isolated(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in a network namespace that has only a loopback interface, which is down."""
    return subprocess.run(
        ["unshare", "--net", "sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        check=False,
    )


needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or run_isolated(f"{ALLOWED} true").returncode != 0, reason="needs root and network namespaces"
)


def run_probe(host: str, preparation: str = ALLOWED) -> tuple[int, str]:
    result = run_isolated(f"{preparation} exec {sys.executable} -m monitor probe icmp://{host} --timeout 500ms")
    return result.returncode, result.stdout + result.stderr


@needs_namespaces
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.fault(41)
def test_host_that_echoes_is_good(host: str) -> None:
    status, output = run_probe(host)
    assert (status, "first_byte" in output) == (0, True), output


@needs_namespaces
def test_missing_host_is_bad_and_missing_route_is_unknown() -> None:
    """The kernel gets no answer from the silent neighbour."""
    assert run_probe("192.0.2.9", ALLOWED + NEIGHBOURS)[0] == 1
    status, output = run_probe("192.0.2.9")
    assert (status, "no_route" in output) == (3, True), output


@pytest.mark.fault(41)
def test_forbidden_ping_is_reported_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "may_open_socket", lambda: False)
    with pytest.raises(ValidationError, match="ping_group_range"):
        load_check({"icmp": "127.0.0.1"})


def forge(request: bytes) -> list[bytes]:
    """Return replies that are not to this request: of another type, with another nonce, too short, and empty."""
    rest, nonce = request[1:8], request[8:]
    return [request, bytes([REPLY]) + rest + nonce[::-1] + b"x", bytes([REPLY]) + rest + nonce[:-1], b""]


def reply_twice(request: bytes) -> list[bytes]:
    return [*forge(request), bytes([REPLY]) + request[1:], bytes([REPLY]) + request[1:]]


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("answering", "seconds", "outcome"), [(reply_twice, 30, Outcome.GOOD), (forge, 0.5, Outcome.BAD)]
)
async def test_only_a_reply_to_the_request_counts(
    answering: object, seconds: float, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages are sent over UDP, because the kernel lets no one forge them over a socket for echoes."""
    monkeypatch.setitem(icmp_echo._ECHO, socket.AF_INET, (socket.IPPROTO_UDP, REQUEST, REPLY))

    async def probe(attempt: Attempt) -> ProbeResult:
        await icmp_echo.echo(attempt, (socket.AF_INET, ("127.0.0.1", port)))
        attempt.close()
        return ProbeResult(Outcome.GOOD, phases=attempt.phases)

    async with serve_datagrams(answering) as port, probe_environment(SystemClock(), Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0
        result = (await retry_if_starved(runner, probe, seconds)).result
    assert result.outcome is outcome
