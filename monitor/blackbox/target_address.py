"""Which address of a target is probed: one, of the preferred protocol if there is one, as in blackbox_exporter."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from monitor.config.domain_names import to_ascii
from monitor.config.model import Family
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.resolver import Resolver

if TYPE_CHECKING:
    from monitor.blackbox.modules import Reached
    from monitor.blackbox.prober import Trial
    from monitor.network.attempt import Frame
    from monitor.network.resolver import Address

# (preferred, whether the other will do) -> which addresses are looked for, and which come first
_FAMILIES = {
    ("ip4", True): Family.IP4_FIRST,
    ("ip4", False): Family.IP4,
    ("ip6", True): Family.IP6_FIRST,
    ("ip6", False): Family.IP6,
}
_WITH_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([0-9]{1,5})")


def split(target: str, port: int | None = None) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`; of a host alone if there is a default port.

    Raises:
        ProbeFailure: `bad_target`.
    """
    match = _WITH_PORT.fullmatch(target)
    if match is not None and 0 < int(match[3]) < 65_536:
        return match[1] or match[2] or "", int(match[3])
    if port is not None and match is None:
        return target.strip("[]"), port
    raise ProbeFailure("bad_target", f"{quoted(target)} is no host:port")


class _Pinned(Resolver):
    """Answers one host with the address that was chosen for it, and asks for the others."""

    def __init__(self, resolver: Resolver, host: str, address: Address) -> None:
        self._resolver, self._host, self._address = resolver, host, address

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Return the address that was chosen, or as it would be without us."""
        if host != self._host:
            return await self._resolver.addresses(host, port, family)
        version, (address, _, *rest) = self._address
        return [(version, (address, port, *rest))]  # type: ignore[list-item]


async def chosen(trial: Trial, frame: Frame, host: str, port: int, reached: Reached) -> Address:
    """Return the one address that is probed, say which it is in the gauges, and let the host have no other.

    Raises:
        ProbeFailure: the host has none of the protocol, or could not be looked up.
    """
    gauges = trial.gauges
    for name in ("probe_ip_protocol", "probe_ip_addr_hash", "probe_dns_lookup_time_seconds"):
        gauges.set(name, 0)
    family = _FAMILIES[reached.preferred_ip_protocol, reached.ip_protocol_fallback]
    trial.diary.note("looking the target up", host=host, family=family)
    frame.enter("resolve")
    try:
        addresses = await frame.addresses(_in_ascii(host), port, family)
    finally:
        frame.close()
        gauges.set("probe_dns_lookup_time_seconds", frame.phases["resolve"])
    version, (address, *_) = addresses[0]
    frame.resolver = _Pinned(frame.resolver, host, addresses[0])
    packed = socket.inet_pton(version, address.partition("%")[0])
    gauges.set("probe_ip_protocol", 4 if version == socket.AF_INET else 6)
    gauges.set("probe_ip_addr_hash", fnv1a(packed))
    trial.diary.note("probing one address", address=address, found=len(addresses))
    return addresses[0]


def lookup_time(trial: Trial) -> float:
    """Return how long it took to find the address, in seconds; 0 if none was found."""
    gauges = trial.gauges
    return gauges.value("probe_dns_lookup_time_seconds") if gauges.value("probe_ip_protocol") else 0.0


def _in_ascii(host: str) -> str:
    """Return the host as it can be asked for."""
    try:
        return host if host.isascii() else to_ascii(host)
    except ValueError:
        raise ProbeFailure("dns_bad_name", f"{quoted(host)} cannot be a name") from None


def fnv1a(data: bytes) -> int:
    """Return the 32-bit FNV-1a hash.

    >>> fnv1a(b"a") == 0xE40C292C
    True
    """
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFF_FFFF
    return value
