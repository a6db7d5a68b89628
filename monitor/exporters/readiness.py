"""The readiness of a product for its metrics, computed when facts change and at most once per minute otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.ledger.product_readiness import readiness_of
from sla.interval import MINUTE

if TYPE_CHECKING:
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.readiness import Readiness

# Too slow for every scrape: it searches a year of outages of each dependency.
MAX_AGE: Final = MINUTE


class ReadinessFigures:
    """The last computed readiness of a product; None without a checklist."""

    __slots__ = ("_at", "_facts", "_ledger", "_product", "newest")

    def __init__(self, ledger: Ledger, product: str) -> None:
        self._ledger, self._product = ledger, product
        self._at: int | None = None
        self._facts: Facts | None = None
        self.newest: Readiness | None = None

    def update(self, now: int) -> bool:
        """Recompute the readiness if due; return whether it was recomputed."""
        recent = self._at is not None and self._at <= now < self._at + MAX_AGE
        if recent and self._facts is self._ledger.facts:
            return False
        self._at, self._facts = now, self._ledger.facts
        self.newest = readiness_of(self._ledger, self._product, now)
        return True
