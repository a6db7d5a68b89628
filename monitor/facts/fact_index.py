"""All facts of a record, with the valid corrections, definitions and maintenance plans in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import structlog

from monitor.config.former_ids import FormerIdMap
from sla.correction import Correction, Revocation, corrections_in, valid_corrections
from sla.definition import Definition
from sla.fact import DEFINITION, MAINTENANCE, RENAMING, Fact, merged
from sla.failover_facts import SITE_CHANGE, failovers
from sla.gate_override import stated_overrides
from sla.maintenance import MaintenancePlan
from sla.maintenance_window import MaintenanceWindow, maintenance_windows
from sla.objective_review import ObjectiveReview, stated_reviews
from sla.pause import Pause, pauses
from sla.public_incident import public_incidents
from sla.supplier_statement import FEED, STATEMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sla.exclusion import Exclusion
    from sla.sites import SiteChange

log = structlog.get_logger()

Loaded = TypeVar("Loaded", Definition, MaintenancePlan)  # the facts that a load of the configuration may add


@dataclass(slots=True)
class Corrections:
    """Corrections and revocations, and the exclusions of valid corrections by product."""

    facts: Sequence[Correction | Revocation] = ()
    former_ids: FormerIdMap = field(default_factory=FormerIdMap)
    _by_product: dict[str, list[Exclusion]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for correction in valid_corrections(self.facts):
            self._by_product.setdefault(self.former_ids.product(correction.product), []).append(correction.exclusion())

    def of(self, product_id: str) -> Sequence[Exclusion]:
        """Return the exclusions of the product's valid corrections."""
        return self._by_product.get(product_id, ())


class Facts:
    """All facts, also of unknown kinds, in chronological order and without duplicates."""

    def __init__(self, *sources: Iterable[Fact], former_ids: FormerIdMap | None = None) -> None:
        self.all: Sequence[Fact] = merged(*sources)
        self.former_ids = former_ids or FormerIdMap()
        self.corrections = Corrections(list(corrections_in(self.all)), self.former_ids)
        self.overrides = stated_overrides(self.all)
        self.public_incidents = public_incidents(self.all)
        self._definitions = _definitions(self.all, self.former_ids)
        self._maintenance = _maintenance(self.all, self.former_ids)
        self._windows = _windows(self.all, self.former_ids)
        self._pauses = _pauses(self.all, self.former_ids)
        self._of_suppliers = _supplier_facts(self.all, self.former_ids)
        self._reviews = _reviews(self.all, self.former_ids)
        self.site_changes = _site_changes(self.all, self.former_ids)
        self._about: dict[str, list[Fact]] | None = None  # computed when it is needed

    @property
    def renamings(self) -> Sequence[Fact]:
        """The facts that state former ids, in chronological order."""
        return [fact for fact in self.all if fact.kind == RENAMING]

    def is_about(self, fact: Fact, product_id: str) -> bool:
        """Return whether the fact is about the product, by its present or a former id."""
        return bool(fact.product) and self.former_ids.product(fact.product) == product_id

    def about(self, product_id: str) -> Sequence[Fact]:
        """Return the facts about the product, by its present or a former id, in chronological order."""
        if self._about is None:
            about: dict[str, list[Fact]] = {}
            for fact in self.all:
                if fact.product:
                    about.setdefault(self.former_ids.product(fact.product), []).append(fact)
            self._about = about  # complete, because threads use it too
        return self._about.get(product_id, ())

    @property
    def products(self) -> Sequence[str]:
        """The ids of the products that have definitions."""
        return list(self._definitions)

    def definitions(self, product_id: str) -> Sequence[Definition]:
        """Return the product's definitions in chronological order, without superseded ones."""
        return self._definitions.get(product_id, ())

    @property
    def planned(self) -> Sequence[str]:
        """The ids of the products with maintenance plans; "" if there is a plan for all products."""
        return list(self._maintenance)

    def maintenance(self, product_id: str) -> Sequence[MaintenancePlan]:
        """Return the product's maintenance plans in chronological order, without superseded ones.

        The id "" returns the plans for all products.
        """
        return self._maintenance.get(product_id, ())

    def excluding(
        self, product_id: str
    ) -> tuple[Sequence[Exclusion], Sequence[MaintenancePlan], Sequence[MaintenancePlan], Sequence[MaintenanceWindow]]:
        """Return what an agreement may exclude: corrections, the product's plans, plans for all products, windows."""
        plans = self.maintenance(product_id), self.maintenance("")
        return self.corrections.of(product_id), *plans, self.stated_windows(product_id)

    def windows(self, product_id: str) -> Sequence[Exclusion]:
        """Return the exclusions of the maintenance windows of the product and of all products."""
        return [window.exclusion() for window in self.stated_windows(product_id)]

    def stated_windows(self, product_id: str) -> Sequence[MaintenanceWindow]:
        """Return the maintenance windows of the product and of all products that exclude time."""
        return [*self._windows.get("", ()), *self._windows.get(product_id, ())]

    def pauses(self, product_id: str) -> Sequence[Pause]:
        """Return the pauses of the product and of its checks in chronological order, also those that ended."""
        return self._pauses.get(product_id, ())

    def pause(self, key: str, now: int) -> Pause | None:
        """Return the newest pause of the check at the instant, None if it is not paused. `key` is `product/check`."""
        stated = self._pauses.get(key.partition("/")[0], ())
        return next((pause for pause in reversed(stated) if pause.covers(key, now)), None)

    def of_supplier(self, product_id: str) -> Sequence[Fact]:
        """Return the facts about the status feed of the product's supplier in chronological order."""
        return self._of_suppliers.get(product_id, ())

    def reviews(self, product_id: str) -> Sequence[ObjectiveReview]:
        """Return the reviews of the product's objectives in chronological order."""
        return self._reviews.get(product_id, ())

    @property
    def all_pauses(self) -> Sequence[Pause]:
        """The pauses of all products, also those that ended."""
        return [pause for stated in self._pauses.values() for pause in stated]


