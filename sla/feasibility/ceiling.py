"""What may be promised of a design, whatever its arithmetic says: rules, each with its source, apart from the sums.

A data centre's outage that has not happened yet is in no average. So the page's rules cap a promise: without disaster
recovery at most 99.95 %, and five nines only with the whole list. Each rule is an item of a checklist (sla.readiness).
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
    """No more than `at_most` may be promised, because of `reason`; `source` says so, in the words of `quote`."""

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
        """The lowest of them; None where nothing limits a promise."""
        return self.limits[0].at_most if self.limits else None

    def caps(self, availability: Fraction) -> bool:
        """Return whether the arithmetic promises more than the rules let through."""
        return self.at_most is not None and self.at_most < availability


def _no_disaster_recovery(design: Design) -> Iterator[str]:
    if design.standby is Standby.NONE:
        yield "no standby in another data centre"


def _coupled(design: Design) -> Iterator[str]:
    for part in design.parts:
        if part.outside and part.coupling is Coupling.HARD:
            yield f"it is coupled to {part.name}"
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
"""Items that a design can be seen not to meet, by their ids on the five-nines checklist."""


_SHOWN = ("disaster-recovery", "decoupled", "zero-downtime-deployment")
# Items that a design shows to be met once it has stopped contradicting them. The others take somebody's word.


def met_after(before: Design, after: Design, met: Collection[str]) -> tuple[str, ...]:
    """Return what a changed design meets: what was met before, and what the change was made for."""
    gained = (item for item in _SHOWN if contradictions(before, item) and not contradictions(after, item))
    return (*met, *gained)


def contradictions(design: Design, item: str) -> tuple[str, ...]:
    """Return why the design does not meet the item, whoever says so; nothing where the design does not show it."""
    rule = CONTRADICTIONS.get(item)
    return () if rule is None else tuple(rule(design))


def limits(design: Design, checklist: Checklist, met: Collection[str], others: Iterable[Limit] = ()) -> Ceiling:
    """Return what limits a promise: items that are not met, or that the design contradicts, and the `others`.

    `met` are the items that the design is said to meet.
    """
    found = list(others)
    for item in checklist.items:
        reasons = contradictions(design, item.id)
        if reasons or item.id not in met:
            why = "; ".join(reasons) or "the plan does not list it under meets"
            found.append(Limit(item.cap, f"{item.title}: {why}", checklist.source, item.source))
    return Ceiling(tuple(sorted(found, key=lambda limit: limit.at_most)))
