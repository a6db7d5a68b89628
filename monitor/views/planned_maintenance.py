"""Planned maintenance as rows of the API and of `ninewatch maintenance list`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from monitor.facts.planned_maintenance import maintenance_exclusions
from monitor.ledger.agreement_exclusions import maintenance_by
from sla.interval import DAY, Interval
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Portfolio, Product
    from monitor.facts.fact_index import Facts
    from sla.exclusion import Exclusion
    from sla.maintenance_terms import MaintenanceNotExcluded
    from sla.maintenance_window import MaintenanceWindow

DEFAULT_AHEAD: Final = 30 * DAY  # default length of the list of planned maintenance
MAX_AHEAD: Final = 400 * DAY


@dataclass(frozen=True, slots=True)
class Planned:
    """An occurrence of a product's maintenance, and the parts that its agreement does not exclude."""

    product: str
    exclusion: Exclusion
    not_excluded: tuple[MaintenanceNotExcluded, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the occurrence as an object; `id` and `author` are null for one of the configuration."""
        return {
            "product": self.product,
            "start": format_instant(self.exclusion.interval.start),
            "end": format_instant(self.exclusion.interval.end),
            "id": self.exclusion.label if self.exclusion.made is not None else None,
            "author": self.exclusion.author or None,
            "reason": self.exclusion.reason or None,
            "not_excluded": [part.as_json() for part in self.not_excluded],
        }


def upcoming(facts: Facts, portfolio: Portfolio, now: int, ahead: int = DEFAULT_AHEAD) -> list[Planned]:
    """Return the maintenance from now until `ahead` by start: that of the configuration, and added windows."""
    span = Interval(now, now + ahead)
    planned = [planned for product in portfolio.products for planned in _planned(facts, portfolio, product, span)]
    return sorted(planned, key=lambda row: (row.exclusion.interval.start, row.product, row.exclusion.label))


def _planned(facts: Facts, portfolio: Portfolio, product: Product, span: Interval) -> list[Planned]:
    not_excluded: Sequence[MaintenanceNotExcluded] = ()
    if "maintenance" in product.agreement.excludes:
        not_excluded = maintenance_by(product.agreement, product, span, portfolio, facts).not_excluded
    exclusions = maintenance_exclusions(facts, portfolio, product.id, product.maintenance, span)
    return [
        Planned(product.id, exclusion, tuple(entry for entry in not_excluded if _is_part(entry.exclusion, exclusion)))
        for exclusion in exclusions
    ]


def _is_part(part: Exclusion, exclusion: Exclusion) -> bool:
    span = exclusion.interval
    overlaps = part.interval.start < span.end and span.start < part.interval.end
    return overlaps and replace(part, interval=span) == exclusion


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
        "approved": None if window.approval is None else format_instant(window.approval.made),
        "approved_by": None if window.approval is None else window.approval.author,
    }
