"""Notes about histories that were imported from another monitor, for pages and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.views.formatting import moment
from sla.fact import IMPORT
from sla.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.ledger.ledger import Ledger


def import_notes(ledger: Ledger, product_id: str, since: int) -> Iterator[str]:
    """Yield a note about each imported history of the product that ends after `since`, without a full stop."""
    for fact in ledger.facts.all:
        if fact.kind == IMPORT and ledger.facts.is_about(fact, product_id):
            body = fact.content()
            end = max(parse_instant(extent["end"]) for extent in body["checks"].values())
            if end > since:
                until = moment(end, ledger.portfolio.zone).local
                yield (
                    f"The history up to {until} was imported from {body['tool']}; hours and days for which it kept"
                    " only counts are unknown if a check failed in them"
                )
