"""Names to addresses, without threads and without a cache."""

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
from monitor.network.happy_eyeballs import interleaved
from monitor.network.hosts_file import HOSTS, Hosts, family_of
from monitor.network.repeated_lookup import Nodes, PatientChannels, RepeatedLookup
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
# What is no answer, and what a resolver answers that gets none itself, its uplink being ours.
_SILENCE = {
    pycares.errno.ARES_ETIMEOUT,
    pycares.errno.ARES_ECONNREFUSED,
    pycares.errno.ARES_ECANCELLED,
    pycares.errno.ARES_EDESTRUCTION,
    pycares.errno.ARES_EFILE,
    pycares.errno.ARES_ENOMEM,
    pycares.errno.ARES_ESERVFAIL,
}
# A look-up that takes longer (seconds) is repeated, and has the resolver asked for the root's servers, which every
# resolver knows by heart: is it silent altogether, or are the servers of this name's zone?
_DOUBT = 0.05
_TRY, _TRIES = 2.0, 2  # seconds for the first of so many tries of what is asked first
_PATIENCE = 60.0  # seconds for each query of a look-up that is repeated
_MAX_TIMEOUT, _QUERY_CACHE = 1 << 20, 1 << 21  # ARES_OPT_MAXTIMEOUTMS, ARES_OPT_QUERY_CACHE of c-ares' ares.h

# family -> what is asked for, and which comes first.
_ASKED = dict.fromkeys(Family, socket.AF_UNSPEC) | {Family.IP4: socket.AF_INET, Family.IP6: socket.AF_INET6}
_FIRST = {Family.IP4_FIRST: socket.AF_INET, Family.IP6_FIRST: socket.AF_INET6}

# IPv6 networks whose precedence is below that of IPv4 (RFC 6724, 2.1).
_AFTER_IP4 = tuple(map(IPv6Network, ("2002::/16", "2001::/32", "fc00::/7", "fec0::/10", "3ffe::/16")))


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
    return interleaved(addresses) if first is None else sorted(addresses, key=lambda each: each[0] != first)


def literal(host: str, port: int) -> Address | None:
    """Return the address that the host spells out, or None when it is a name."""
    family = family_of(host)
    return None if family is None else (family, (host, port))


def silent(detail: str) -> ProbeFailure:
    """Return the failure of a resolver of ours that answers nobody."""
    return ProbeFailure("resolver_unreachable", detail, outcome=Outcome.UNKNOWN)


class _Forgetful:
    """pycares' way into c-ares, with what pycares has no options for: no cache, and longer time-outs."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def ares_init_options(self, channel: Any, options: Any, mask: int) -> Any:
        """Start a channel that keeps an answer for as long as the options say, which is 0 seconds."""
        options.maxtimeout = int(1000 * _PATIENCE)  # c-ares' own limit is 5 s
        return self._whole.ares_init_options(channel, options, mask | _MAX_TIMEOUT | _QUERY_CACHE)


@contextlib.contextmanager
def _without_cache() -> Iterator[None]:
    inner = vars(pycares)
    whole = inner["_lib"]
    inner["_lib"] = _Forgetful(whole)  # a test holds that nothing is kept, should pycares be built another way
    try:
        yield
    finally:
        inner["_lib"] = whole


class _First:
    """The first query of a look-up. Waiting for it ends with its answer, or earlier when it is in doubt.

    As one future would, but for the doubt: a second one costs a turn of the loop, and is made only then.
    """

    __slots__ = ("awaited", "query")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.awaited: asyncio.Future[Any] = loop.create_future()
        self.query: asyncio.Future[Any] = self.awaited

    def settle(self, result: Any, error: int | None) -> None:
        """Take the answer, or c-ares' error."""
        if self.query.done():
            return
        if error is None:
            self.query.set_result(result)
        else:
            self.query.set_exception(aiodns.error.DNSError(error, pycares.errno.strerror(error)))

    def doubt(self) -> None:
        """End the waiting; the answer goes to another future from now on."""
        if not self.awaited.done():
            self.query = self.awaited.get_loop().create_future()
            self.awaited.set_result(None)


