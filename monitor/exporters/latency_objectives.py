"""Metric lines of latency objectives."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.feature_families import LATENCY_FAMILIES
from monitor.exporters.product_selection import ProductSelection
from monitor.ledger.latency_objectives import latency_figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.config.model import Product
    from monitor.exporters.exposition import Dialect
    from monitor.ledger.latency_objectives import LatencyFigure
    from monitor.ledger.ledger import Ledger

_SHARE, _OBJECTIVE, _REMAINING, _BURN, _ALERTING = (family.name for family in LATENCY_FAMILIES)


class LatencyObjectiveLines:
    """The samples of the latency objectives of a ledger's products and checks."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lines: Mapping[str, Sequence[str]] = {}
        self._with_objectives = ProductSelection(_has_objectives)

    def measure(self, now: int) -> Iterator[None]:
        """Measure all objectives. Yields after each product: the first measurement of a day takes milliseconds."""
        lines: dict[str, list[str]] = defaultdict(list)
        for product in self._with_objectives.of(self._ledger.portfolio):
            if self._ledger.products.get(product.id) is product:  # a reload may have replaced it
                for figure in latency_figures(self._ledger, product, now):
                    for name, line in _samples(figure):
                        lines[name].append(line)
                yield
        self._lines = lines

    def text(self, _now: int, dialect: Dialect) -> str:
        """Return the families with samples."""
        return "".join(
            family.head(dialect) + "".join(self._lines[family.name])
            for family in LATENCY_FAMILIES
            if family.name in self._lines
        )


def _has_objectives(product: Product) -> bool:
    return bool(product.objectives) or any(check.objectives for check in product.checks)


def _samples(figure: LatencyFigure) -> Iterator[tuple[str, str]]:
    measured = figure.measured
    labels = {"product": figure.product, "check": figure.check, "objective": str(measured.objective)}
    yield _OBJECTIVE, f"{series(_OBJECTIVE, **labels)}{float(measured.objective.objective.ratio)!r}\n"
    for bound, share in measured.share._asdict().items():
        if share is not None:
            yield _SHARE, f"{series(_SHARE, **labels, bound=bound)}{float(share)!r}\n"
    burns = (_BURN, measured.burn_rate), (_ALERTING, figure.alerting_burn)
    for name, value in ((_REMAINING, measured.remaining), *burns):
        if value is not None:
            yield name, f"{series(name, **labels)}{float(value)!r}\n"
