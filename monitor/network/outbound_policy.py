"""The outbound address policy, which is checked for each address immediately before `connect`.

A check of URLs is not sufficient: a name, a redirect, or a decimal or mapped form may resolve to any address, and to a
different address the next time.
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

# Always denied: products do not have these addresses, and metadata services return credentials.
_LINK_LOCAL = ("169.254.0.0/16", "fe80::/10")
_METADATA = ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128")
_ALWAYS_DENIED = {
    **dict.fromkeys(map(ip_network, _LINK_LOCAL), "link-local"),
    **dict.fromkeys(map(ip_network, _METADATA), "a cloud's metadata service"),
}
# This machine. Linux connects to itself for 0.0.0.0/8 and :: too.
_LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128")))
_LOOPBACK_TEXT = "a loopback address of the monitor, which remote callers may not reach"
_LOOPBACK_NAME = re.compile(r"(.*\.)?localhost[46]?(\.localdomain[46]?)?|ip6-(localhost|loopback)", re.IGNORECASE)
# The last 4 bytes are the IPv4 address: NAT64 (RFC 6052, 8215), SIIT (RFC 2765), and older forms.
_TRANSLATION_PREFIXES = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))


class OutboundPolicy:
    """The addresses that probes may connect to. A policy for remote callers refers to the `operator` policy."""

    def __init__(self, block: OutboundBlock | None = None, *, operator: OutboundPolicy | None = None) -> None:
        self._block = block or OutboundBlock()
        self._operator = operator
        self._cached_denial = lru_cache(maxsize=4096)(self._denial)

    def for_remote_callers(self) -> OutboundPolicy:
        """Return the policy for remote callers, which also denies loopback."""
        return OutboundPolicy(self._block, operator=self)

    @property
    def operator_policy(self) -> OutboundPolicy:
        """The policy for hosts that the operator configured, such as a proxy or a token server."""
        return self._operator or self

    def check_name(self, host: str) -> None:
        """Check a name that a proxy resolves: remote callers must not use names of localhost.

        Raises:
            ProbeFailure: `address_denied`, unknown.
        """
        if self._operator is not None and _LOOPBACK_NAME.fullmatch(host.rstrip(".")):
            raise ProbeFailure(DENIED, f"{quoted(host)} is {_LOOPBACK_TEXT}", outcome=Outcome.UNKNOWN)

    def check(self, address: Address) -> None:
        """Check that the address may be connected to.

        Raises:
            ProbeFailure: `address_denied`, unknown.
        """
        host = address[1][0]
        if denial := self._cached_denial(host):
            raise ProbeFailure(DENIED, f"{host} is {denial}", outcome=Outcome.UNKNOWN)

    def _denial(self, host: str) -> str:
        """Return the reason why the address is denied. Empty if it is allowed."""
        endpoints = list(_endpoints(ip_address(host.partition("%")[0])))
        for network, kind in _ALWAYS_DENIED.items():
            if any(endpoint in network for endpoint in endpoints):
                return f"{kind}, which no probe may reach"
        if self._operator is not None and any(endpoint in network for endpoint in endpoints for network in _LOOPBACK):
            return _LOOPBACK_TEXT
        if any(endpoint in network for endpoint in endpoints for network in self._block.deny):
            return "within `outbound: deny`"
        if self._block.allow and not all(_within(endpoint, self._block.allow) for endpoint in endpoints):
            return "not within `outbound: allow`"
        return ""


def _within(address: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _endpoints(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the endpoints of an address: the address or its mapped IPv4 address, and its tunnel endpoints."""
    if isinstance(address, IPv4Address):
        yield address
        return
    yield address.ipv4_mapped or address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]
    if int(address) > 0xFFFF and any(address in network for network in _TRANSLATION_PREFIXES):  # ::1 is not translated
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
