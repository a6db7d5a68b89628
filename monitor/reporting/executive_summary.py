"""The executive summary of a window: one sentence per product, and what can be promised, without technical terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.ledger.product_readiness import readiness_of
from monitor.reporting.period_names import period_name
from monitor.views.formatting import own_window
from monitor.views.readiness import promise_view
from sla.availability import Verdict
from sla.objective import format_duration, format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.calendar import Window
    from sla.measured import Measured


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """The summary of a product: whether its promise was kept, what can be promised, and the contractual figures.

    `verdict` is None if all time is excluded.
    """

    id: str
    name: str
    sentence: str
    promise: str
    measured: Measured
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class ExecutiveSummary:
    """The summary of a window: a sentence about all products, and a line per product, broken promises first."""

    period: str
    headline: str
    lines: Sequence[SummaryLine]


_ORDER = {Verdict.MISSED: 0, Verdict.UNDECIDED: 1, None: 2, Verdict.MET: 3}


async def executive_summary(
    ledger: Ledger, products: Sequence[Product], window: Window, now: int, slices: TimeSlices
) -> ExecutiveSummary:
    """Return the summary of the products over the window. Promises are limited by the products' own windows."""
    zone, lines = ledger.portfolio.zone, []
    period = period_name(window, zone)
    measured_period = f"{period} so far" if window.in_progress else period
    for product in products:
        measured = ledger.contractual(product.id, window)
        await slices.yield_if_spent()
        sentence, verdict = summary_sentence(product.name, measured, measured_period), _verdict(measured)
        lines.append(SummaryLine(product.id, product.name, sentence, _promise(ledger, product, now), measured, verdict))
        await slices.yield_if_spent()
    lines.sort(key=lambda line: _ORDER[line.verdict])
    return ExecutiveSummary(period, headline([line.verdict for line in lines], in_progress=window.in_progress), lines)


def headline(verdicts: Sequence[Verdict | None], *, in_progress: bool = False) -> str:
    """Return how many services kept their promise, as one sentence.

    >>> headline([Verdict.MET, Verdict.MISSED, Verdict.MET])
    'Of 3 services, 2 kept their promise and 1 did not.'
    """
    kept, broken = verdicts.count(Verdict.MET), verdicts.count(Verdict.MISSED)
    open_count = len(verdicts) - kept - broken
    so_far = " so far" if in_progress else ""
    if not verdicts:
        return "No product is configured."
    if len(verdicts) == kept:
        return f"All {kept} services kept their promise{so_far}." if kept > 1 else f"The promise was kept{so_far}."
    parts = [
        f"{kept} kept {'its' if kept == 1 else 'their'} promise{so_far}"
        if kept
        else f"none kept its promise{so_far} with certainty"
    ]
    parts += [f"{broken} did not"] if broken else []
    parts += [f"{open_count} cannot be decided yet" if in_progress else f"{open_count} cannot be decided"] * bool(
        open_count
    )
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    return f"Of {len(verdicts)} service{'s' if len(verdicts) > 1 else ''}, {listed}."


def summary_sentence(name: str, measured: Measured, period: str) -> str:
    """Return whether the promise of a service was kept, as one sentence. `measured` are its contractual figures.

    The downtime of a broken promise is its minimum, which is certain.
    """
    low, point, high = measured.availability
    if low is None:
        return f"{name} has no figure for {period}: the agreement excludes all of this time."
    if not measured.durations.known and point is None:
        return f"Nothing is known about {name} in {period}: it was not observed."
    promise, downtime = f"promised {measured.objective}", measured.downtime
    if measured.verdict is Verdict.MET:
        return f"{name} kept its promise: it worked at least {format_percent(low)} of {period} ({promise})."
    if measured.verdict is Verdict.MISSED:
        allowed = measured.budget.allowed if measured.budget is not None else None
        limit = "" if allowed is None else f"; {format_duration(allowed)} was allowed"
        return (
            f"{name} did not keep its promise: it was down for at least {format_duration(downtime.low)} in {period}"
            f" ({promise}{limit})."
        )
    estimate = "" if point is None else f", most likely {format_percent(point)}"
    unknown = measured.durations.unknown
    reason = f"; {format_duration(unknown)} was not observed" if unknown else ""
    return (
        f"It is not certain whether {name} kept its promise: it worked between {format_percent(low)} and"
        f" {format_percent(high)} of {period}{estimate} ({promise}{reason})."
    )


def _verdict(measured: Measured) -> Verdict | None:
    return None if measured.availability.low is None else measured.verdict


def _promise(ledger: Ledger, product: Product, now: int) -> str:
    """Return what can be promised by the figures of the product's own window, as one sentence."""
    raw = ledger.measured(product.id, ledger.own_window(product.id, now), now)
    view = promise_view(product, raw, readiness_of(ledger, product.id, now))
    supported = view.figures.supported
    if supported is None:
        return "No promise is supported yet: too little is measured."
    limited = f", limited by {view.limited_by}" if view.limited_by else ""
    return f"Can be promised: at most {format_percent(supported)} over {own_window(product.window)}{limited}."
