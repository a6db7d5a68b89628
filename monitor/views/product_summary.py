"""A product's state and figures over its own window, as pages and reports show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.ledger.degraded import degradations
from monitor.ledger.designed_downtime import designed_downtime
from monitor.views.formatting import DOWN_BY_DESIGN, StateBadge, moment, nines_scale, state_badge
from monitor.views.pauses import pause_summary, paused_checks
from sla.availability import Bounds, Verdict
from sla.objective import format_duration, format_percent
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.degraded import Degradation
    from monitor.ledger.designed_downtime import DesignedDowntime
    from monitor.ledger.ledger import Ledger
    from sla.budget_window import BudgetWindow
    from sla.eras import Eras
    from sla.measured import Measured, MeasuredObjective
    from sla.readiness import Readiness

SCALE_WIDTH = 240.0
ASSUMPTION = (
    "The bounds assume at most one change of state between consecutive probes. An outage shorter than the interval "
    "between probes can go undetected."
)
_MISSING_VANTAGES = "Provisional: the figures can still change, because observations of the window are missing"
PROVISIONAL = "Provisional: the end of the window can still change, because probes in it have not finished."


def provisional_text(ledger: Ledger, products: Iterable[str], end: int) -> str:
    """Return the note on provisional figures of the products over a window that ends at `end`.

    It lists the vantages whose observations are missing, with the instant up to which each has delivered.
    """
    delivered = ledger.late_vantages(products, end)
    if not delivered:
        return PROVISIONAL
    zone = ledger.portfolio.zone
    texts = (
        f"{vantage} has not delivered observations of all checks"
        if last is None
        else f"{vantage} has delivered up to {moment(last, zone).local}"
        for vantage, last in sorted(delivered.items())
    )
    return f"{_MISSING_VANTAGES}: {', '.join(texts)}."


@dataclass(frozen=True, slots=True)
class Scale:
    """Positions of bounds, estimate and objective on the scale of nines, 0 to SCALE_WIDTH; None without a figure."""

    low: float | None
    point: float | None
    high: float | None
    objective: float


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product with its figures over its own window, as a row of the page of all products."""

    id: str
    name: str
    team: str
    rule: str
    badge: StateBadge
    window: BudgetWindow
    bounds: Bounds[Fraction | None]
    coverage: Fraction | None
    allowed: Fraction
    remaining: Fraction
    objective: str
    ceiling: Fraction | None
    capped: bool
    open_incidents: int
    scale: Scale
    degraded: tuple[str, ...] = ()
    designed: DesignedDowntime | None = None
    paused: str = ""
    tags: tuple[str, ...] = ()


def product_row(
    product: Product,
    state: State,
    measured: MeasuredObjective,
    readiness: Readiness | None,
    open_incidents: int,
    degraded: Iterable[Degradation] = (),
    designed: DesignedDowntime | None = None,
) -> ProductRow:
    """Return the product's row on the page of all products.

    `degraded` are the causes of its degradation. `designed` is the failover during which it is down by design.
    """
    bounds, budget = measured.availability, measured.budget
    positions = [None if ratio is None else nines_scale(ratio, SCALE_WIDTH) for ratio in bounds]
    objective = product.objective.ratio
    ceiling = readiness.ceiling if readiness else None
    return ProductRow(
        id=product.id,
        name=product.name,
        team=product.team or "",
        rule=rule_text(product),
        badge=state_badge(state) if designed is None else DOWN_BY_DESIGN,
        window=product.window,
        bounds=bounds,
        coverage=measured.coverage,
        allowed=budget.allowed,
        remaining=budget.remaining,
        objective=str(product.objective),
        ceiling=ceiling,
        capped=ceiling is not None and ceiling < objective,
        open_incidents=open_incidents,
        scale=Scale(positions[0], positions[1], positions[2], nines_scale(objective, SCALE_WIDTH)),
        degraded=tuple(cause.text for cause in degraded),
        designed=designed,
        tags=product.tags,
    )


def row_of(
    ledger: Ledger,
    product: Product,
    measured: MeasuredObjective,
    readiness: Readiness | None,
    open_incidents: int,
    now: int,
) -> ProductRow:
    """Return the product's row from the ledger. `measured` covers the product's own window."""
    state = ledger.state(product.id, now)
    degraded, designed = degradations(ledger, product.id, now), designed_downtime(ledger, product, now)
    row = product_row(product, state, measured, readiness, open_incidents, degraded, designed)
    return replace(row, paused=pause_summary(paused_checks(ledger, product.id, now), len(product.checks)))


