"""Warnings about references that cannot show whether this vantage can observe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.config.errors import LocatedMessages, Problem, quoted
from monitor.config.outbound import Family
from monitor.config.yaml_nodes import Node, key_path, locate

if TYPE_CHECKING:
    from monitor.config.check import CheckBase
    from monitor.config.model import Portfolio

MIN_FAR = 2
_NETWORK_BITS = {4: 24, 6: 48}  # usual prefix length of one site
_ADVICE = "add two that do not depend on each other, in other networks than the products"


def reference_warnings(portfolio: Portfolio, root: Node) -> Iterator[Problem]:
    """Yield warnings about too few far references, about common dependencies, and about networks without references."""
    warnings = (*_without_permission(portfolio), *_uplink_warnings(portfolio), *_unknown_networks(portfolio))
    for loc, message in warnings:
        yield Problem(locate(root, loc)[0], key_path(root, loc), message)


def _without_permission(portfolio: Portfolio) -> LocatedMessages:
    """Yield references that this process lacks the permission to probe, so that they have no effect."""
    for number, reference in enumerate(portfolio.references):
        if message := reference.missing_permission():
            yield ("references", number, reference.kind), message


def _uplink_warnings(portfolio: Portfolio) -> LocatedMessages:
    via_uplink = [check for product, check in portfolio.checks() if product.via is None]
    local = all(map(_is_local, via_uplink))
    if local and not (via_uplink and portfolio.references):
        return
    usable = [reference for reference in portfolio.references if not reference.missing_permission()]
    far = [reference for reference in usable if not reference.near and reference.via is None]
    hosts = {host_of(reference) for reference in far}
    if len(far) < MIN_FAR:
        count = "there is no far reference" if not far else "there is only one far reference"
        yield (
            ("references",),
            f"{count}: a failure of the monitor's connection looks like an outage of products; {_ADVICE}",
        )
        return
    if local and all(map(_is_local, far)):
        return
    yield from _lone_references(far)
    if (common := _common_network(hosts)) is not None:
        yield ("references",), f"all far references are in {common}, which may fail as a whole; {_ADVICE}"
    elif (name := _common_product(portfolio, hosts)) is not None:
        yield ("references",), f"all far references are targets of the product {quoted(name)}; {_ADVICE}"


def _lone_references(far: Sequence[CheckBase]) -> LocatedMessages:
    """Yield address families that a single far reference decides (`sla/vantage.py`)."""
    families = [_only_family(reference) for reference in far]
    for family, name in ((Family.IP4, "IPv4"), (Family.IP6, "IPv6")):
        if families.count(family) == 1 and None not in families:
            message = (
                f"only {far[families.index(family)].id} is a far reference over {name}: if it fails alone, outages"
            )
            yield ("references",), f"{message} of products over {name} are recorded as unknown; add another one"


def _only_family(check: CheckBase) -> Family | None:
    """Return the address family to which an IP address or the key `family` limits a check; None if neither does."""
    try:
        return Family.IP4 if ip_address(host_of(check)).version == 4 else Family.IP6
    except ValueError:  # a name
        family = getattr(check, "family", Family.ANY)
        return family if family in (Family.IP4, Family.IP6) else None


def _unknown_networks(portfolio: Portfolio) -> LocatedMessages:
    """Yield products behind a network without references: those of the uplink decide for them."""
    known = {reference.via for reference in portfolio.references}
    for number, product in enumerate(portfolio.products):
        if product.via is not None and product.via not in known:
            message = f"no reference has via: {product.via}, so the references of the uplink apply; add one"
            yield ("products", number, "via"), message


def host_of(check: CheckBase) -> str:
    """Return the host that a check connects to. Empty if its kind has no host or it uses the machine's resolvers."""
    target = getattr(check, "resolver", "") if check.kind == "dns" else getattr(check, check.kind, "")
    if isinstance(target, str) and "://" in target:
        return urlsplit(target).hostname or ""
    return str(getattr(target, "host", target) or "")


def _is_local(check: CheckBase) -> bool:
    """Return whether no connection beyond the local network is needed: loopback, or a name without a domain.

    Such names are those of services in a cluster or a compose file. A journey is local if all of its steps are.
    """
    if check.kind == "steps":
        return all(_is_local(step.definition.check) for step in getattr(check, "steps", ()))
    host = host_of(check)
    if check.kind in ("heartbeat", "exec"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return "." not in host


def _common_network(hosts: Iterable[str]) -> str | None:
    """Return the network or the domain that contains all hosts, None if there is none."""
    networks = set(map(_network_of, hosts))
    return networks.pop() if len(networks) == 1 else None


def _network_of(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return ".".join(host.lower().rstrip(".").split(".")[-2:]) or "the machine's resolvers"
    return str(ip_network((address, _NETWORK_BITS[address.version]), strict=False))


def _common_product(portfolio: Portfolio, hosts: set[str]) -> str | None:
    """Return the product whose checks have all hosts as targets, None if there is none."""
    targets: dict[str, set[str]] = {}
    for product, check in portfolio.checks():
        targets.setdefault(product.id, set()).add(host_of(check))
    return next((name for name, known in targets.items() if hosts <= known), None)
