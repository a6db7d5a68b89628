"""The receivers of an alert, and mistakes in routes: unknown names, and pages that go through what they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.config.errors import Loc, Problem, quoted
from monitor.config.escalation import receivers_of
from monitor.config.escalation_checks import escalation_mistakes, escalation_warnings, named_receivers
from monitor.config.yaml_nodes import Node, key_path, locate
from sla.interval import Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.config.alerting import Route
    from monitor.config.escalation import Escalation
    from monitor.config.model import Portfolio, Product
    from sla.service_hours import ServiceHours


def routed(portfolio: Portfolio, product: Product | None, severity: Severity, now: int | None = None) -> list[str]:
    """Return the ids of the receivers of such an alert at the instant, or at any hour; each once.

    `product` is None for an alert about the monitor itself, which every route matches that names no product.
    """
    if not portfolio.routes:
        return [] if severity is Severity.NOTE else [receiver.id for receiver in portfolio.receivers if receiver.alerts]
    zone = portfolio.zone
    found = (route.to for route in portfolio.routes if _matches(route, product, severity, now, zone))
    return list(dict.fromkeys(name for names in found for name in names))


def escalated(
    portfolio: Portfolio, product: Product | None, severity: Severity, now: int | None = None
) -> list[Escalation]:
    """Return the escalations of such an alert at the instant, or at any hour; each once."""
    zone = portfolio.zone
    names = {route.escalation for route in portfolio.routes if _matches(route, product, severity, now, zone)}
    return [each for each in portfolio.escalations if each.id in names]


def reached(portfolio: Portfolio, product: Product | None, severity: Severity) -> list[str]:
    """Return the ids of the receivers that such an alert may reach at any hour, by any step of an escalation."""
    steps = (receivers_of(portfolio, each) for each in escalated(portfolio, product, severity))
    return list(dict.fromkeys((*routed(portfolio, product, severity), *(name for names in steps for name in names))))


def _matches(route: Route, product: Product | None, severity: Severity, now: int | None, zone: ZoneInfo) -> bool:
    return (
        severity in route.severities
        and (product is None or _about(route, product))
        and not (product is None and (route.products or route.teams or route.stages))
        and (route.hours is None or now is None or shown(route.hours, now, zone))
    )


def _about(route: Route, product: Product) -> bool:
    return (
        (not route.products or product.id in route.products)
        and (not route.teams or product.team in route.teams)
        and (not route.stages or product.stage in route.stages)
    )


def shown(hours: ServiceHours, now: int, zone: ZoneInfo) -> bool:
    """Return whether the zone's wall clock shows a time within the hours."""
    return any(hours.within(Interval(now, now + 1), zone))


def routing_problems(portfolio: Portfolio, root: Node) -> Iterator[Problem]:
    """Yield what is wrong with receivers and routes of a portfolio that is valid in all else."""
    found = (_twice, _unknown, _unfit, _circular, escalation_mistakes)
    for loc, message in (each for find in found for each in find(portfolio)):
        yield Problem(locate(root, loc)[0], key_path(root, loc), message)


