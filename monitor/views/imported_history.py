"""Notes about histories that were imported from another monitor, for pages and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.views.formatting import moment
from sla.fact import IMPORT
from sla.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact


def import_notes(ledger: Ledger, product_id: str, since: int) -> Iterator[str]:
    """Yield a note about each imported history of the product that ends after `since`, without a full stop."""
    for fact in ledger.facts.all:
        if fact.kind == IMPORT and ledger.facts.is_about(fact, product_id):
            tool, end = _source_and_end(fact)
            if end is None or end > since:
                until = "" if end is None else f" up to {moment(end, ledger.portfolio.zone).local}"
                yield (
                    f"The history{until} was imported from {tool}; hours and days for which it kept"
                    " only counts are unknown if a check failed in them"
                )


def _source_and_end(fact: Fact) -> tuple[str, int | None]:
    """Return the tool and the last imported observation. A newer version may have recorded a fact of another form."""
    try:
        body = fact.content()
        return str(body["tool"]), max(parse_instant(extent["end"]) for extent in body["checks"].values())
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return "another monitor", None
