"""The outbound address policy: asked at the address that a socket is about to connect to, by everything that connects.

Not at the URL: a name, a redirect, a decimal or mapped spelling may lead anywhere, and elsewhere a second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from monitor.config.outbound import OutboundBlock
from monitor.network.failure import ProbeFailure, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.outbound import Network
    from monitor.network.resolver import Address

DENIED = "address_denied"

# Refused always: nobody's product lives there, and what answers hands out credentials.
_LINK_LOCAL = ("169.254.0.0/16", "fe80::/10")
_METADATA = ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128")
_NEVER = {
    **dict.fromkeys(map(ip_network, _LINK_LOCAL), "link-local"),
    **dict.fromkeys(map(ip_network, _METADATA), "a cloud's metadata service"),
}
# This machine: Linux connects 0.0.0.0/8 and :: to it as well.
_LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128")))
_OWN = "this machine's own, which no caller from elsewhere may reach"
_OWN_NAME = re.compile(r"(.*\.)?localhost[46]?(\.localdomain[46]?)?|ip6-(localhost|loopback)", re.IGNORECASE)
# The last four bytes are the IPv4 address that is reached: NAT64 (RFC 6052, 8215), SIIT (RFC 2765), and older ways.
_TRANSLATED = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))


class Outbound:
    """Which addresses may be connected to. `insiders` is the policy that one for callers from elsewhere is made of."""

    def __init__(self, block: OutboundBlock | None = None, *, insiders: Outbound | None = None) -> None:
        self._block = block or OutboundBlock()
        self._insiders = insiders
        self._why_not = lru_cache(maxsize=4096)(self._judged)

    def for_strangers(self) -> Outbound:
        """Return the policy for callers from elsewhere, to whom this machine's own services are none of theirs."""
        return Outbound(self._block, insiders=self)

    @property
    def operators(self) -> Outbound:
        """The policy for what the operator named, a proxy or a token server, whoever asks for the probe."""
        return self._insiders or self

    def check_name(self, host: str) -> None:
        """Return if a name that somebody else looks up may be asked for: it may not where it says "this machine".

        Raises:
            ProbeFailure: `address_denied`, unknown.
        """
        if self._insiders is not None and _OWN_NAME.fullmatch(host.rstrip(".")):
            raise ProbeFailure(DENIED, f"{quoted(host)} is {_OWN}", outcome=Outcome.UNKNOWN)

    def check(self, address: Address) -> None:
        """Return if the address may be connected to.

        Raises:
            ProbeFailure: `address_denied`, unknown: nothing was learnt of the target.
        """
        host = address[1][0]
        if why := self._why_not(host):
            raise ProbeFailure(DENIED, f"{host} is {why}", outcome=Outcome.UNKNOWN)

    def _judged(self, host: str) -> str:
        """Return why the address is refused, nothing if it is not."""
        meant = list(_meanings(ip_address(host.partition("%")[0])))
        for network, what in _NEVER.items():
            if any(each in network for each in meant):
                return f"{what}, which no probe may reach"
        if self._insiders is not None and any(each in network for each in meant for network in _LOOPBACK):
            return _OWN
        if any(each in network for each in meant for network in self._block.deny):
            return "within `outbound: deny`"
        if self._block.allow and not all(_within(each, self._block.allow) for each in meant):
            return "not within `outbound: allow`"
        return ""


def _within(address: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _meanings(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield what is reached by an address: itself, or the IPv4 address that it maps, and any that it tunnels to."""
    if isinstance(address, IPv4Address):
        yield address
        return
    yield address.ipv4_mapped or address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]
    if int(address) > 0xFFFF and any(address in network for network in _TRANSLATED):  # ::1 is no translation
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
