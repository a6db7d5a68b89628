"""The top of the portfolio page: what needs attention, the worst first, and one sentence that sums it up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from monitor.views.formatting import age, shorten
from monitor.views.outages import outage_path
from monitor.views.reviews import review_cycle
from sla.objective import Objective, format_duration
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.delivery_status import Deliveries
    from monitor.ledger.ledger import Ledger
    from monitor.vantage_status import VantageStatus
    from monitor.views.portfolio_line import PortfolioLine
    from sla.page_response import Response

_MAX_NAMED: Final = 2  # products or prerequisites that a text names


class Cause(IntEnum):
    """Why something needs attention, the worst first."""

    DOWN = 0
    UNKNOWN = 1
    QUORUM = 2
    VANTAGE = 3
    DELIVERY = 4
    UNACKNOWLEDGED = 5
    EXHAUSTED = 6
    FORECAST = 7
    ABOVE_CEILING = 8
    EXPIRED = 9
    REFERENCE = 10
    REVIEW = 11


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause as text. `href` is the page with the next step, empty if it is that of the subject."""

    cause: Cause
    text: str
    href: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Attention:
    """A product, or a part of the monitor, that needs attention; at least one reason, the worst first."""

    subject: str
    href: str
    reasons: tuple[Reason, ...]

    @property
    def worst(self) -> Cause:
        """The worst cause."""
        return self.reasons[0].cause

    @property
    def style(self) -> str:
        """The style class of the subject's mark."""
        return "down" if self.worst is Cause.DOWN else "unknown" if self.worst <= Cause.DELIVERY else ""


@dataclass(frozen=True, slots=True)
class OpenPage:
    """An announced page that no person has acknowledged, with the summary of its alert."""

    response: Response
    summary: str


def attention(
    ledger: Ledger,
    lines: Sequence[PortfolioLine],
    pages: Iterable[OpenPage],
    vantages: Iterable[VantageStatus],
    deliveries: Deliveries,
    outage_ids: Mapping[str, str],
    now: int,
) -> list[Attention]:
    """Return what needs attention, the worst cause first. `outage_ids` are those of `monitor.views.outages`."""
    pages_of: dict[str, list[OpenPage]] = {}
    for page in pages:
        if page.response.open and page.response.severity is Severity.PAGE:
            pages_of.setdefault(page.response.product, []).append(page)
    items = [*_about_vantages(vantages), *_about_deliveries(deliveries, now)]
    items += _about_monitor(pages_of.pop("", ()), now)
    for line in lines:
        reasons = sorted(_reasons(ledger, line, pages_of.get(line.row.id, ()), outage_ids, now), key=_cause)
        if reasons:
            items.append(Attention(line.row.name, f"/products/{line.row.id}", tuple(reasons)))
    return sorted(items, key=lambda item: item.worst)


def _cause(reason: Reason) -> Cause:
    return reason.cause


def _reasons(
    ledger: Ledger, line: PortfolioLine, pages: Iterable[OpenPage], outage_ids: Mapping[str, str], now: int
) -> Iterator[Reason]:
    row = line.row
    incidents = ledger.open_incidents(row.id)
    path = outage_path(incidents[-1].id, outage_ids) if incidents else ""
    if row.badge.style == "down":
        since = "" if line.failing_since is None else f" for {age(now - line.failing_since)}"
        cause = f": {incidents[-1].reason}" if incidents else ""
        yield Reason(Cause.DOWN, f"down{since}{cause}", path, "incident" if path else "")
    if row.badge.style == "unknown" and not row.paused:
        yield Reason(Cause.UNKNOWN, f"state unknown: {_unknown(line, now)}")
    for page in pages:
        ago = age(now - page.response.started)
        known = page.response.key in ledger.product_incidents
        href = f"/incidents/{page.response.key}" if known else ""
        text = f"page not acknowledged for {ago}" if known else f"page not acknowledged for {ago}: {page.summary}"
        yield Reason(Cause.UNACKNOWLEDGED, text, href, "acknowledge" if href else "")
    yield from _limits(line)
    if (cycle := review_cycle(ledger, ledger.products[row.id], now)) is not None and cycle.overdue:
        text = f"review of the objectives overdue for {age(cycle.overdue)}, by {cycle.owner}"
        yield Reason(Cause.REVIEW, text, f"/products/{row.id}#review", "last review")


def _unknown(line: PortfolioLine, now: int) -> str:
    """Return why the state is unknown."""
    if line.newest is None:
        return "no observation yet"
    if line.silent == line.checks:
        return f"last observation {age(now - line.newest)} ago"
    if line.silent:
        return f"no valid observation of {line.silent} of {line.checks} checks"
    return "the checks could not be probed"


