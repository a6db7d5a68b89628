"""Resolve names to addresses, without threads and without a cache."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

import aiodns
import pycares

from monitor.config.model import Family
from monitor.network.failure import ProbeFailure
from monitor.network.happy_eyeballs import interleave
from monitor.network.hosts_file import HOSTS, HostsFile, family_of
from monitor.network.repeated_lookup import FreshChannels, Nodes, RepeatedLookup
from sla.observation import Outcome

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]

# c-ares status -> (reason, outcome). An unreachable resolver is a local failure; a response is about the target.
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
# No response, or the response of a resolver whose uplink (our own) is down.
_NO_ANSWER = {
    pycares.errno.ARES_ETIMEOUT,
    pycares.errno.ARES_ECONNREFUSED,
    pycares.errno.ARES_ECANCELLED,
    pycares.errno.ARES_EDESTRUCTION,
    pycares.errno.ARES_EFILE,
    pycares.errno.ARES_ENOMEM,
    pycares.errno.ARES_ESERVFAIL,
}
# Seconds until a lookup is repeated together with a control query for the root's servers. Every resolver can answer the
# control query, so it distinguishes a silent resolver from silent servers of the name's zone.
_REPEAT_AFTER = 0.05
_FIRST_TIMEOUT, _FIRST_TRIES = 2.0, 2  # timeout in seconds and tries of the first query
_QUERY_TIMEOUT = 60.0  # seconds for each query of a repeated lookup
# ARES_OPT_LOOKUPS, ARES_OPT_MAXTIMEOUTMS and ARES_OPT_QUERY_CACHE of c-ares' ares.h
_LOOKUPS, _MAX_TIMEOUT, _QUERY_CACHE = 1 << 8, 1 << 20, 1 << 21

# family -> the family to query, and the family that sorts first.
_QUERY_FAMILY = dict.fromkeys(Family, socket.AF_UNSPEC) | {Family.IP4: socket.AF_INET, Family.IP6: socket.AF_INET6}
_PREFERRED = {Family.IP4_FIRST: socket.AF_INET, Family.IP6_FIRST: socket.AF_INET6}

# IPv6 networks whose precedence is below that of IPv4 (RFC 6724, 2.1).
_AFTER_IP4 = tuple(map(IPv6Network, ("2002::/16", "2001::/32", "fc00::/7", "fec0::/10", "3ffe::/16")))


def no_address(host: str) -> ProbeFailure:
    """Return the failure of a host without a usable address."""
    return ProbeFailure("dns_no_address", f"{host} has no address")


def _select(addresses: list[Address], family: Family, host: str) -> list[Address]:
    query_family = _QUERY_FAMILY[family]
    if query_family is not socket.AF_UNSPEC:
        addresses = [address for address in addresses if address[0] == query_family]
        host = f"{host} in {family.value}"
    if not addresses:
        raise no_address(host)
    first = _PREFERRED.get(family)
    return interleave(addresses) if first is None else sorted(addresses, key=lambda address: address[0] != first)


def literal(host: str, port: int) -> Address | None:
    """Return the literal address, None for a name."""
    family = family_of(host)
    return None if family is None else (family, (host, port))


def resolver_silent(detail: str) -> ProbeFailure:
    """Return the failure of a resolver that answers no query."""
    return ProbeFailure("resolver_unreachable", detail, outcome=Outcome.UNKNOWN)


class _UncachedLibrary:
    """Proxy of pycares' c-ares binding that sets options which pycares cannot set: no cache, longer timeouts, only DNS.

    pycares has a parameter for `lookups`, but releases the memory of its value before c-ares reads it. With another
    value there, c-ares queries no server and every lookup of the channel fails as if no server were reachable.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._only_dns = vars(pycares)["_ffi"].new("char[]", b"b")  # released with this proxy, after the call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def ares_init_options(self, channel: Any, options: Any, mask: int) -> Any:
        """Start a channel that queries DNS only, and whose cache keeps responses for 0 seconds."""
        options.maxtimeout = int(1000 * _QUERY_TIMEOUT)  # c-ares' own limit is 5 s
        options.lookups = self._only_dns
        return self._library.ares_init_options(channel, options, mask | _LOOKUPS | _MAX_TIMEOUT | _QUERY_CACHE)


@contextlib.contextmanager
def _without_cache() -> Iterator[None]:
    inner = vars(pycares)
    library = inner["_lib"]
    inner["_lib"] = _UncachedLibrary(library)  # a test checks that nothing is cached, in case pycares changes
    try:
        yield
    finally:
        inner["_lib"] = library


class _FirstQuery:
    """The first query of a lookup. The wait for it ends with its response, or earlier to repeat the query.

    A second future costs a turn of the loop, so it is created only when the wait ends early.
    """

    __slots__ = ("awaited", "query")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.awaited: asyncio.Future[Any] = loop.create_future()
        self.query: asyncio.Future[Any] = self.awaited

    def settle(self, result: Any, error: int | None) -> None:
        """Set the response, or c-ares' error."""
        if self.query.done():
            return
        if error is None:
            self.query.set_result(result)
        else:
            self.query.set_exception(aiodns.error.DNSError(error, pycares.errno.strerror(error)))

    def stop_waiting(self) -> None:
        """End the wait; the response will complete another future."""
        if not self.awaited.done():
            self.query = self.awaited.get_loop().create_future()
            self.awaited.set_result(None)


