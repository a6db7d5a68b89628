"""Compose the history of each product from those of its checks, by the definitions that held.

measurement.md, section 3, "Eras".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.probe_result import VANTAGE
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import Product
    from monitor.facts.known_facts import Facts
    from sla.definition import Definition
    from sla.timeline import Timeline


class ProductHistories:
    """The history of each product, by its id: of those in `configured`, and of those that the configuration has not.

    `timeline` returns the timeline of a check by its key, an empty one if there is none yet. Products with the same
    members and rule share one composition.
    """

    def __init__(self, timeline: Callable[[str], Timeline]) -> None:
        self._timeline = timeline
        self.configured: dict[str, Eras] = {}
        self._removed: dict[str, Eras] = {}
        self._compositions: dict[tuple[object, ...], Composition] = {}

    def find(self, product_id: str) -> Eras | None:
        """Return the history of a product, configured or removed; None if no definition names it."""
        return self.configured.get(product_id) or self._removed.get(product_id)

    def compose(self, products: Iterable[Product], facts: Facts) -> None:
        """Compose each product by its definitions; one without any, as it is configured now.

        Compositions that go on keep the states that they have composed so far.
        """
        held, self._compositions = self._compositions, {}
        before, self.configured = self.configured, {}
        for product in products:
            eras = list(self._eras(facts.definitions(product.id), held)) or [self._undefined(product, held)]
            found = self.configured[product.id] = before.get(product.id) or Eras(eras)
            found.redefine(eras)  # renderers of the product keep the same object
        removed = (name for name in facts.products if name not in self.configured)
        self._removed = {name: Eras(list(self._eras(facts.definitions(name), held))) for name in removed}

    def _eras(self, defined: Sequence[Definition], held: Mapping[tuple[object, ...], Composition]) -> Iterator[Era]:
        """Yield an era for each definition. The first one of an older record begins with that record."""
        before: set[str] = set()
        for number, each in enumerate(defined):
            local = [member for member in each.members if member.vantage == VANTAGE]
            timelines = {member.check: self._timeline(member.check) for member in local}
            whole = self._composed(each.rule, tuple(timelines.values()), held) if timelines else None
            begun = (
                number == 0
                and whole is not None
                and whole.first_observation_at is not None
                and whole.first_observation_at <= each.made
            )
            new = [] if begun else [member for member in local if member.check not in before]
            hold = max((member.hold for member in new), default=0)
            added = tuple(timelines[member.check] for member in new)
            yield Era(each.made, whole, added, hold, each.objective, each.agreement)
            before = set(timelines)

    def _undefined(self, product: Product, held: Mapping[tuple[object, ...], Composition]) -> Era:
        members = tuple(self._timeline(f"{product.id}/{check.id}") for check in product.checks)
        return Era(EVER, self._composed(product.rule, members, held))

    def _composed(
        self, rule: Rule, members: tuple[Timeline, ...], held: Mapping[tuple[object, ...], Composition]
    ) -> Composition:
        if rule.k is not None and rule.k > len(members):  # a renaming made one check of two members
            rule = Rule(len(members))
        key = (rule.needed(len(members)), *sorted(map(id, members)))
        if key not in self._compositions:
            self._compositions[key] = held.get(key) or Composition(rule, members)
        return self._compositions[key]
