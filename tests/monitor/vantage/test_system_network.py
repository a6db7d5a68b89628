"""The gateways and resolvers of the machine, as near references."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import dns.rcode

from monitor.clock import SystemClock
from monitor.config.addresses import HostPort
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.vantage import system_network
from sla.observation import Outcome
from tests.support.nameserver import dns_records, nameserver
from tests.support.probing import retry_if_starved

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from monitor.network.attempt import Probe
    from monitor.probe_result import ProbeResult

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
LOCAL = "eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
TUNNEL = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"  # a default route without a gateway
ZERO = "0" * 32
HOP = "fe80" + "0" * 27 + "1"


def ip6_route(destination: str, length: str, hop: str, flags: str = "00000003") -> str:
    return f"{destination} {length} {ZERO} 00 {hop} 00000400 00000001 00000000 {flags} lo\n"


def test_gateways_are_those_of_default_routes() -> None:
    assert system_network.ip4_gateways(HEAD + LOCAL + DEFAULT + TUNNEL) == [(socket.AF_INET, ("10.0.0.1", 0))]
    assert system_network.ip4_gateways(HEAD) == []


def test_ip6_gateways_have_their_interface() -> None:
    """A link-local gateway is reached over one interface only."""
    table = (
        ip6_route(ZERO, "00", HOP)
        + ip6_route("fd00" + "0" * 28, "40", HOP)
        + ip6_route(ZERO, "00", ZERO)
        + ip6_route(ZERO, "00", HOP, "00200200")
    )
    (gateway,) = system_network.ip6_gateways(table)
    assert gateway == (socket.AF_INET6, ("fe80::1", 0, 0, socket.if_nametoindex("lo")))
    (removed,) = system_network.ip6_gateways(ip6_route(ZERO, "00", HOP).replace(" lo\n", " gone0\n"))
    assert removed[1][3] == 0


async def run(probe: Probe) -> ProbeResult:
    async with probe_environment(SystemClock(), Health()) as (runner, _):
        return (await retry_if_starved(runner, probe, 5.0)).result


async def test_machine_without_a_default_route_gives_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "route").write_text(HEAD + LOCAL)
    monkeypatch.setattr(system_network, "ROUTES", tmp_path / "route")
    result = await run(system_network.ip4_gateway_probe())
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "no_route")


async def test_any_response_of_the_machines_resolver_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows that the connection up to the resolver works."""
    async with nameserver(dns_records(rcode=dns.rcode.SERVFAIL)) as port:
        monkeypatch.setattr(system_network, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
        assert (await run(system_network.resolver_probe())).outcome is Outcome.GOOD
