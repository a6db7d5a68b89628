"""Ceilings of the availability that may be promised for a design, independent of its predicted availability.

Averages do not include the outage of a data centre that has not happened yet. The source page therefore limits a
promise: without disaster recovery at most 99.95 %, and five nines only with the whole checklist (sla.readiness).
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
    """A limit of the availability that may be promised, with its reason, source and quotation."""

    at_most: Fraction
    reason: str
    source: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """All limits of a design, the lowest first."""

    limits: tuple[Limit, ...]

    @property
    def at_most(self) -> Fraction | None:
        """The lowest limit, None without limits."""
        return self.limits[0].at_most if self.limits else None

    def caps(self, availability: Fraction) -> bool:
        """Return whether the ceiling is below the availability."""
        return self.at_most is not None and self.at_most < availability


def _no_disaster_recovery(design: Design) -> Iterator[str]:
    if design.standby is Standby.NONE:
        yield "no standby in another data centre"


def _coupled(design: Design) -> Iterator[str]:
    for part in design.parts:
        if part.outside and part.coupling is Coupling.HARD:
            yield f"it depends on {part.name}"
        elif part.outside and part.coupling is Coupling.RETRIED:
            yield f"{part.name} is retried for a limited time only"


def _stopping(design: Design) -> Iterator[str]:
    for part in design.parts:
        if part.deployments is not None and not part.outside:
            yield f"deployments of {part.name} cause downtime"
    if design.maintenance is not None:
        yield "planned maintenance causes downtime"


def _losing(design: Design) -> Iterator[str]:
    if design.standby in (Standby.NONE, Standby.COLD):
        yield "work in progress is lost with the data centre" + (
            "" if design.standby is Standby.NONE else "; a cold standby starts from earlier saved data"
        )


CONTRADICTIONS: Mapping[str, Callable[[Design], Iterator[str]]] = {
    "disaster-recovery": _no_disaster_recovery,
    "decoupled": _coupled,
    "zero-downtime-deployment": _stopping,
    "preserves-transactions": _losing,
}
"""Checks of checklist items that a design may contradict, by item id of the five-nines checklist."""


_SHOWN = ("disaster-recovery", "decoupled", "zero-downtime-deployment")
# Items that a design meets if it does not contradict them. The others must be declared as met.


def met_after(before: Design, after: Design, met: Collection[str]) -> tuple[str, ...]:
    """Return the items that a changed design meets: those met before, and those gained by the change."""
    gained = (item for item in _SHOWN if contradictions(before, item) and not contradictions(after, item))
    return (*met, *gained)


def contradictions(design: Design, item: str) -> tuple[str, ...]:
    """Return the reasons in the design itself why it does not meet the item."""
    rule = CONTRADICTIONS.get(item)
    return () if rule is None else tuple(rule(design))


def limits(design: Design, checklist: Checklist, met: Collection[str], others: Iterable[Limit] = ()) -> Ceiling:
    """Return what limits a promise: items that are not met, or that the design contradicts, and the `others`.

    `met` are the items that the plan declares as met.
    """
    found = list(others)
    for item in checklist.items:
        reasons = contradictions(design, item.id)
        if reasons or item.id not in met:
            why = "; ".join(reasons) or "the plan does not list it under meets"
            found.append(Limit(item.cap, f"{item.title}: {why}", checklist.source, item.source))
    return Ceiling(tuple(sorted(found, key=lambda limit: limit.at_most)))
