"""Select the address of a target to probe, like blackbox_exporter."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from monitor.config.domain_names import to_ascii
from monitor.config.model import Family
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.resolver import Resolver

if TYPE_CHECKING:
    from monitor.blackbox.module_options import IpOptions
    from monitor.blackbox.prober import BlackboxProbe
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address

# (preferred protocol, fallback) -> address family
_FAMILIES = {
    ("ip4", True): Family.IP4_FIRST,
    ("ip4", False): Family.IP4,
    ("ip6", True): Family.IP6_FIRST,
    ("ip6", False): Family.IP6,
}
_WITH_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([0-9]{1,5})")


def split(target: str, port: int | None = None) -> tuple[str, int]:
    """Return the host and the port of `host:port` or `[v6]:port`. `port` is the default for a target without a port.

    Raises:
        ProbeFailure: `bad_target`.
    """
    match = _WITH_PORT.fullmatch(target)
    if match is not None and 0 < int(match[3]) < 65_536:
        return match[1] or match[2] or "", int(match[3])
    if port is not None and match is None:
        return target.strip("[]"), port
    raise ProbeFailure("bad_target", f"{quoted(target)} is not host:port")


class _PinnedResolver(Resolver):
    """A resolver that returns a fixed address for one host."""

    def __init__(self, resolver: Resolver, host: str, address: Address) -> None:
        self._resolver, self._host, self._address = resolver, host, address

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Return the fixed address for its host, and the underlying resolver's addresses for other hosts."""
        if host != self._host:
            return await self._resolver.addresses(host, port, family)
        version, (address, _, *rest) = self._address
        return [(version, (address, port, *rest))]  # type: ignore[list-item]


async def resolve_target(probe: BlackboxProbe, attempt: Attempt, host: str, port: int, options: IpOptions) -> Address:
    """Resolve the target, set the gauges of its address, pin the host to the address and return the address.

    Raises:
        ProbeFailure: the lookup failed, or the host has no address of the protocol.
    """
    gauges = probe.gauges
    for name in ("probe_ip_protocol", "probe_ip_addr_hash", "probe_dns_lookup_time_seconds"):
        gauges.set(name, 0)
    family = _FAMILIES[options.preferred_ip_protocol, options.ip_protocol_fallback]
    probe.probe_log.note("resolving target", host=host, family=family)
    attempt.enter("resolve")
    try:
        addresses = await attempt.addresses(_in_ascii(host), port, family)
    finally:
        attempt.close()
        gauges.set("probe_dns_lookup_time_seconds", attempt.phases["resolve"])
    version, (address, *_) = addresses[0]
    attempt.resolver = _PinnedResolver(attempt.resolver, host, addresses[0])
    packed = socket.inet_pton(version, address.partition("%")[0])
    gauges.set("probe_ip_protocol", 4 if version == socket.AF_INET else 6)
    gauges.set("probe_ip_addr_hash", fnv1a(packed))
    probe.probe_log.note("resolved target", address=address, found=len(addresses))
    return addresses[0]


def lookup_time(probe: BlackboxProbe) -> float:
    """Return the duration of the lookup in seconds; 0 if there is no address."""
    gauges = probe.gauges
    return gauges.value("probe_dns_lookup_time_seconds") if gauges.value("probe_ip_protocol") else 0.0


def _in_ascii(host: str) -> str:
    """Return the host name in ASCII (IDNA)."""
    try:
        return host if host.isascii() else to_ascii(host)
    except ValueError:
        raise ProbeFailure("dns_bad_name", f"{quoted(host)} is not a valid name") from None


def fnv1a(data: bytes) -> int:
    """Return the 32-bit FNV-1a hash.

    >>> fnv1a(b"a") == 0xE40C292C
    True
    """
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFF_FFFF
    return value
