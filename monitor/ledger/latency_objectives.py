"""Latency objectives of products and their checks, measured from the latencies by day."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from monitor.config.latency_objectives import latency_terms
from monitor.ledger.latencies import day_of
from sla.interval import DAY, Interval
from sla.latency_alerting import latency_burn, short_since
from sla.latency_objective import Fast, LatencyPart, MeasuredLatency
from sla.latency_terms import promised_objectives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.latency_objective import LatencyObjective
    from sla.latency_terms import LatencyTerm
    from sla.state_history import History


@dataclass(frozen=True, slots=True)
class LatencyFigure:
    """A measured latency objective of a product, or of one of its checks if `check` is not empty.

    `following` is the configured objective if it was changed today; it applies from the next midnight. `alerting_burn`
    is the burn rate if its alert fires, 0 if it does not fire, None if there are no responses to decide it.
    """

    product: str
    check: str
    measured: MeasuredLatency
    following: LatencyObjective | None = None
    alerting_burn: Fraction | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API. `check` is null for an objective of the product."""
        following = {} if self.following is None else {"following": self.following.as_json()}
        return {"product": self.product, "check": self.check or None} | self.measured.as_json() | following


def latency_figures(ledger: Ledger, product: Product, now: int) -> Iterator[LatencyFigure]:
    """Yield the latency objectives of the product and its checks, measured up to the instant."""
    keys = [f"{product.id}/{check.id}" for check in product.checks]
    composition: History = ledger.compositions[product.id]
    subjects = [("", keys, composition, product.objectives)]
    for key, check in zip(keys, product.checks, strict=True):
        subjects.append((check.id, [key], ledger.states_of(key), check.objectives))
    for check_id, checks, history, blocks in subjects:
        for block in blocks:
            term = block.term(checks[0] if check_id else "")
            parts = _promised(ledger, product, term, now)
            measured = _measured(ledger, checks, history, parts, block.window)
            following = None if measured.objective == term.objective else term.objective
            expected = sum(Fraction(block.window, ledger.entries[key].check.interval) for key in checks)
            yield LatencyFigure(product.id, check_id, measured, following, latency_burn(measured, Fraction(expected)))


def _promised(ledger: Ledger, product: Product, term: LatencyTerm, now: int) -> list[tuple[Interval, LatencyObjective]]:
    """Return the parts of the window by recorded objective. The window begins at a midnight."""
    zone = ledger.portfolio.zone
    window = Interval(day_of(now - term.window, zone)[0], now)
    definitions = [(definition.made, definition.latency) for definition in ledger.definitions(product.id)]
    return promised_objectives(term, latency_terms(product), definitions, window, lambda at: day_of(at - 1, zone)[1])


def _measured(
    ledger: Ledger,
    keys: Sequence[str],
    history: History,
    promised: Sequence[tuple[Interval, LatencyObjective]],
    length: int,
) -> MeasuredLatency:
    """Measure the parts of a window. The burn rate covers the time since yesterday, or since the objective changed."""
    now, zone = promised[-1][0].end, ledger.portfolio.zone
    parts = tuple(
        LatencyPart(part.start, objective, _fast(ledger, keys, objective, part), history.durations(part))
        for part, objective in promised
    )
    start, objective = parts[-1].start, parts[-1].objective
    since = max(start, day_of(now - DAY, zone)[0])
    spans = Interval(since, now), Interval(short_since(day_of(now, zone)[0], since, now), now)
    recent, short = (_fast(ledger, keys, objective, span) for span in spans)
    return MeasuredLatency(Interval(parts[0].start, now), parts, recent, since, short, length)


def _fast(ledger: Ledger, keys: Iterable[str], objective: LatencyObjective, span: Interval) -> Fast:
    counted = (ledger.fast_responses(key, objective.limit, span.start, span.end) for key in keys)
    return reduce(Fast.plus, counted, Fast())
