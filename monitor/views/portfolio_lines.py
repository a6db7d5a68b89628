"""Keep the lines of the portfolio page for a short time, so that a page of hundreds of products costs little.

Only calm lines are kept: the product is up, and nothing about it fails, is degraded or is paused. Their figures over a
window of days change little within `MAX_AGE`. All others are computed for each page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.views.portfolio_line import PortfolioLine, portfolio_line
from sla.interval import MINUTE
from sla.observation import Outcome
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.config.model import Portfolio, Product
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger

MAX_AGE: Final = MINUTE


@dataclass(slots=True)
class _KeptLine:
    """A line with its rendered rows, in a group or not. It is valid from `at` to `until` for the same `inputs`."""

    line: PortfolioLine
    inputs: tuple[object, ...]
    at: int
    until: int
    rows: dict[bool, str] = field(default_factory=dict)


class PortfolioLines:
    """The lines of one portfolio by product. They are valid for the same configuration and facts."""

    def __init__(self) -> None:
        self._kept: dict[str, _KeptLine] = {}
        self._portfolio: Portfolio | None = None
        self._facts: Facts | None = None

    def line(self, ledger: Ledger, product: Product, open_incidents: int, now: int) -> PortfolioLine:
        """Return the line of the product. Its figures are at most `MAX_AGE` old, its state is that of now."""
        if self._portfolio is not ledger.portfolio or self._facts is not ledger.facts:
            self._kept.clear()
            self._portfolio, self._facts = ledger.portfolio, ledger.facts
        inputs = None if open_incidents else _calm_inputs(ledger, product, now)
        kept = self._kept.get(product.id)
        if kept is not None and kept.inputs == inputs and kept.at <= now < kept.until:
            return kept.line
        self._kept.pop(product.id, None)
        line = portfolio_line(ledger, product, open_incidents, now)
        if inputs is not None and not (line.row.degraded or line.row.paused):
            changes = [] if line.maintenance is None else [line.maintenance.changes_at]
            self._kept[product.id] = _KeptLine(line, inputs, now, min([now + MAX_AGE, *changes]))
        return line

    def row(self, line: PortfolioLine, render: Callable[[], str], *, grouped: bool) -> str:
        """Return the rendered row of the line. `grouped`: whether it is below the name of its team."""
        kept = self._kept.get(line.row.id)
        if kept is None or kept.line is not line:
            return render()
        if grouped not in kept.rows:
            kept.rows[grouped] = render()
        return kept.rows[grouped]


def _calm_inputs(ledger: Ledger, product: Product, now: int) -> tuple[object, ...] | None:
    """Return the values that a kept line depends on besides time. None if the product is not up or a check fails."""
    if ledger.state(product.id, now).point is not State.UP:
        return None
    seen: list[object] = []
    for entry in ledger.entries_of(product.id):
        for history in (entry, *entry.views.values()):
            run = history.open_run
            if run is not None and run.outcome is Outcome.BAD:
                return None
            seen.append(None if run is None else (run.outcome, run.reason))
    period = None if product.window.period is None else ledger.own_window(product.id, now).full
    return ledger.compositions[product.id].revision, period, *seen
