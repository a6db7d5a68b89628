"""Names to addresses, without threads and without a cache."""

from __future__ import annotations

import socket

import aiodns
import pycares

from monitor.config.model import Family
from monitor.network.failure import ProbeFailure
from sla.observation import Outcome

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]

# c-ares status -> (reason, outcome). A resolver that cannot be reached is ours, an answer is the target's.
_DNS_FAULTS = {
    pycares.errno.ARES_ENODATA: ("dns_no_address", Outcome.BAD),
    pycares.errno.ARES_ENOTFOUND: ("dns_nxdomain", Outcome.BAD),
    pycares.errno.ARES_ESERVFAIL: ("dns_servfail", Outcome.BAD),
    pycares.errno.ARES_EREFUSED: ("dns_refused", Outcome.BAD),
    pycares.errno.ARES_EBADNAME: ("dns_bad_name", Outcome.BAD),
    pycares.errno.ARES_EBADRESP: ("dns_malformed", Outcome.BAD),
    pycares.errno.ARES_ETIMEOUT: ("dns_timeout", Outcome.BAD),
    pycares.errno.ARES_ECONNREFUSED: ("resolver_unreachable", Outcome.UNKNOWN),
    pycares.errno.ARES_EFILE: ("resolver_unreachable", Outcome.UNKNOWN),
    pycares.errno.ARES_ENOMEM: ("out_of_memory", Outcome.UNKNOWN),
}


# family -> what is asked for, and which comes first.
_ASKED = dict.fromkeys(Family, socket.AF_UNSPEC) | {Family.IP4: socket.AF_INET, Family.IP6: socket.AF_INET6}
_FIRST = {Family.IP4_FIRST: socket.AF_INET, Family.IP6_FIRST: socket.AF_INET6}


def no_address(host: str) -> ProbeFailure:
    """Return the failure of a host that has none of the addresses that may be used."""
    return ProbeFailure("dns_no_address", f"{host} has no address")


def _chosen(addresses: list[Address], family: Family, host: str) -> list[Address]:
    wanted = _ASKED[family]
    if wanted is not socket.AF_UNSPEC:
        addresses = [each for each in addresses if each[0] == wanted]
        host = f"{host} in {family.value}"
    if not addresses:
        raise no_address(host)
    first = _FIRST.get(family)
    return addresses if first is None else sorted(addresses, key=lambda each: each[0] != first)


def literal(host: str, port: int) -> Address | None:
    """Return the address that the host spells out, or None when it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family, (host, port)
    return None


class Resolver:
    """Looks names up without threads and without a cache: a monitor that remembers names hides their failures."""

    def __init__(self, nameservers: list[str] | None = None, udp_port: int | None = None) -> None:
        self._dns = aiodns.DNSResolver(nameservers, timeout=2.0, tries=2, udp_port=udp_port, tcp_port=udp_port)

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Return the host's addresses, at least one, in the resolver's order; the family's first, or no others.

        Raises:
            ProbeFailure: `dns_nxdomain`, `dns_servfail`, `dns_timeout`, ... or `resolver_unreachable` (unknown).
        """
        if (spelled := literal(host, port)) is not None:
            return _chosen([spelled], family, host)
        try:
            found = await self._dns.getaddrinfo(host, port=port, family=_ASKED[family], type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else None
            reason, outcome = _DNS_FAULTS.get(code, ("dns_failure", Outcome.BAD))
            detail = error.args[1] if len(error.args) > 1 else str(error)
            raise ProbeFailure(reason, f"{host}: {detail}", outcome=outcome) from None
        return _chosen([_address(node) for node in found.nodes], family, host)

    async def close(self) -> None:
        """Give up look-ups under way and release the sockets."""
        await self._dns.close()


def _address(node: pycares.AddrInfoNode) -> Address:
    host, *rest = node.addr
    text = host.decode() if isinstance(host, bytes) else host
    return socket.AddressFamily(node.family), (text, *rest)