class Resolver:
    """Resolve names without threads and without a cache, which would hide failures of DNS.

    `control_answers` counts the responses to control queries, which test whether the resolver responds at all.
    """

    control_answers = 0

    def __init__(self, nameservers: list[str] | None = None, udp_port: int | None = None, hosts: Path = HOSTS) -> None:
        self._hosts = HostsFile(hosts)
        self._udp_port = udp_port
        self._dns = self._channel(nameservers, _FIRST_TIMEOUT, _FIRST_TRIES)
        self._fresh = FreshChannels(self._new_channels)
        self._control: asyncio.Future[pycares.DNSResult] | None = None

    def _channel(self, nameservers: Sequence[str] | None, seconds: float, tries: int) -> aiodns.DNSResolver:
        ports: dict[str, Any] = {"udp_port": self._udp_port, "tcp_port": self._udp_port}
        with _without_cache():
            return aiodns.DNSResolver(nameservers, timeout=seconds, tries=tries, **ports)

    def _new_channels(self) -> list[aiodns.DNSResolver]:
        servers = list(self._dns.nameservers)
        return [self._channel([*servers[at:], *servers[:at]], _QUERY_TIMEOUT, 1) for at in range(len(servers))]

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Return one or more addresses of the host: the literal, the entries of /etc/hosts, or those of DNS.

        They are sorted as in RFC 6724, after filtering or preferring by `family`. DNS is queried until it answers;
        the caller ends a lookup by cancelling it.

        Raises:
            ProbeFailure: `dns_nxdomain`, `dns_servfail`, ... or `resolver_unreachable` (unknown).
        """
        if (address := literal(host, port)) is not None:
            return _select([address], family, host)
        if entries := self._hosts.addresses(host):
            return _select([(address_family, (text, port)) for address_family, text in entries], family, host)
        control_answers = self.control_answers
        try:
            nodes = await self._nodes(host, port, family)
        except aiodns.error.DNSError as error:
            code, detail = (*error.args, str(error))[:2]
            if code == pycares.errno.ARES_ESERVFAIL and not await self._control_answered_since(control_answers):
                raise resolver_silent(f"{host}: {detail}, also for other queries") from None
            reason, outcome = _DNS_FAULTS.get(code, ("dns_failure", Outcome.BAD))
            raise ProbeFailure(reason, f"{host}: {detail}", outcome=outcome) from None
        return _select(_merge(nodes), family, host)

    async def _nodes(self, host: str, port: int, family: Family) -> list[Nodes]:
        """Return the nodes from DNS, in one list or one per family."""
        loop = asyncio.get_running_loop()
        first = _FirstQuery(loop)
        try:
            self._dns._channel.getaddrinfo(
                host,
                port,
                family=_QUERY_FAMILY[family],
                type=socket.SOCK_STREAM,
                callback=partial(loop.call_soon_threadsafe, first.settle),  # type: ignore[arg-type]
            )
        except pycares.AresError as error:  # for example, a label that is too long
            first.settle(None, error.args[0])
        repeat_timer = loop.call_later(_REPEAT_AFTER, first.stop_waiting)
        try:
            await first.awaited
        finally:
            repeat_timer.cancel()
        if first.query.done():
            return [first.query.result().nodes]
        preferred = _PREFERRED.get(family, socket.AF_UNSPEC)
        lookup = RepeatedLookup(self._fresh, first.query, (host, port), _QUERY_FAMILY[family], preferred)
        return await lookup.run(self._query_control)

    def _query_control(self) -> asyncio.Future[pycares.DNSResult]:
        if self._control is None or self._control.done():
            self._control = self._dns.query_dns(".", "NS")
            self._control.add_done_callback(self._count_control)
        return self._control

    async def _control_answered_since(self, control_answers: int) -> bool:
        """Return whether a control query has been answered since the count was `control_answers`."""
        if self.control_answers == control_answers:
            await asyncio.wait([self._query_control()])
        return self.control_answers != control_answers

    def _count_control(self, query: asyncio.Future[pycares.DNSResult]) -> None:
        if not query.cancelled():
            error = query.exception()
            self.control_answers += error is None or error.args[0] not in _NO_ANSWER

    async def close(self) -> None:
        """Cancel running lookups and release the sockets."""
        self._fresh.close()
        await self._dns.close()


def _merge(node_lists: list[Nodes]) -> list[Address]:
    """Return the addresses of one sorted list, or of one list per family, ordered by RFC 6724."""
    lists = [[_address(node) for node in nodes] for nodes in node_lists]
    if len(lists) == 2:
        four, six = sorted(lists, key=lambda addresses: addresses[0][0] == socket.AF_INET6)
        lists = [six, four] if _sorts_before_ip4(six[0]) else [four, six]
    return [address for addresses in lists for address in addresses]


def _sorts_before_ip4(address: Address) -> bool:
    """Return whether an IPv6 address sorts before IPv4: it has a route and the higher precedence."""
    host = address[1][0].partition("%")[0]
    if any(IPv6Address(host) in network for network in _AFTER_IP4):
        return False
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(address[1]) == 0  # sends nothing


def _address(node: pycares.AddrInfoNode) -> Address:
    host, *rest = node.addr
    text = host.decode() if isinstance(host, bytes) else host
    return socket.AddressFamily(node.family), (text, *rest)
