"""Latency objectives of products and their checks, measured from the latencies by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.ledger.latencies import day_of
from sla.interval import DAY, Interval
from sla.latency_objective import Fast, MeasuredLatency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.config.latency_objectives import LatencyObjectiveBlock
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.state_history import History


@dataclass(frozen=True, slots=True)
class LatencyFigure:
    """A measured latency objective of a product, or of one of its checks if `check` is not empty."""

    product: str
    check: str
    measured: MeasuredLatency

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API. `check` is null for an objective of the product."""
        return {"product": self.product, "check": self.check or None} | self.measured.as_json()


def latency_figures(ledger: Ledger, product: Product, now: int) -> Iterator[LatencyFigure]:
    """Yield the latency objectives of the product and its checks, measured up to the instant."""
    keys = [f"{product.id}/{check.id}" for check in product.checks]
    for block in product.objectives:
        measured = _measured(ledger, keys, ledger.compositions[product.id], block, now)
        yield LatencyFigure(product.id, "", measured)
    for key, check in zip(keys, product.checks, strict=True):
        for block in check.objectives:
            measured = _measured(ledger, [key], ledger.entries[key].timeline, block, now)
            yield LatencyFigure(product.id, check.id, measured)


def _measured(
    ledger: Ledger, keys: Iterable[str], history: History, block: LatencyObjectiveBlock, now: int
) -> MeasuredLatency:
    """Measure an objective over whole days and the part of the present day. The burn rate is since yesterday."""
    zone, limit = ledger.portfolio.zone, block.latency.limit
    window = Interval(day_of(now - block.window, zone)[0], now)
    recent_since = day_of(now - DAY, zone)[0]
    fast = recent = Fast()
    for key in keys:
        fast = fast.plus(ledger.fast_answers(key, limit, window.start, now))
        recent = recent.plus(ledger.fast_answers(key, limit, recent_since, now))
    return MeasuredLatency(block.latency, window, fast, history.durations(window), recent, recent_since)
