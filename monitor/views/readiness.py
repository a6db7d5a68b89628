"""The sections "Readiness" and "What can we promise?" of a product's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.language import translatable
from monitor.views.formatting import Moment, moment
from sla.objective import Objective
from sla.promise import PromiseLimits, promise
from sla.readiness import ItemState

if TYPE_CHECKING:
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from sla.evidence import Evidence
    from sla.measured import Measured
    from sla.readiness import ItemStatus, Readiness

_SUPPORT_TEXTS = {True: "", False: ", contradicts the item", None: ", undecided"}
_MAX_EVIDENCE = 3  # evidence of an item on a page, the newest first
FIGURE_NAMES = {
    "objective": translatable("the objective"),
    "measured": translatable("the measured availability"),
    "proven": translatable("the proven availability"),
    "ceiling": translatable("the claim ceiling"),
    "plan": translatable("the plan"),
}


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One piece of evidence as text: its kind, author, statement (in parts) and expiry."""

    source: str
    details: tuple[str, ...]
    until: Moment


@dataclass(frozen=True, slots=True)
class PrerequisiteLine:
    """One prerequisite with the name of its state and its newest evidence. `cap` is the ceiling while it is unmet."""

    title: str
    question: str
    met: bool
    state: str
    cap: Fraction
    evidence: tuple[EvidenceLine, ...]


def prerequisite_lines(readiness: Readiness | None, zone: ZoneInfo) -> list[PrerequisiteLine]:
    """Return the prerequisites, unmet ones first. Empty without a checklist."""
    lines = [_item_line(status, zone) for status in (readiness.statuses if readiness else ())]
    return sorted(lines, key=lambda line: line.met)


def _item_line(status: ItemStatus, zone: ZoneInfo) -> PrerequisiteLine:
    newest = status.evidence[::-1][:_MAX_EVIDENCE]
    item = status.item
    lines = tuple(_evidence_line(evidence, zone) for evidence in newest)
    return PrerequisiteLine(item.title, item.question, status.met, _state_text(status), item.cap, lines)


def _state_text(status: ItemStatus) -> str:
    if status.state is ItemState.MET:
        return "met"
    if status.state is ItemState.EXPIRED:
        return "expired"
    return "unmet: no evidence" if not status.evidence else "unmet"


def source_text(evidence: Evidence) -> str:
    """Return kind and author of the evidence, and that it does not show that the item is met if so."""
    return f"{evidence.kind} by {evidence.by}" + _SUPPORT_TEXTS[evidence.supports]


def _evidence_line(evidence: Evidence, zone: ZoneInfo) -> EvidenceLine:
    return EvidenceLine(source_text(evidence), evidence.details, moment(evidence.until, zone))


@dataclass(frozen=True, slots=True)
class PromiseView:
    """The section "What can we promise?": the figures, the claim ceiling as a sentence, and the items that raise it.

    `note` explains why the proven availability is above the measured one; it is empty otherwise.
    """

    figures: PromiseLimits
    limit: str
    remedy: str
    limited_by: str
    note: str


def promise_of(product: Product, measured: Measured, readiness: Readiness | None) -> PromiseLimits:
    """Return the limits of the promise for the product from the figures of its own window."""
    plan = product.plan.plain() if product.plan else None
    return promise(product.objective, measured, readiness.ceiling if readiness else None, plan)


def promise_view(product: Product, measured: Measured, readiness: Readiness | None) -> PromiseView:
    """Return the section for the product over its own window."""
    limits = promise_of(product, measured, readiness)
    return PromiseView(
        limits,
        readiness.limit_text(product.objective) if readiness else "",
        remedy_text(readiness) if readiness else "",
        " and ".join(FIGURE_NAMES[name] for name in limits.limited_by),
        _confidence_note(product, limits),
    )


def _confidence_note(product: Product, limits: PromiseLimits) -> str:
    """Return the reason for a proven availability above the measured one: one counts probes, the other time."""
    point, proven = limits.measured.point, limits.proven
    if point is None or proven is None or proven <= point:
        return ""
    count = len(product.checks)
    checks = "" if count == 1 else f" of all {count} checks together, in which an outage of one check weighs less"
    return (
        f"Proven is above measured here because it counts the probes{checks}; measured is the share of time in which "
        "the product was up. The lower of both limits the promise."
    )


def remedy_text(readiness: Readiness) -> str:
    """Return the items that raise the ceiling when met, and the new ceiling, as text. Empty if all items are met."""
    if not readiness.causes:
        return ""
    titles = " and ".join(f'"{item.title}"' for item in readiness.causes)
    after = readiness.next_ceiling
    limit = "no item would limit claims" if after is None else f"the ceiling would be {Objective(after)}"
    return f"With evidence for {titles}, {limit}"
