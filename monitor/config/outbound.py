"""Keys of the outbound policy: networks in CIDR notation, and address families."""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.errors import quoted
from monitor.config.values import AS_TEXT

Network = IPv4Network | IPv6Network


def _network(value: Any) -> Network:
    if isinstance(value, Network):
        return value
    try:
        return _unmap(ip_network(value if isinstance(value, str) else ""))
    except ValueError as error:
        mistake = "has bits set after its prefix; " if "host bits" in str(error) else "is not a network; "
        raise ValueError(f"{quoted(value)} {mistake}use e.g. 10.0.0.0/8, 192.0.2.7/32 or 2001:db8::/32") from None


def _unmap(network: Network) -> Network:
    """Return the IPv4 network of an IPv4-mapped IPv6 network (::ffff:0:0/96). Other networks are unchanged."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return network if mapped is None or network.prefixlen < 96 else IPv4Network((mapped, network.prefixlen - 96))


NetworkField = Annotated[
    Network,
    PlainValidator(_network),
    AS_TEXT,
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8", "2001:db8::/32"]}),
]
Networks = Annotated[tuple[NetworkField, ...], Field(min_length=1)]


class OutboundBlock(Model):
    """IP addresses that probes may connect to. The policy also applies after name lookup and redirects.

    Link-local addresses and the metadata addresses of clouds are always denied.
    """

    allow: Networks = ()
    """The only allowed networks. Default: all networks."""

    deny: Networks = ()
    """Denied networks, even if `allow` contains them."""


class Family(Enum):
    """Address family: which addresses of a host are tried, and in what order."""

    ANY = "any"
    IP4 = "ip4"
    IP6 = "ip6"
    IP4_FIRST = "ip4-first"
    IP6_FIRST = "ip6-first"

    def __str__(self) -> str:
        return str(self.value)


def _family(value: Any) -> Family:
    """Return the family with this name."""
    names = [family.value for family in Family]
    if not isinstance(value, Family) and value not in names:
        raise ValueError(f"must be {', '.join(names[:-1])} or {names[-1]}")
    return Family(value)


FamilyField = Annotated[
    Family, PlainValidator(_family), AS_TEXT, WithJsonSchema({"enum": [family.value for family in Family]})
]