def _twice(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    seen: Counter[str] = Counter()
    for number, receiver in enumerate(portfolio.receivers):
        seen[receiver.id] += 1
        if seen[receiver.id] == 2:
            yield ("receivers", number, "id"), f"{quoted(receiver.id)} already names a receiver; choose another id"


def _unknown(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    receivers = [receiver.id for receiver in portfolio.receivers]
    products = [product.id for product in portfolio.products]
    heartbeat = portfolio.alerting.heartbeat
    named: list[tuple[Loc, str, str, list[str]]] = [
        *(
            (("routes", n, "to"), to, "receiver", receivers)
            for n, each in enumerate(portfolio.routes)
            for to in each.to
        ),
        *(
            (("routes", n, "products", i), name, "product", products)
            for n, each in enumerate(portfolio.routes)
            for i, name in enumerate(each.products)
        ),
        *(
            (("receivers", n, "depends_on", i), name, "product", products)
            for n, each in enumerate(portfolio.receivers)
            for i, name in enumerate(each.depends_on)
        ),
        *([] if heartbeat is None else [(("alerting", "heartbeat", "to"), heartbeat.to, "receiver", receivers)]),
        *((loc, name, "receiver", receivers) for loc, name in named_receivers(portfolio)),
    ]
    for loc, name, what, known in named:
        if name not in known:
            yield loc, f"there is no {what} {quoted(name)}; there {_are(known, what)}"


def _unfit(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield routes to receivers that take no alerts, and a heartbeat to one that takes none."""
    held = {receiver.id: receiver for receiver in portfolio.receivers}
    routes: list[tuple[Loc, str]] = [
        (("routes", n, "to"), to) for n, each in enumerate(portfolio.routes) for to in each.to
    ]
    for loc, name in (*routes, *named_receivers(portfolio)):
        if name in held and not held[name].alerts:
            yield loc, f"{quoted(name)} takes the heartbeat only; name another receiver"
    heartbeat = portfolio.alerting.heartbeat
    if heartbeat is not None and heartbeat.to in held and not held[heartbeat.to].heartbeats:
        able = "webhook, alertmanager or healthchecks"
        yield ("alerting", "heartbeat", "to"), f"{quoted(heartbeat.to)} takes no heartbeat; name a {able} receiver"


def _are(known: list[str], what: str) -> str:
    return f"are {', '.join(sorted(known))}" if known else f"is no {what} at all; add one under {what}s:"


def _circular(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    """Yield receivers of pages that need the product which the page is about."""
    needs = _needs(portfolio)
    places = {receiver.id: number for number, receiver in enumerate(portfolio.receivers)}
    for product in portfolio.products:
        receivers = [name for name in reached(portfolio, product, Severity.PAGE) if name in places]
        circular = {name: on for name in receivers if (on := _dependence(portfolio, needs, name, product.id))}
        named = {name for route in portfolio.routes if product.id in route.products for name in route.to}
        for name, on in circular.items():
            if len(circular) == len(receivers) or name in named:
                way = "" if on == product.id else f", which needs {quoted(product.id)}"
                yield (
                    ("receivers", places[name], "depends_on"),
                    f"pages about {quoted(product.id)} would go through {quoted(on)}{way}: nothing would arrive while"
                    " it is down; route them to a receiver that does not depend on it",
                )


def _needs(portfolio: Portfolio) -> dict[str, set[str]]:
    """Return for each product all that it needs, directly or not, and itself."""
    direct = {product.id: set(product.needs) for product in portfolio.products}
    found: dict[str, set[str]] = {}
    for name in direct:
        reached, left = {name}, [name]
        while left:
            new = direct.get(left.pop(), set()) - reached
            reached |= new
            left += new
        found[name] = reached
    return found


def _dependence(portfolio: Portfolio, needs: dict[str, set[str]], receiver: str, product: str) -> str:
    """Return the product that the receiver depends on and that is down with `product`; nothing if none is."""
    held = next(each for each in portfolio.receivers if each.id == receiver)
    return next((name for name in held.depends_on if product in needs.get(name, set())), "")


def routing_warnings(portfolio: Portfolio, root: Node, now: int) -> Iterator[Problem]:
    """Yield products whose pages no route takes, and receivers that no alert reaches."""
    if not portfolio.receivers:
        return
    used: set[str] = set()
    for number, product in enumerate(portfolio.products):
        used |= {name for severity in Severity for name in reached(portfolio, product, severity)}
        if not reached(portfolio, product, Severity.PAGE):
            loc: Loc = ("products", number, "id")
            message = "no route takes its pages; add a route, or one without products, teams and stages"
            yield Problem(locate(root, loc)[0], key_path(root, loc), message)
    for at, message in escalation_warnings(portfolio, now):
        yield Problem(locate(root, at)[0], key_path(root, at), message)
    heartbeat = portfolio.alerting.heartbeat
    for number, receiver in enumerate(portfolio.receivers):
        if receiver.id not in used and (heartbeat is None or heartbeat.to != receiver.id):
            where: Loc = ("receivers", number, "id")
            yield Problem(
                locate(root, where)[0], key_path(root, where), "no route leads to it; add one, or take it out"
            )
