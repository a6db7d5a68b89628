"""Pauses of the configuration: the facts that a load adds for `enabled: false`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.definition import AUTHOR
from sla.pause import Pause, pause_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from sla.fact import Fact

REASON = "enabled: false"


def added_pauses(portfolio: Portfolio, facts: Facts, now: int) -> Iterator[Fact]:
    """Yield the pauses of products and checks that a load at `now` disables, and the ends of those that it enables."""
    open_pauses = {(pause.product, pause.check): pause for pause in facts.all_pauses if _is_open(pause)}
    disabled = configured_pauses(portfolio, now)
    yield from (pause.fact() for subject, pause in disabled.items() if subject not in open_pauses)
    for subject, pause in open_pauses.items():
        if subject not in disabled:
            yield pause_end(pause, max(now, pause.made), AUTHOR, "enabled: true")


def configured_pauses(portfolio: Portfolio, now: int) -> dict[tuple[str, str], Pause]:
    """Return the pauses from `now` on of all disabled products and checks, by product and check."""
    return {
        (product, check): Pause(product, check, now, None, AUTHOR, REASON) for product, check in _disabled(portfolio)
    }


def _is_open(pause: Pause) -> bool:
    return pause.configured and pause.ended is None


def _disabled(portfolio: Portfolio) -> Iterator[tuple[str, str]]:
    """Yield the product and the key of each disabled check; the key is empty for a disabled product."""
    for product in portfolio.products:
        if not product.enabled:
            yield product.id, ""
    for product, check in portfolio.probed():
        if not check.enabled:
            yield product.id, f"{product.id}/{check.id}"
