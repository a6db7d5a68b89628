"""A host with several addresses: an address that refuses or is denied does not hide the others."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import Any

import dns.message
import pytest

from monitor.network.failure import failure_of
from monitor.probes import icmp
from sla.observation import Outcome
from tests.monitor.probes.test_ntp import PACKET, packet
from tests.support.addresses import resolver_for
from tests.support.line_servers import serve_datagrams
from tests.support.nameserver import dns_records
from tests.support.probing import attempt
from tests.support.servers import respond_with, serve_tcp

NAME = "several.example.test"
LINK_LOCAL = "169.254.169.254"


def datagram_replies(request: bytes) -> list[bytes]:
    """Answer as a time server, a name server and an echo server."""
    if len(request) == PACKET.size:
        return [packet(time.time_ns() // 1000, PACKET.unpack(request)[10])]
    if request == b"ping":
        return [b"pong"]
    query = dns.message.from_wire(request)
    assert isinstance(query, dns.message.QueryMessage)
    return list(dns_records("A 192.0.2.1")(query))


CHECKS = [
    {"udp": f"{NAME}:{{}}", "send": "ping", "expect": "pong"},
    {"ntp": f"{NAME}:{{}}", "within": "5s"},
    {"dns": "status.example.test", "resolver": f"{NAME}:{{}}"},
]


@pytest.mark.parametrize("check_keys", CHECKS, ids=["udp", "ntp", "dns"])
@pytest.mark.parametrize("before", [["::1"], [LINK_LOCAL], [LINK_LOCAL, "127.0.0.9"]])
async def test_address_that_refuses_datagrams_is_skipped(
    check_keys: dict[str, str], before: list[str], tmp_path: Path
) -> None:
    async with serve_datagrams(datagram_replies) as port:
        check = {key: value.format(port) for key, value in check_keys.items()}
        result = (await attempt(check, 5, resolver_for(NAME, [*before, "127.0.0.1"], tmp_path))).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail


@pytest.mark.parametrize("check_keys", CHECKS, ids=["udp", "ntp", "dns"])
async def test_last_usable_address_is_reported_if_all_refuse(check_keys: dict[str, str], tmp_path: Path) -> None:
    async with serve_tcp(respond_with(b"")) as port:  # over TCP, which is not queried
        check = {key: value.format(port) for key, value in check_keys.items()}
        result = (await attempt(check, 5, resolver_for(NAME, ["127.0.0.9", "127.0.0.1", LINK_LOCAL], tmp_path))).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_refused"), result.detail


@pytest.mark.parametrize("before", [[], [LINK_LOCAL], ["::1", LINK_LOCAL]])
async def test_address_without_a_route_for_echoes_is_skipped(
    before: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sockets are of a kind that any user may open, so the test does not depend on permission to ping."""
    tried_addresses: list[str] = []

    async def refuse(attempt: Any, address: Any) -> None:
        tried_addresses.append(address[1][0])
        attempt.outbound.check(address)
        if address[1][0] != "127.0.0.1":
            raise failure_of(OSError(errno.ENETUNREACH, "no way"))

    monkeypatch.setattr(icmp, "may_open_socket", lambda: True)
    monkeypatch.setattr(icmp, "echo", refuse)
    result = (await attempt({"icmp": NAME}, 5, resolver_for(NAME, [*before, "127.0.0.1"], tmp_path))).result
    assert (result.outcome, tried_addresses) == (Outcome.GOOD, [*before, "127.0.0.1"])
