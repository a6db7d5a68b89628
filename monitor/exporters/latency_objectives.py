"""Metric lines of latency objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.families import LATENCY_FAMILIES
from monitor.ledger.latency_objectives import latency_figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.exporters.exposition import Dialect
    from monitor.ledger.latency_objectives import LatencyFigure
    from monitor.ledger.ledger import Ledger

_SHARE, _OBJECTIVE, _REMAINING, _BURN = (family.name for family in LATENCY_FAMILIES)


class LatencyObjectiveLines:
    """The samples of the latency objectives of a ledger's products and checks."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the families that have a sample."""
        lines: dict[str, list[str]] = {family.name: [] for family in LATENCY_FAMILIES}
        for product in self._ledger.portfolio.products:
            for figure in latency_figures(self._ledger, product, now):
                for name, line in _samples(figure):
                    lines[name].append(line)
        return "".join(
            family.head(dialect) + "".join(lines[family.name]) for family in LATENCY_FAMILIES if lines[family.name]
        )


def _samples(figure: LatencyFigure) -> Iterator[tuple[str, str]]:
    measured = figure.measured
    labels = {"product": figure.product, "check": figure.check, "objective": str(measured.objective)}
    yield _OBJECTIVE, f"{series(_OBJECTIVE, **labels)}{float(measured.objective.objective.ratio)!r}\n"
    for bound, share in measured.share._asdict().items():
        if share is not None:
            yield _SHARE, f"{series(_SHARE, **labels, bound=bound)}{float(share)!r}\n"
    for name, value in ((_REMAINING, measured.remaining), (_BURN, measured.burn_rate)):
        if value is not None:
            yield name, f"{series(name, **labels)}{float(value)!r}\n"