def _limits(line: PortfolioLine) -> Iterator[Reason]:
    row, remaining = line.row, line.budget.remaining
    if remaining < 0:
        yield Reason(Cause.EXHAUSTED, f"budget overspent by {format_duration(-remaining)}")
    elif remaining == 0:
        yield Reason(Cause.EXHAUSTED, "budget spent")
    elif line.exhausted is not None:
        yield Reason(Cause.FORECAST, f"budget runs out at {line.exhausted.local} at the burn rate of the last day")
    if row.capped and row.ceiling is not None:
        text = f"objective {row.objective} is above the claim ceiling {Objective(row.ceiling)}"
        yield Reason(Cause.ABOVE_CEILING, text)
    if line.expired:
        yield Reason(Cause.EXPIRED, f"evidence expired: {_names(line.expired)}")


def _about_vantages(vantages: Iterable[VantageStatus]) -> Iterator[Attention]:
    """Yield the blind vantages, and of the others the references that did not answer last."""
    for vantage in vantages:
        silent = [reference for reference in vantage.references if reference.good is False]
        if vantage.blind:
            text = f"cannot observe: {vantage.summary}"
            yield Attention(f"Vantage {vantage.id}", "#vantages", (Reason(Cause.VANTAGE, text),))
        elif silent:
            text = f"no answer from {_names([reference.id for reference in silent])}"
            yield Attention(f"References of {vantage.id}", "#vantages", (Reason(Cause.REFERENCE, text),))


def _about_deliveries(deliveries: Deliveries, now: int) -> Iterator[Attention]:
    """Yield the checks that lost their quorum, and the other vantages that do not deliver."""
    if deliveries.losses:
        first = min(deliveries.losses, key=lambda loss: loss.since)
        checks = _names([loss.check for loss in deliveries.losses])
        text = f"an outage of {checks} has not been detectable for {age(now - first.since)}: {first.summary}"
        yield Attention("Quorum of the vantages", "#deliveries", (Reason(Cause.QUORUM, text),))
    for status in deliveries.vantages:
        if status.state.failing:
            text = f"{status.state.value} for {age(now - status.since)}: {status.summary}"
            yield Attention(f"Vantage {status.id}", "#deliveries", (Reason(Cause.DELIVERY, text),))


def _about_monitor(pages: Iterable[OpenPage], now: int) -> Iterator[Attention]:
    for page in pages:
        text = f"page not acknowledged for {age(now - page.response.started)}: {page.summary}"
        yield Attention("This monitor", "", (Reason(Cause.UNACKNOWLEDGED, text),))


def _names(names: Sequence[str]) -> str:
    named = ", ".join(shorten(name, 80) for name in names[:_MAX_NAMED])
    return named if len(names) <= _MAX_NAMED else f"{named} and {len(names) - _MAX_NAMED} more"


_COUNTED: Final = {
    Cause.DOWN: ("product is down", "products are down"),
    Cause.UNKNOWN: ("product is unknown", "products are unknown"),
    Cause.QUORUM: ("quorum cannot be reached", "quorums cannot be reached"),
    Cause.VANTAGE: ("vantage cannot observe", "vantages cannot observe"),
    Cause.DELIVERY: ("vantage does not deliver in time", "vantages do not deliver in time"),
    Cause.UNACKNOWLEDGED: ("page is not acknowledged", "pages are not acknowledged"),
    Cause.EXHAUSTED: ("budget is spent", "budgets are spent"),
    Cause.FORECAST: ("budget is forecast to run out", "budgets are forecast to run out"),
    Cause.ABOVE_CEILING: ("objective is above its claim ceiling", "objectives are above their claim ceilings"),
    Cause.EXPIRED: ("product has expired evidence", "products have expired evidence"),
    Cause.REFERENCE: ("vantage has silent references", "vantages have silent references"),
    Cause.REVIEW: ("review of objectives is overdue", "reviews of objectives are overdue"),
}


def summary(items: Sequence[Attention], lines: Sequence[PortfolioLine]) -> str:
    """Return the state of the portfolio as one sentence: what needs attention, and how many products do not.

    Products that are down, the only ones that everyone asks about first, are named.
    """
    calm = len(lines) - sum(item.href.startswith("/products/") for item in items)
    if not items:
        return "Nothing needs attention: no page is open, no budget is spent or forecast to run out."
    counts = {cause: sum(cause in map(_cause, item.reasons) for item in items) for cause in Cause}
    down = [item.subject for item in items if item.worst is Cause.DOWN]
    texts = []
    for cause, count in counts.items():
        if cause is Cause.DOWN and 0 < count <= _MAX_NAMED:
            texts.append(f"{' and '.join(shorten(name, 60) for name in down)} {'is' if count == 1 else 'are'} down")
        elif count:
            texts.append(f"{count} {_COUNTED[cause][count > 1]}")
    need = "needs" if calm == 1 else "need"
    rest = f"; {calm} of {len(lines)} products {need} no attention" if calm else ""
    return f"{', '.join(texts)}{rest}."
