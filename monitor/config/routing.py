"""Find the receivers of an alert, and mistakes in routes: unknown ids, receivers that depend on the alert's product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from monitor.config.errors import Loc, LocatedMessages, Problem, quoted
from monitor.config.escalation import receivers_of
from monitor.config.escalation_checks import escalation_mistakes, escalation_warnings, receiver_references
from monitor.config.yaml_nodes import Node, key_path, locate
from sla.interval import Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.config.alerting import Route
    from monitor.config.escalation import Escalation
    from monitor.config.model import Portfolio, Product
    from sla.service_hours import ServiceHours


def receiver_ids_for(
    portfolio: Portfolio, product: Product | None, severity: Severity, now: int | None = None
) -> list[str]:
    """Return the ids of an alert's receivers at the instant `now`, or at any time if None, without duplicates.

    `product` is None for an alert about the monitor itself. It matches every route without `products`, `teams` and
    `stages`.
    """
    if not portfolio.routes:
        return [] if severity is Severity.NOTE else [receiver.id for receiver in portfolio.receivers if receiver.alerts]
    zone = portfolio.zone
    matching = (route.to for route in portfolio.routes if _matches(route, product, severity, now, zone))
    return list(dict.fromkeys(name for names in matching for name in names))


def escalations_for(
    portfolio: Portfolio, product: Product | None, severity: Severity, now: int | None = None
) -> list[Escalation]:
    """Return an alert's escalations at the instant `now`, or at any time if None, without duplicates."""
    zone = portfolio.zone
    names = {route.escalation for route in portfolio.routes if _matches(route, product, severity, now, zone)}
    return [escalation for escalation in portfolio.escalations if escalation.id in names]


def all_receiver_ids_for(portfolio: Portfolio, product: Product | None, severity: Severity) -> list[str]:
    """Return the ids of all receivers of an alert at any time, including those of all escalation steps."""
    steps = (receivers_of(portfolio, escalation) for escalation in escalations_for(portfolio, product, severity))
    return list(
        dict.fromkeys((*receiver_ids_for(portfolio, product, severity), *(name for names in steps for name in names)))
    )


def _matches(route: Route, product: Product | None, severity: Severity, now: int | None, zone: ZoneInfo) -> bool:
    return (
        severity in route.severities
        and (product is None or _matches_product(route, product))
        and not (product is None and (route.products or route.teams or route.stages))
        and (route.hours is None or now is None or is_within(route.hours, now, zone))
    )


def _matches_product(route: Route, product: Product) -> bool:
    return (
        (not route.products or product.id in route.products)
        and (not route.teams or product.team in route.teams)
        and (not route.stages or product.stage in route.stages)
    )


def is_within(hours: ServiceHours, now: int, zone: ZoneInfo) -> bool:
    """Return whether the local time in the zone is within the hours."""
    return any(hours.within(Interval(now, now + 1), zone))


def routing_problems(portfolio: Portfolio, root: Node) -> Iterator[Problem]:
    """Yield the problems of receivers and routes in an otherwise valid portfolio."""
    checks = (_duplicate_ids, _unknown_ids, _unsuitable_receivers, _dependent_receivers, escalation_mistakes)
    for loc, message in (problem for check in checks for problem in check(portfolio)):
        yield Problem(locate(root, loc)[0], key_path(root, loc), message)


def _duplicate_ids(portfolio: Portfolio) -> LocatedMessages:
    for number, name in _repeated(receiver.id for receiver in portfolio.receivers):
        message = f"{quoted(name)} is already the id of a receiver; choose another id"
        yield ("receivers", number, "id"), message
    for number, name in _repeated(report.to for report in portfolio.alerting.monthly_reports):
        message = f"{quoted(name)} already gets a monthly report; list all its products in one entry"
        yield ("alerting", "monthly_reports", number, "to"), message


