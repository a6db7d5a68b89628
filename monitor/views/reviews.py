"""The review cycles of the products' objectives: what is due, what is overdue, and the figures for a review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.ledger.latency_objectives import latency_figures
from monitor.ledger.product_readiness import readiness_of
from monitor.views.formatting import Moment, moment
from monitor.views.readiness import promise_of
from sla.interval import SECOND
from sla.objective_review import DECISIONS, ObjectiveReview, review_due
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices


@dataclass(frozen=True, slots=True)
class ReviewCycle:
    """The review cycle of a product's objectives at an instant. `every`, `due` and `overdue` are in microseconds.

    `overdue` is the time since the next review was due, 0 if it is not overdue. `last` is None before the first review.
    """

    product: str
    name: str
    owner: str
    every: int
    due: int
    overdue: int
    last: ObjectiveReview | None

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "product": self.product,
            "owner": self.owner,
            "every_seconds": self.every / SECOND,
            "due": format_instant(self.due),
            "overdue": self.overdue > 0,
            "last": None if self.last is None else self.last.as_json(),
        }


def review_cycle(ledger: Ledger, product: Product, now: int) -> ReviewCycle | None:
    """Return the review cycle of the product's objectives. None without `review` in the configuration.

    A product without a definition in the record, which has not been started yet, is defined now.
    """
    if (block := product.review) is None:
        return None
    reviews = [review for review in ledger.facts.reviews(product.id) if review.made <= now]
    definitions = ledger.definitions(product.id)
    last = reviews[-1] if reviews else None
    due = review_due(last, definitions[0].made if definitions else now, block.every)
    return ReviewCycle(product.id, product.name, block.owner, block.every, due, max(0, now - due), last)


def review_cycles(ledger: Ledger, now: int) -> Iterator[ReviewCycle]:
    """Yield the review cycles of all products that have one, in the order of the configuration."""
    for product in ledger.portfolio.products:
        if (cycle := review_cycle(ledger, product, now)) is not None:
            yield cycle


def overdue_reviews(ledger: Ledger, now: int) -> list[ReviewCycle]:
    """Return the review cycles whose review is overdue, the longest overdue first."""
    overdue = [cycle for cycle in review_cycles(ledger, now) if cycle.overdue]
    return sorted(overdue, key=lambda cycle: (cycle.due, cycle.product))


@dataclass(frozen=True, slots=True)
class ReviewView:
    """The review cycle of a product for its page. `decision`, `reason` and `author` are empty before a review."""

    owner: str
    every: int
    due: Moment
    overdue: int
    reviewed: Moment | None
    decision: str
    reason: str
    author: str


def review_view(cycle: ReviewCycle | None, zone: ZoneInfo) -> ReviewView | None:
    """Return the review cycle with its last review as text. None without a cycle."""
    if cycle is None:
        return None
    due, last = moment(cycle.due, zone), cycle.last
    if last is None:
        return ReviewView(cycle.owner, cycle.every, due, cycle.overdue, None, "", "", "")
    made, decision = moment(last.made, zone), DECISIONS[last.decision]
    return ReviewView(cycle.owner, cycle.every, due, cycle.overdue, made, decision, last.reason, last.author)


async def reviewed_figures(ledger: Ledger, product: Product, now: int, slices: TimeSlices) -> dict[str, Any]:
    """Return the figures that a review is based on, over the product's own window, as plain data.

    Raw and contractual figures have the format of measurement.md, section 11.
    """
    window = ledger.own_window(product.id, now)
    raw = ledger.measured(product.id, window, now)
    await slices.yield_if_spent()
    contractual = ledger.contractual(product.id, window)
    await slices.yield_if_spent()
    promise = promise_of(product, raw, readiness_of(ledger, product.id, now))
    figures = {"raw": raw.as_json(product=product.id), "contractual": contractual.as_json(product=product.id)}
    latency = [figure.as_json() for figure in latency_figures(ledger, product, now)]
    return figures | {"promise": promise.as_json()} | ({"latency_objectives": latency} if latency else {})