def _definitions(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[Definition]]:
    by_product: dict[str, list[Definition]] = {}
    for definition in _without_superseded(_readable(facts, DEFINITION, Definition.read)):
        by_product.setdefault(former_ids.product(definition.product), []).append(former_ids.definition(definition))
    return by_product


def _windows(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[MaintenanceWindow]]:
    by_product: dict[str, list[MaintenanceWindow]] = {}
    for window in maintenance_windows(facts):
        if window.in_force.length:
            name = former_ids.product(window.product) if window.product else ""
            by_product.setdefault(name, []).append(window)
    return by_product


def _pauses(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[Pause]]:
    by_product: dict[str, list[Pause]] = {}
    for pause in pauses(facts):
        name, check = former_ids.product(pause.product), former_ids.check(pause.check)
        by_product.setdefault(name, []).append(replace(pause, product=name, check=check))
    return by_product


def _supplier_facts(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[Fact]]:
    by_product: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.kind in (FEED, STATEMENT):
            by_product.setdefault(former_ids.product(fact.product), []).append(fact)
    return by_product


def _reviews(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[ObjectiveReview]]:
    by_product: dict[str, list[ObjectiveReview]] = {}
    for review in stated_reviews(facts):
        by_product.setdefault(former_ids.product(review.product), []).append(review)
    return by_product


def _site_changes(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[SiteChange]]:
    """Return the recorded site changes by product, in order of time."""
    by_product: dict[str, list[SiteChange]] = {}
    changes = [fact for fact in facts if fact.kind == SITE_CHANGE]
    for record in failovers(changes, max((fact.made for fact in changes), default=0)):
        by_product.setdefault(former_ids.product(record.product), []).append(record.change)
    return by_product


def _maintenance(facts: Iterable[Fact], former_ids: FormerIdMap) -> dict[str, list[MaintenancePlan]]:
    by_product: dict[str, list[MaintenancePlan]] = {}
    for plan in _without_superseded(_readable(facts, MAINTENANCE, MaintenancePlan.read)):
        name = former_ids.product(plan.product)
        by_product.setdefault(name, []).append(replace(plan, product=name))
    return by_product


def _without_superseded(read: Iterator[Loaded]) -> list[Loaded]:
    """Return the facts without those that a later load superseded because a wrong clock dated them."""
    loaded = list(read)
    superseded = {fact_id for fact in loaded for fact_id in fact.supersedes}
    return [fact for fact in loaded if fact.id not in superseded]


def _readable(facts: Iterable[Fact], kind: str, read: Callable[[Fact], Loaded]) -> Iterator[Loaded]:
    """Yield the facts of the kind. Unreadable facts of a newer version are logged and skipped."""
    for fact in facts:
        if fact.kind == kind:
            try:
                yield read(fact)
            except ValueError as error:
                log.warning(f"{kind}_unreadable", id=fact.id, error=str(error)[:200])
