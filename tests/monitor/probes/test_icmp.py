"""The icmp kind: real echoes in a network namespace, and a clear message where pings are not permitted."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from monitor.probes import icmp
from tests.support.daemon_process import environment
from tests.support.probing import load_check

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
def test_host_that_echoes_is_good(host: str) -> None:
    status, output = run_probe(host)
    assert (status, "first_byte" in output) == (0, True), output


@needs_namespaces
def test_missing_host_is_bad_and_missing_route_is_unknown() -> None:
    """The kernel gets no answer from the silent neighbour."""
    assert run_probe("192.0.2.9", ALLOWED + NEIGHBOURS)[0] == 1
    status, output = run_probe("192.0.2.9")
    assert (status, "no_route" in output) == (3, True), output


def test_forbidden_ping_is_reported_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "may_open_socket", lambda: False)
    with pytest.raises(ValidationError, match="ping_group_range"):
        load_check({"icmp": "127.0.0.1"})
