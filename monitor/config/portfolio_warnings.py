"""Warnings about values that are allowed but probably wrong, such as objectives that cannot be measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.config.dependent_clients import violations_of
from monitor.config.errors import Loc, LocatedMessages, Problem
from monitor.config.yaml_nodes import Node, key_path, locate
from sla.objective import format_duration
from sla.stage import ViolationKind

if TYPE_CHECKING:
    from monitor.config.model import CheckBase, Portfolio, Product

_MAINTENANCE_COUNTED = "downtime during maintenance is counted: the product's agreement does not exclude maintenance"

_NO_FAILOVER = "failovers are not observed: the product has fewer than two sites"

_NEVER_APPROVED = (
    "approval: maintenance of the configuration has no author, so that it cannot be approved and is not excluded; "
    "add windows with `ninewatch maintenance add`"
)


def portfolio_warnings(portfolio: Portfolio, root: Node, now: int) -> Iterator[Problem]:
    """Yield warnings about values that are allowed but probably wrong. Attestations are evaluated at `now`."""
    for number, product in enumerate(portfolio.products):
        for loc, message in (*_product_warnings(portfolio, product, now), *_check_warnings(product)):
            absolute: Loc = ("products", number, *loc)
            yield Problem(locate(root, absolute)[0], key_path(root, absolute), message)


def _product_warnings(portfolio: Portfolio, product: Product, now: int) -> LocatedMessages:
    """Yield warnings about a product, each with its location in the product's block."""
    if product.maintenance and "maintenance" not in product.agreement.excludes:
        yield ("maintenance",), _MAINTENANCE_COUNTED
    terms = product.agreement.maintenance
    if terms is not None and terms.approval is not None and (product.maintenance or portfolio.maintenance):
        yield ("agreement", "maintenance"), _NEVER_APPROVED
    yield from _site_warnings(product)
    for violation in violations_of(portfolio, product, product.readiness_at(now)):
        yield ("stage" if violation.kind is ViolationKind.CLIENTS else "objective",), violation.text
    for problem in product.burn_obstacles:
        yield ("objective",), problem


def _site_warnings(product: Product) -> LocatedMessages:
    """Yield warnings about expected failovers that cannot be observed."""
    if len(product.sites) >= 2:
        return
    if product.failover.within is not None:
        yield ("failover", "within"), f"{_NO_FAILOVER}; add them to `sites`"
    for index, block in enumerate(product.maintenance):
        if block.dr_expected:
            yield (
                ("maintenance", index, "dr_expected"),
                f"{_NO_FAILOVER}, so that no drill starts; add them to `sites`, or use drill: failover",
            )


def _check_warnings(product: Product) -> LocatedMessages:
    """Yield warnings about the checks of a product, each with its location in the product's block."""
    for index, check in enumerate(product.checks):
        for key, message in _timing_warnings(product, check):
            yield ("checks", index, key), message


def _timing_warnings(product: Product, check: CheckBase) -> Iterator[tuple[str, str]]:
    """Yield warnings about a check's interval and timeout, each with its key."""
    if (message := _interval_warning(product, check)) is not None:
        yield "interval", message
    if check.timeout > check.interval * 9 // 10:
        yield (
            "timeout",
            f"{format_duration(check.timeout)} is too close to the interval of {format_duration(check.interval)}: "
            f"during an outage every other probe is skipped; use {format_duration(check.interval * 4 // 5)} or less",
        )


def _interval_warning(product: Product, check: CheckBase) -> str | None:
    """Return a warning if the allowed downtime is less than twice the interval (measurement.md, section 6)."""
    allowed, window = product.objective.allowed(product.window.length), product.window
    period = format_duration(window.length) if window.period is None else f"a {window.period.text}"
    if allowed >= 2 * check.interval:
        return None
    return (
        f"{product.objective} over {period} allows {format_duration(int(allowed))} of "
        f"downtime, which is too short to measure with an interval of {format_duration(check.interval)}; "
        f"use {format_duration(int(allowed / 2))} or less"
    )
