"""The gateways and name resolvers of this machine as near references.

They are read from the system at each probe, because DHCP and VPN clients change them.
"""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message

from monitor.network.failure import ProbeFailure
from monitor.network.happy_eyeballs import first_success
from monitor.network.icmp_echo import PLAIN_REQUEST, echo
from monitor.probe_result import ProbeResult
from monitor.protocols.dns_query import PORTS, query_resolver, system_resolvers
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.network.attempt import Attempt, Probe
    from monitor.network.resolver import Address

ROUTES, IPV6_ROUTES = Path("/proc/net/route"), Path("/proc/net/ipv6_route")
_RTF_GATEWAY = 0x2  # linux/route.h
_ZERO = "0" * 32


def ip4_gateways(table: str) -> list[Address]:
    """Return the gateways of the default routes in the text of /proc/net/route (hexadecimal, host byte order)."""
    gateways: list[Address] = []
    for line in table.splitlines()[1:]:
        _, destination, gateway, flags, _, _, _, mask, *_ = line.split()
        if int(destination, 16) == int(mask, 16) == 0 and int(flags, 16) & _RTF_GATEWAY:
            host = socket.inet_ntop(socket.AF_INET, int(gateway, 16).to_bytes(4, "little"))
            gateways.append((socket.AF_INET, (host, 0)))
    return gateways


def ip6_gateways(table: str) -> list[Address]:
    """Return the gateways of the default routes in the text of /proc/net/ipv6_route."""
    gateways: list[Address] = []
    for line in table.splitlines():
        destination, length, _, _, hop, _, _, _, flags, device = line.split()
        if destination == _ZERO and int(length, 16) == 0 and hop != _ZERO and int(flags, 16) & _RTF_GATEWAY:
            host = str(ipaddress.IPv6Address(int(hop, 16)))
            gateways.append((socket.AF_INET6, (host, 0, 0, _interface_index(device))))
    return gateways


def _interface_index(device: str) -> int:
    try:
        return socket.if_nametoindex(device)
    except OSError:  # it was removed in the meantime
        return 0


def ip4_gateway_probe() -> Probe:
    """Return the probe that pings the IPv4 gateway."""
    return _gateway_probe(lambda: ip4_gateways(ROUTES.read_text()))


def ip6_gateway_probe() -> Probe:
    """Return the probe that pings the IPv6 gateway."""
    return _gateway_probe(lambda: ip6_gateways(IPV6_ROUTES.read_text()))


def _gateway_probe(gateways: Callable[[], list[Address]]) -> Probe:
    async def probe(attempt: Attempt) -> ProbeResult:
        if not (addresses := gateways()):
            raise ProbeFailure("no_route", "there is no default route", outcome=Outcome.UNKNOWN)
        # The policy protects from configured targets; gateways come from the system, and may be link-local.
        await first_success(
            attempt, addresses, lambda address: echo(attempt, address, PLAIN_REQUEST, check_policy=False)
        )
        return ProbeResult(Outcome.GOOD)

    return probe


def resolver_probe() -> Probe:
    """Return the probe that queries the resolvers of /etc/resolv.conf; any response counts, also SERVFAIL."""

    async def probe(attempt: Attempt) -> ProbeResult:
        servers = system_resolvers(PORTS["udp"])
        addresses = [address for server in servers for address in await attempt.addresses(server.host, server.port)]
        await query_resolver(attempt, addresses, dns.message.make_query(".", "NS"), check_policy=False)
        return ProbeResult(Outcome.GOOD)

    return probe
