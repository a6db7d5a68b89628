"""Ceilings of the availability that may be promised for a design, whatever its predicted availability.

Past averages do not include the rare outage of an entire data centre. The checklist (`sla.readiness`) therefore limits
a promise to 99.95 % without disaster recovery, and allows five nines only with all items met.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.feasibility.design import Coupling, Design, Standby

if TYPE_CHECKING:
    from sla.readiness import Checklist


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum availability that may be promised because of one rule, with reason, source and quotation."""

    maximum: Fraction
    reason: str
    source: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """All limits of a design, lowest first."""

    limits: tuple[Limit, ...]

    @property
    def maximum(self) -> Fraction | None:
        """The lowest limit. None without limits."""
        return self.limits[0].maximum if self.limits else None

    def is_below(self, availability: Fraction) -> bool:
        """Return whether the ceiling is below this availability."""
        return self.maximum is not None and self.maximum < availability


def _no_disaster_recovery(design: Design) -> Iterator[str]:
    if design.standby is Standby.NONE:
        yield "no standby in another data centre"


def _dependencies(design: Design) -> Iterator[str]:
    for part in design.parts:
        if part.external and part.coupling is Coupling.HARD:
            yield f"it depends on {part.name}"
        elif part.external and part.coupling is Coupling.RETRIED:
            yield f"{part.name} is retried for a limited time only"


def _planned_downtime(design: Design) -> Iterator[str]:
    for part in design.parts:
        if part.deployments is not None and not part.external:
            yield f"deployments of {part.name} cause downtime"
    if design.maintenance is not None:
        yield "planned maintenance causes downtime"


def _lost_work(design: Design) -> Iterator[str]:
    if design.standby in (Standby.NONE, Standby.COLD):
        yield "work in progress is lost with the data centre" + (
            "" if design.standby is Standby.NONE else "; a cold standby starts from earlier saved data"
        )


CONTRADICTIONS: Mapping[str, Callable[[Design], Iterator[str]]] = {
    "disaster-recovery": _no_disaster_recovery,
    "decoupled": _dependencies,
    "zero-downtime-deployment": _planned_downtime,
    "preserves-transactions": _lost_work,
}
"""Item id of the five-nines checklist -> function that yields the reasons why a design does not meet the item."""


# A design meets these items unless it contradicts them. All other items must be declared as met.
_VERIFIABLE_ITEMS = ("disaster-recovery", "decoupled", "zero-downtime-deployment")


def met_items_after(before: Design, after: Design, met: Collection[str]) -> tuple[str, ...]:
    """Return the items that a changed design meets: those met before, and those that the change adds."""
    added = (item for item in _VERIFIABLE_ITEMS if contradictions(before, item) and not contradictions(after, item))
    return (*met, *added)


def contradictions(design: Design, item: str) -> tuple[str, ...]:
    """Return the reasons why the design does not meet the item. Empty if it does not contradict the item."""
    rule = CONTRADICTIONS.get(item)
    return () if rule is None else tuple(rule(design))


def find_ceiling(design: Design, checklist: Checklist, met: Collection[str], others: Iterable[Limit] = ()) -> Ceiling:
    """Return the ceiling: `others`, and one limit per item that is not met or that the design contradicts.

    `met` has the ids of the items that the plan declares as met.
    """
    limits = list(others)
    for item in checklist.items:
        reasons = contradictions(design, item.id)
        if reasons or item.id not in met:
            reason = "; ".join(reasons) or "the plan does not list it under meets"
            limits.append(Limit(item.cap, f"{item.title}: {reason}", checklist.source, item.source))
    return Ceiling(tuple(sorted(limits, key=lambda limit: limit.maximum)))
