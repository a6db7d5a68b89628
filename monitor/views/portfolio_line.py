"""A product as the portfolio page lists it: its row, contractual budget, next maintenance and readiness."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from monitor.facts.planned_maintenance import maintenance_exclusions
from monitor.ledger.product_readiness import readiness_of
from monitor.views.budget import gauge_width
from monitor.views.formatting import Moment, moment
from monitor.views.page_frame import is_recent, newest_observation
from monitor.views.product_summary import ProductRow, row_of
from sla.interval import DAY, Interval
from sla.readiness import ItemState

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.budget import Budget
    from sla.measured import MeasuredObjective

MAINTENANCE_AHEAD: Final = 60 * DAY


@dataclass(frozen=True, slots=True)
class NextMaintenance:
    """The maintenance in progress, or the next one. `changes_at` is when that changes: its start, then its end."""

    start: Moment
    end: Moment
    in_progress: bool
    changes_at: int


@dataclass(frozen=True, slots=True)
class PortfolioLine:
    """A product on the portfolio page. Instants are microseconds since the epoch.

    `contractual` are the contractual figures of the product's own window, `gauge` the width of the bar of their budget.
    `exhausted_at` is when the budget runs out at the burn rate of the last day, None if it lasts or is spent.
    `failing_since` is the start of the oldest open incident, `newest` the newest observation, and
    `silent` the number of the `checks` without a valid observation. `unmet` and `expired` are
    titles of prerequisites.
    """

    row: ProductRow
    contractual: MeasuredObjective
    gauge: float
    exhausted_at: int | None
    exhausted: Moment | None
    maintenance: NextMaintenance | None
    failing_since: int | None
    newest: int | None
    silent: int
    checks: int
    prerequisites: int
    unmet: tuple[str, ...]
    expired: tuple[str, ...]

    @property
    def budget(self) -> Budget:
        """The contractual budget."""
        return self.contractual.budget


def portfolio_line(ledger: Ledger, product: Product, open_incidents: int, now: int) -> PortfolioLine:
    """Return the line of the product as of now."""
    window = ledger.own_window(product.id, now)
    measured, contractual = ledger.measured(product.id, window, now), ledger.contractual(product.id, window)
    exhausted_at = _exhausted_at(ledger, product, measured, now)
    readiness = readiness_of(ledger, product.id, now)
    statuses = readiness.statuses if readiness else ()
    return PortfolioLine(
        row=row_of(ledger, product, measured, readiness, open_incidents, now),
        contractual=contractual,
        gauge=gauge_width(Fraction(contractual.budget.remaining), Fraction(contractual.budget.allowed)),
        exhausted_at=exhausted_at,
        exhausted=None if exhausted_at is None else moment(exhausted_at, ledger.portfolio.zone),
        maintenance=_next_maintenance(ledger, product, now),
        failing_since=min((incident.opened for incident in ledger.open_incidents(product.id)), default=None),
        newest=newest_observation(ledger.entries_of(product.id)),
        silent=sum(not is_recent(entry, now) for entry in ledger.entries_of(product.id)),
        checks=len(product.checks),
        prerequisites=len(statuses),
        unmet=tuple(status.item.title for status in statuses if not status.met),
        expired=tuple(status.item.title for status in statuses if status.state is ItemState.EXPIRED),
    )


def _exhausted_at(ledger: Ledger, product: Product, measured: MeasuredObjective, now: int) -> int | None:
    budget = measured.budget
    return None if budget.remaining <= 0 else ledger.forecast(product.id, now, budget).exhausted_at


def _next_maintenance(ledger: Ledger, product: Product, now: int) -> NextMaintenance | None:
    span = Interval(now, now + MAINTENANCE_AHEAD)
    planned = maintenance_exclusions(ledger.facts, ledger.portfolio, product.id, product.maintenance, span)
    interval = min((exclusion.interval for exclusion in planned), default=None, key=lambda interval: interval.start)
    if interval is None:
        return None
    zone = ledger.portfolio.zone
    began = interval.start <= now
    changes_at = interval.end if began else interval.start
    return NextMaintenance(moment(interval.start, zone), moment(interval.end, zone), began, changes_at)