def _repeated(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the second position of each name that occurs more than once."""
    counts: Counter[str] = Counter()
    for number, name in enumerate(names):
        counts[name] += 1
        if counts[name] == 2:
            yield number, name


def _unknown_ids(portfolio: Portfolio) -> LocatedMessages:
    receivers = [receiver.id for receiver in portfolio.receivers]
    products = [product.id for product in portfolio.products]
    heartbeat = portfolio.alerting.heartbeat
    references: list[tuple[Loc, str, str, list[str]]] = [
        *(
            (("routes", n, "to"), to, "receiver", receivers)
            for n, route in enumerate(portfolio.routes)
            for to in route.to
        ),
        *(
            (("routes", n, "products", i), name, "product", products)
            for n, route in enumerate(portfolio.routes)
            for i, name in enumerate(route.products)
        ),
        *(
            (("receivers", n, "depends_on", i), name, "product", products)
            for n, receiver in enumerate(portfolio.receivers)
            for i, name in enumerate(receiver.depends_on)
        ),
        *(
            (("alerting", "monthly_reports", n, "products", i), name, "product", products)
            for n, report in enumerate(portfolio.alerting.monthly_reports)
            for i, name in enumerate(report.products)
        ),
        *([] if heartbeat is None else [(("alerting", "heartbeat", "to"), heartbeat.to, "receiver", receivers)]),
        *((loc, name, "receiver", receivers) for loc, name in receiver_references(portfolio)),
        *((loc, name, "receiver", receivers) for loc, name in _report_receivers(portfolio)),
    ]
    for loc, name, description, known in references:
        if name not in known:
            yield loc, f"unknown {description} {quoted(name)}; {_known_ids(known, description)}"


def _unsuitable_receivers(portfolio: Portfolio) -> LocatedMessages:
    """Yield routes to receivers that accept no alerts, and a heartbeat to a receiver that accepts no heartbeats."""
    receivers = {receiver.id: receiver for receiver in portfolio.receivers}
    routes: list[tuple[Loc, str]] = [
        (("routes", n, "to"), to) for n, route in enumerate(portfolio.routes) for to in route.to
    ]
    for loc, name in (*routes, *receiver_references(portfolio)):
        if name in receivers and not receivers[name].alerts:
            yield loc, f"{quoted(name)} accepts the heartbeat only; use another receiver"
    heartbeat = portfolio.alerting.heartbeat
    if heartbeat is not None and heartbeat.to in receivers and not receivers[heartbeat.to].heartbeats:
        kinds = "webhook, alertmanager, healthchecks or pagerduty_heartbeat"
        message = f"{quoted(heartbeat.to)} accepts no heartbeat; use a {kinds} receiver"
        yield ("alerting", "heartbeat", "to"), message
    for loc, name in _report_receivers(portfolio):
        if name in receivers and not receivers[name].accepts_reports:
            yield loc, f"{quoted(name)} accepts no reports; use a chat, e-mail, ntfy, GC Notify, Apprise or a webhook"


def _report_receivers(portfolio: Portfolio) -> Iterator[tuple[Loc, str]]:
    for number, report in enumerate(portfolio.alerting.reports):
        yield ("alerting", "reports", number, "to"), report.to
    for number, monthly in enumerate(portfolio.alerting.monthly_reports):
        yield ("alerting", "monthly_reports", number, "to"), monthly.to


def _known_ids(known: list[str], description: str) -> str:
    return f"known {description}s: {', '.join(sorted(known))}" if known else f"add one under {description}s:"


def _dependent_receivers(portfolio: Portfolio) -> LocatedMessages:
    """Yield receivers of pages that depend on the product of the page."""
    dependencies = _all_dependencies(portfolio)
    indexes = {receiver.id: number for number, receiver in enumerate(portfolio.receivers)}
    for product in portfolio.products:
        receivers = [name for name in all_receiver_ids_for(portfolio, product, Severity.PAGE) if name in indexes]
        dependent = {
            name: needed
            for name in receivers
            if (needed := _shared_dependency(portfolio, dependencies, name, product.id))
        }
        configured = {name for route in portfolio.routes if product.id in route.products for name in route.to}
        for name, needed in dependent.items():
            if len(dependent) == len(receivers) or name in configured:
                path = "" if needed == product.id else f", which depends on {quoted(product.id)}"
                yield (
                    ("receivers", indexes[name], "depends_on"),
                    f"pages about {quoted(product.id)} depend on {quoted(needed)}{path}, so none is delivered while"
                    f" {quoted(product.id)} is down; route them to a receiver that does not depend on it",
                )


def _all_dependencies(portfolio: Portfolio) -> dict[str, set[str]]:
    """Return product id -> that id and the ids of all direct and indirect dependencies."""
    direct = {product.id: set(product.needs) for product in portfolio.products}
    dependencies: dict[str, set[str]] = {}
    for name in direct:
        visited, pending = {name}, [name]
        while pending:
            new = direct.get(pending.pop(), set()) - visited
            visited |= new
            pending += new
        dependencies[name] = visited
    return dependencies


def _shared_dependency(
    portfolio: Portfolio, dependencies: dict[str, set[str]], receiver_id: str, product_id: str
) -> str:
    """Return a dependency of the receiver that fails together with the product. Empty if there is none."""
    receiver = next(receiver for receiver in portfolio.receivers if receiver.id == receiver_id)
    return next((name for name in receiver.depends_on if product_id in dependencies.get(name, set())), "")


def routing_warnings(portfolio: Portfolio, root: Node, now: int) -> Iterator[Problem]:
    """Yield products whose pages match no route, and receivers that no route uses."""
    if not portfolio.receivers:
        return
    used: set[str] = set()
    for number, product in enumerate(portfolio.products):
        used |= {name for severity in Severity for name in all_receiver_ids_for(portfolio, product, severity)}
        if not all_receiver_ids_for(portfolio, product, Severity.PAGE):
            loc: Loc = ("products", number, "id")
            message = "no route matches its pages; add a route, or one without products, teams and stages"
            yield Problem(locate(root, loc)[0], key_path(root, loc), message)
    for at, message in escalation_warnings(portfolio, now):
        yield Problem(locate(root, at)[0], key_path(root, at), message)
    heartbeat = portfolio.alerting.heartbeat
    used |= {name for _, name in _report_receivers(portfolio)} | ({heartbeat.to} if heartbeat is not None else set())
    for number, receiver in enumerate(portfolio.receivers):
        if receiver.id not in used:
            id_loc: Loc = ("receivers", number, "id")
            yield Problem(
                locate(root, id_loc)[0],
                key_path(root, id_loc),
                "no route uses this receiver; add a route, or remove the receiver",
            )
