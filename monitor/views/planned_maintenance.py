"""Planned maintenance as rows of the API and of `ninewatch maintenance list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.interval import DAY, Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from sla.exclusion import Exclusion
    from sla.maintenance_window import MaintenanceWindow

AHEAD: Final = 30 * DAY  # of planned maintenance that is listed


def upcoming(facts: Facts, portfolio: Portfolio, now: int) -> list[tuple[str, Exclusion]]:
    """Return the maintenance of the next 30 days with its product, by start: of the configuration and added windows."""
    span = Interval(now, now + AHEAD)
    planned = [
        (product.id, exclusion)
        for product in portfolio.products
        for exclusion in maintenance_exclusions(facts, portfolio, product.id, product.maintenance, span)
    ]
    return sorted(planned, key=lambda row: (row[1].interval.start, row[0], row[1].label))


def maintenance_row(product_id: str, exclusion: Exclusion) -> dict[str, str | None]:
    """Return a planned occurrence as an object; `id` and `author` are null for one of the configuration."""
    stated = exclusion.made is not None
    return {
        "product": product_id,
        "start": format_instant(exclusion.interval.start),
        "end": format_instant(exclusion.interval.end),
        "id": exclusion.label if stated else None,
        "author": exclusion.author or None,
        "reason": exclusion.reason or None,
    }


def window_json(window: MaintenanceWindow) -> dict[str, Any]:
    """Return the object of an added window in the API. `product` is null for all products."""
    return {
        "id": window.id,
        "product": window.product or None,
        "start": format_instant(window.interval.start),
        "end": format_instant(window.interval.end),
        "author": window.author,
        "reason": window.reason,
        "made": format_instant(window.made),
        "ended": None if window.ended is None else format_instant(window.ended),
    }
