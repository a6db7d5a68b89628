"""Compare the statements on the status feed of a product's supplier with the observed outages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sla.admission import MAX_DELAY, Admission, admissions, outages, unobserved
from sla.interval import DAY, Interval
from sla.supplier_statement import feed_states, readable_times, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.supplier_statement import FeedState, Statement

_LOOKBACK: Final = 7 * DAY  # search for outages from this long before the window, to find their start


@dataclass(frozen=True, slots=True)
class SupplierRecord:
    """The observed outages of a window, each with its statement, and the statements without an observed outage.

    `state` is the last recorded state of the feed, None if it was never read.
    """

    product: str
    admissions: Sequence[Admission]
    unobserved: Sequence[Statement]
    state: FeedState | None


def supplier_record(ledger: Ledger, product: Product, window: Interval, now: int) -> SupplierRecord | None:
    """Return the supplier's statements about the window, as known at `now`. None if there is no status feed."""
    own = [fact for fact in ledger.facts.of_supplier(product.id) if fact.made <= now]
    if product.status_feed is None and not own:
        return None
    stated, states = statements(own), feed_states(own)
    history, end = ledger.compositions[product.id], min(window.end + MAX_DELAY, now)
    searched = Interval(window.start - _LOOKBACK, max(end, window.start))
    observed = [outage for outage in outages(history, searched) if outage.interval.end > window.start - MAX_DELAY]
    compared = admissions(observed, stated, readable_times(states), now)
    spans = ((admission, admission.outage.interval) for admission in compared)
    overlapping = [admission for admission, span in spans if span.start < window.end and span.end > window.start]
    return SupplierRecord(
        product.id,
        overlapping,
        [statement for statement in unobserved(stated, observed) if _overlaps(statement, window)],
        states[-1] if states else None,
    )


def _overlaps(statement: Statement, window: Interval) -> bool:
    return statement.since < window.end and (statement.until is None or statement.until >= window.start)


def supplier_records(ledger: Ledger, product: Product, window: Interval, now: int) -> list[SupplierRecord]:
    """Return the records of the product and its direct dependencies that have a status feed."""
    names = [name for name in (product.id, *product.needs) if name in ledger.products]
    records = (supplier_record(ledger, ledger.products[name], window, now) for name in names)
    return [record for record in records if record is not None]