def rule_text(product: Product) -> str:
    """Return which checks must be up for the product to be up: `any of 3 checks`."""
    count, k = len(product.checks), product.rule.needed(len(product.checks))
    if count == 1:
        return "1 check"
    return f"all {count} checks" if k == count else f"any of {count} checks" if k == 1 else f"{k} of {count} checks"


def rule_sentence(product: Product) -> str:
    """Return the product's rule as a sentence without full stop."""
    count, k = len(product.checks), product.rule.needed(len(product.checks))
    if count == 2 and k == 2:
        return "Up when both checks are up"
    return f"Up when {'its check' if count == 1 else rule_text(product)} {'is' if k == 1 else 'are'} up"


def observed_since_note(measured: Measured, zone: ZoneInfo) -> str | None:
    """Return start and availability of the observed part of the window, and the earliest instant of a verdict, as text.

    None if the record covers the complete window.
    """
    part = measured.observed_part
    if part is None:
        return None
    low, point, high = part.availability
    length = format_duration(measured.window.end - part.since)
    text = f"Observed since {moment(part.since, zone).local} ({length}): {format_percent(point)}, between "
    text += f"{format_percent(low)} and {format_percent(high)}"
    if part.decidable_at is None:
        return f"{text}; in this window the objective can no longer be shown as met"
    if part.decidable_at <= measured.window.end:
        return text
    return f"{text}; a verdict is possible from {moment(part.decidable_at, zone).local}"


def guess_note(history: Eras, measured: Measured) -> str | None:
    """Return the time for which the estimate was based on some checks only, as text. None if it was based on all."""
    guessed = measured.durations.guessed_up + measured.durations.guessed_down
    if not guessed:
        return None
    last = [piece for piece in history.pieces(measured.window) if piece.state.is_guess][-1]
    known = sum(member.state(last.end - 1).estimate is not State.UNKNOWN for member in history.members)
    return f"Estimated from {known} of {len(history.members)} checks for {format_duration(guessed)}"


_VERDICTS = {
    Verdict.MET: "met: the minimum reaches it",
    Verdict.MISSED: "missed: the maximum is below it",
}


def verdict_text(measured: Measured) -> str:
    """Return the verdict on the objective. An undecided verdict is followed by the estimate and the uncertain time."""
    if (text := _VERDICTS.get(measured.verdict or Verdict.UNDECIDED)) is not None:
        return text
    durations = measured.durations
    point = measured.point_meets_objective
    estimate = "no estimate" if point is None else "estimate meets it" if point else "estimate misses it"
    uncertain = [(durations.doubt, "in doubt"), (durations.unknown, "unknown")]
    parts = " and ".join(f"{format_duration(us)} {name}" for us, name in uncertain if us)
    return f"undecided ({estimate}); {parts}" if parts else f"undecided ({estimate})"


def headline(badges: list[StateBadge], degraded: int = 0) -> str:
    """Return the portfolio's state as one line, the worst state first. `degraded` products are up and degraded."""
    styles = [badge.style for badge in badges]
    down, unknown = styles.count("down"), styles.count("unknown")
    if down:
        return f"{down} of {len(badges)} products {'is' if down == 1 else 'are'} down"
    if unknown:
        return f"{unknown} of {len(badges)} products {'is' if unknown == 1 else 'are'} unknown"
    if designed := badges.count(DOWN_BY_DESIGN):
        return f"{designed} of {len(badges)} products {'is' if designed == 1 else 'are'} down by design"
    text = f"All {len(badges)} products are up" if len(badges) > 1 else "The product is up"
    if not degraded:
        return text
    return f"{text}, {degraded} of them degraded" if len(badges) > 1 else f"{text}, and degraded"


def counts(badges: list[StateBadge]) -> list[tuple[StateBadge, int]]:
    """Return the number of products per state, without states that do not occur."""
    all_badges = [state_badge(State.UP), state_badge(State.DOWN), DOWN_BY_DESIGN, state_badge(State.UNKNOWN)]
    return [(badge, badges.count(badge)) for badge in all_badges if badges.count(badge)]