class Resolver:
    """Looks names up without a thread each and without a cache: a monitor that remembers names hides their failures.

    `heard` counts the answers to questions that were asked only to hear whether the resolver answers at all.
    """

    heard = 0

    def __init__(self, nameservers: list[str] | None = None, udp_port: int | None = None, hosts: Path = HOSTS) -> None:
        self._hosts = Hosts(hosts)
        self._udp_port = udp_port
        self._dns = self._channel(nameservers, _TRY, _TRIES)
        self._patient = PatientChannels(self._patient_channels)
        self._control: asyncio.Future[pycares.DNSResult] | None = None

    def _channel(self, nameservers: Sequence[str] | None, seconds: float, tries: int) -> aiodns.DNSResolver:
        ports: dict[str, Any] = {"udp_port": self._udp_port, "tcp_port": self._udp_port}
        with _without_cache():
            return aiodns.DNSResolver(nameservers, timeout=seconds, tries=tries, lookups="b", **ports)

    def _patient_channels(self) -> list[aiodns.DNSResolver]:
        servers = list(self._dns.nameservers)
        return [self._channel([*servers[at:], *servers[:at]], _PATIENCE, 1) for at in range(len(servers))]

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Return the host's addresses, at least one: as it spells, as /etc/hosts lists them, or from DNS, best first.

        What is best says RFC 6724; the family's come first, or no others. DNS is asked until it answers: it is the
        caller who ends a look-up.

        Raises:
            ProbeFailure: `dns_nxdomain`, `dns_servfail`, ... or `resolver_unreachable` (unknown).
        """
        if (spelled := literal(host, port)) is not None:
            return _chosen([spelled], family, host)
        if known := self._hosts.addresses(host):
            return _chosen([(each, (address, port)) for each, address in known], family, host)
        heard = self.heard
        try:
            found = await self._found(host, port, family)
        except aiodns.error.DNSError as error:
            code, detail = (*error.args, str(error))[:2]
            if code == pycares.errno.ARES_ESERVFAIL and not await self._answers_since(heard):
                raise silent(f"{host}: {detail}, and so to any other question") from None
            reason, outcome = _DNS_FAULTS.get(code, ("dns_failure", Outcome.BAD))
            raise ProbeFailure(reason, f"{host}: {detail}", outcome=outcome) from None
        return _chosen(_merged(found), family, host)

    async def _found(self, host: str, port: int, family: Family) -> list[Nodes]:
        """Return what DNS says, in one list or one for each family."""
        loop = asyncio.get_running_loop()
        first = _First(loop)
        try:
            self._dns._channel.getaddrinfo(
                host,
                port,
                family=_ASKED[family],
                type=socket.SOCK_STREAM,
                callback=partial(loop.call_soon_threadsafe, first.settle),  # type: ignore[arg-type]
            )
        except pycares.AresError as error:  # such as a label that is too long
            first.settle(None, error.args[0])
        doubting = loop.call_later(_DOUBT, first.doubt)
        try:
            await first.awaited
        finally:
            doubting.cancel()
        if first.query.done():
            return [first.query.result().nodes]
        preferred = _FIRST.get(family, socket.AF_UNSPEC)
        lookup = RepeatedLookup(self._patient, first.query, (host, port), _ASKED[family], preferred)
        return await lookup.answered(self._ask_anything)

    def _ask_anything(self) -> asyncio.Future[pycares.DNSResult]:
        if self._control is None or self._control.done():
            self._control = self._dns.query_dns(".", "NS")
            self._control.add_done_callback(self._hear)
        return self._control

    async def _answers_since(self, heard: int) -> bool:
        """Return whether the resolver has known an answer to anything since so many were heard."""
        if self.heard == heard:
            await asyncio.wait([self._ask_anything()])
        return self.heard != heard

    def _hear(self, asked: asyncio.Future[pycares.DNSResult]) -> None:
        if not asked.cancelled():
            error = asked.exception()
            self.heard += error is None or error.args[0] not in _SILENCE

    async def close(self) -> None:
        """Give up look-ups under way and release the sockets."""
        self._patient.close()
        await self._dns.close()


def _merged(found: list[Nodes]) -> list[Address]:
    """Return the addresses of one sorted list, or of one for each family, those first that RFC 6724 puts first."""
    lists = [[_address(node) for node in nodes] for nodes in found]
    if len(lists) == 2:
        four, six = sorted(lists, key=lambda addresses: addresses[0][0] == socket.AF_INET6)
        lists = [six, four] if _before_ip4(six[0]) else [four, six]
    return [address for addresses in lists for address in addresses]


def _before_ip4(address: Address) -> bool:
    """Return whether an IPv6 address comes before all of IPv4: there is a way to it, and it has the precedence."""
    host = address[1][0].partition("%")[0]
    if any(IPv6Address(host) in network for network in _AFTER_IP4):
        return False
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(address[1]) == 0  # sends nothing


def _address(node: pycares.AddrInfoNode) -> Address:
    host, *rest = node.addr
    text = host.decode() if isinstance(host, bytes) else host
    return socket.AddressFamily(node.family), (text, *rest)
