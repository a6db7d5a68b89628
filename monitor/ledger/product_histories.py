"""Compose the history of each product from its checks, one era per definition.

measurement.md, section 3, "Eras".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.probe_result import VANTAGE
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.paused_members import PausedTime
from sla.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import Product
    from monitor.facts.fact_index import Facts
    from sla.definition import Definition
    from sla.timeline import Timeline


class ProductHistories:
    """The history of each configured product, by id, and of each removed product.

    `timeline` returns the timeline of a check by its key, an empty timeline for an unknown key. Products with the same
    members and rule share one composition.
    """

    def __init__(self, timeline: Callable[[str], Timeline]) -> None:
        self._timeline = timeline
        self.configured: dict[str, Eras] = {}
        self._removed: dict[str, Eras] = {}
        self._compositions: dict[tuple[object, ...], Composition] = {}

    def find(self, product_id: str) -> Eras | None:
        """Return the history of a configured or removed product, or None if the product is unknown."""
        return self.configured.get(product_id) or self._removed.get(product_id)

    def compose(self, products: Iterable[Product], facts: Facts) -> None:
        """Compose each product by its definitions, or by its present configuration if it has no definition.

        Unchanged compositions are reused with the states that they have computed.
        """
        previous, self._compositions = self._compositions, {}
        histories, self.configured = self.configured, {}
        for product in products:
            eras = list(self._eras(facts.definitions(product.id), previous)) or [self._present_era(product, previous)]
            history = self.configured[product.id] = histories.get(product.id) or Eras(eras)
            # in place, because renderers of the product keep a reference
            history.redefine(eras, self._pauses(product.id, facts))
        removed = (name for name in facts.products if name not in self.configured)
        self._removed = {
            name: Eras(list(self._eras(facts.definitions(name), previous)), self._pauses(name, facts))
            for name in removed
        }

    def _pauses(self, product_id: str, facts: Facts) -> list[PausedTime]:
        return [
            PausedTime(pause.interval, self._timeline(pause.check) if pause.check else None)
            for pause in facts.pauses(product_id)
        ]

    def _eras(
        self, definitions: Sequence[Definition], previous: Mapping[tuple[object, ...], Composition]
    ) -> Iterator[Era]:
        """Yield one era per definition. In a record without earlier definitions, the first era starts with the record.

        Checks that a definition adds are passed to the era, because they have no observations at its start.
        """
        known_checks: set[str] = set()
        for number, definition in enumerate(definitions):
            members = [member for member in definition.members if member.vantage == VANTAGE]
            timelines = {member.check: self._timeline(member.check) for member in members}
            composition = self._composition(definition.rule, tuple(timelines.values()), previous) if timelines else None
            observed_before = (
                number == 0
                and composition is not None
                and composition.first_observation_at is not None
                and composition.first_observation_at <= definition.made
            )
            new = [] if observed_before else [member for member in members if member.check not in known_checks]
            hold = max((member.hold for member in new), default=0)
            added = tuple(timelines[member.check] for member in new)
            yield Era(definition.made, composition, added, hold, definition.objective, definition.agreement)
            known_checks = set(timelines)

    def _present_era(self, product: Product, previous: Mapping[tuple[object, ...], Composition]) -> Era:
        members = tuple(self._timeline(f"{product.id}/{check.id}") for check in product.checks)
        return Era(EVER, self._composition(product.rule, members, previous))

    def _composition(
        self, rule: Rule, members: tuple[Timeline, ...], previous: Mapping[tuple[object, ...], Composition]
    ) -> Composition:
        if rule.k is not None and rule.k > len(members):  # a renaming merged two members into one check
            rule = Rule(len(members))
        key = (rule.needed(len(members)), *sorted(map(id, members)))
        if key not in self._compositions:
            self._compositions[key] = previous.get(key) or Composition(rule, members)
        return self._compositions[key]
