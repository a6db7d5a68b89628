"""Notes about histories that were imported from another monitor, for pages and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.views.formatting import moment
from sla.fact import IMPORT
from sla.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact

_COUNTS: Final = "hours and days for which it kept only counts are unknown if a check failed in them"
_CHANGES: Final = "it kept only confirmed changes of state, so that single failed probes are missing"


def import_notes(ledger: Ledger, product_id: str, since: int) -> Iterator[str]:
    """Yield a note about each imported history of the product that ends after `since`, without a full stop."""
    for fact in ledger.facts.all:
        if fact.kind == IMPORT and ledger.facts.is_about(fact, product_id):
            tool, end, limits = _source_end_and_limits(fact)
            if end is None or end > since:
                until = "" if end is None else f" up to {moment(end, ledger.portfolio.zone).local}"
                yield f"The history{until} was imported from {tool}; {limits}"


def _source_end_and_limits(fact: Fact) -> tuple[str, int | None, str]:
    """Return the tool, the last imported observation and the limits of the source.

    A newer version may have recorded a fact of another form.
    """
    try:
        body = fact.content()
        extents = body["checks"].values()
        end = max(parse_instant(extent["end"]) for extent in extents)
        return str(body["tool"]), end, _CHANGES if any("states" in extent for extent in extents) else _COUNTS
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return "another monitor", None, _COUNTS
