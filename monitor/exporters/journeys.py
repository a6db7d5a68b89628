"""Metric lines of the clean-ups of journeys; empty without journeys that write."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.feature_families import JOURNEY_FAMILIES

if TYPE_CHECKING:
    from monitor.exporters.exposition import Dialect
    from monitor.ledger.ledger import Ledger


class JourneyLines:
    """The samples of a ledger's journeys."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the families with samples."""
        register = self._ledger.journeys
        pending = Counter(run.owner for run in register.open_runs)
        owners = sorted({*pending, *register.left_behind})
        if not owners:
            return ""
        counts = (pending, register.left_behind)
        return "".join(
            family.head(dialect) + "".join(_line(family.name, owner, count[owner]) for owner in owners)
            for family, count in zip(JOURNEY_FAMILIES, counts, strict=True)
        )


def _line(name: str, owner: str, count: int) -> str:
    product, _, check = owner.partition("/")
    return f"{series(name, product=product, check=check)}{count!r}\n"
