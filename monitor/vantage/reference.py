"""The references of a portfolio with their prepared probes, and those of the machine itself."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.config.outbound import Family
from monitor.config.reference_warnings import host_of
from monitor.config.references import IP4_GATEWAY, IP6_GATEWAY, SYSTEM_RESOLVER
from monitor.network.hosts_file import family_of
from monitor.network.icmp_echo import may_open_socket
from monitor.probes.registry import prepare
from monitor.vantage import system_network
from sla.interval import MILLISECOND, SECOND
from sla.observation import Outcome
from sla.vantage import FAMILIES, IP4, IP6

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.config.references import ReferenceBase
    from monitor.network.attempt import Attempt, Probe
    from monitor.probe_result import ProbeResult

_NAMES: Final = {socket.AF_INET: IP4, socket.AF_INET6: IP6}
_ANY: Final = frozenset(FAMILIES)
_DNS_RESPONSES: Final = ("dns_", "answer_too_long")  # prefixes of the reasons of unexpected responses
_AFTER_CONNECT: Final = frozenset({"tls", "first_byte", "transfer"})  # phases of an open connection
_SYSTEM_INTERVAL, _SYSTEM_TIMEOUT = 5 * SECOND, 1_800 * MILLISECOND


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference and its probe. Durations are microseconds.

    `system`: it was found on this machine. `loopback`: its address is one of this machine. `forbidden`: this process
    may not make its probe, so its answers show nothing.
    """

    id: str
    kind: str
    target: str
    near: bool
    via: str | None
    families: frozenset[str]
    interval: int
    timeout: int
    probe: Probe
    system: bool = False
    loopback: bool = False
    forbidden: bool = False


def family_name(family: int) -> str:
    """Return `ip4` or `ip6` for the address family of a socket."""
    return _NAMES[socket.AddressFamily(family)]


def has_responded(kind: str, attempt: Attempt, result: ProbeResult) -> bool:
    """Return whether the target of a reference responded, also if not as expected: then the connection works."""
    if result.outcome is Outcome.GOOD:
        return True
    if attempt.relayed or not attempt.tried:
        return False
    if kind == "dns" and result.reason.startswith(_DNS_RESPONSES):
        return result.reason != "dns_timeout"
    return kind != "icmp" and not _AFTER_CONNECT.isdisjoint(result.phases)


def references_of(portfolio: Portfolio) -> list[Reference]:
    """Return the references of a portfolio and of this machine. Slow: TLS contexts are created."""
    configured = [_configured_reference(reference) for reference in portfolio.references]
    uses_system = bool(configured) if portfolio.system_references is None else portfolio.system_references
    return configured + (_system_references() if uses_system else [])


def _configured_reference(check: ReferenceBase) -> Reference:
    return Reference(
        check.id,
        check.kind,
        check.target,
        check.near,
        check.via,
        _families(check),
        check.interval,
        check.timeout,
        prepare(check),
        loopback=_is_loopback(host_of(check)),
        forbidden=bool(check.missing_permission()),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def _families(check: ReferenceBase) -> frozenset[str]:
    """Return the families that a reference may be connected to over: both for a name without `family`."""
    literal = family_of(host_of(check))
    if literal is not None:
        return frozenset({family_name(literal)})
    chosen = {Family.IP4: IP4, Family.IP6: IP6}.get(getattr(check, "family", Family.ANY))
    return _ANY if chosen is None else frozenset({chosen})


def _system_references() -> list[Reference]:
    return [
        _near(IP4_GATEWAY, "icmp", "the IPv4 gateway", frozenset({IP4}), system_network.ip4_gateway_probe()),
        _near(IP6_GATEWAY, "icmp", "the IPv6 gateway", frozenset({IP6}), system_network.ip6_gateway_probe()),
        _near(SYSTEM_RESOLVER, "dns", "the resolvers of /etc/resolv.conf", _ANY, system_network.resolver_probe()),
    ]


def _near(name: str, kind: str, target: str, families: frozenset[str], probe: Probe) -> Reference:
    forbidden = kind == "icmp" and not may_open_socket()
    return Reference(
        name, kind, target, True, None, families, _SYSTEM_INTERVAL, _SYSTEM_TIMEOUT, probe, True, forbidden=forbidden
    )
