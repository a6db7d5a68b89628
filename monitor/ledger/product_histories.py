"""Compose the history of each product from its checks, one era per definition.

measurement.md, section 3, "Eras".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.agreement_meaning import counts_degraded
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.paused_members import PausedTime
from sla.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import Product
    from monitor.facts.fact_index import Facts
    from monitor.ledger.check_history import CheckHistory
    from sla.definition import Definition
    from sla.state_history import History


class ProductHistories:
    """The history of each configured product, by id, and of each removed product.

    `history` returns the history of a check by its key, which is empty for an unknown key. Products with the same
    members and rule share one composition. `contractual` has the histories for contractual figures. They differ from
    `configured` only for products whose current or earlier agreement counts degraded time as downtime.
    """

    def __init__(self, history: Callable[[str], CheckHistory]) -> None:
        self._history = history
        self.configured: dict[str, Eras] = {}
        self.contractual: dict[str, Eras] = {}
        self._removed: dict[str, Eras] = {}
        self._compositions: dict[tuple[object, ...], Composition] = {}
        self._states: dict[str, dict[History, None]] = {}  # check -> its histories in all definitions

    def find(self, product_id: str) -> Eras | None:
        """Return the history of a configured or removed product, or None if the product is unknown."""
        return self.configured.get(product_id) or self._removed.get(product_id)

    def compose(self, products: Iterable[Product], facts: Facts) -> None:
        """Compose each product by its definitions, or by its current configuration if it has no definition.

        Unchanged compositions are reused with the states that they have computed.
        """
        previous, self._compositions = self._compositions, {}
        self._states.clear()
        histories, self.configured = self.configured, {}
        strict_histories, self.contractual = self.contractual, {}
        for product in products:
            eras = list(self._eras(facts.definitions(product.id), previous)) or [
                self._configured_era(product, previous)
            ]
            history = self.configured[product.id] = histories.get(product.id) or Eras(eras)
            # in place, because renderers of the product keep a reference
            history.redefine(eras, self._pauses(product.id, facts))
            strict = strict_histories.get(product.id)
            self.contractual[product.id] = self._contractual(product, facts, previous, strict)
        removed = (name for name in facts.products if name not in self.configured)
        self._removed = {
            name: Eras(list(self._eras(facts.definitions(name), previous)), self._pauses(name, facts))
            for name in removed
        }

    def _contractual(
        self, product: Product, facts: Facts, previous: Mapping[tuple[object, ...], Composition], earlier: Eras | None
    ) -> Eras:
        """Return the history for the contractual figures. `earlier` is the history before the change, if any."""
        definitions, history = facts.definitions(product.id), self.configured[product.id]
        agreements = [definition.agreement for definition in definitions]
        counts_degraded_time = (
            any(map(counts_degraded, agreements)) if definitions else product.agreement.degraded is not None
        )
        if not counts_degraded_time:
            return history
        eras = list(self._eras(definitions, previous, contractual=True)) or [
            self._configured_era(product, previous, strict=True)
        ]
        contractual = Eras(eras) if earlier is None or earlier is history else earlier
        contractual.redefine(eras, self._pauses(product.id, facts, strict=True))
        return contractual

    def _pauses(self, product_id: str, facts: Facts, *, strict: bool = False) -> list[PausedTime]:
        """Return the paused time of each member. With `strict`, it includes the strict timelines."""
        return [
            PausedTime(pause.interval, member)
            for pause in facts.pauses(product_id)
            for member in (self._paused_histories(pause.check, strict=strict) if pause.check else (None,))
        ]

    def _paused_histories(self, key: str, *, strict: bool) -> Iterable[History]:
        history = self._history(key)
        own = {history.timeline: None, **self._states.get(key, {})}
        return {**own, history.strict_timeline: None} if strict else own

    def states(self, key: str, vantages: Sequence[str], quorum: int) -> History:
        """Return the states of a check: its only timeline, or down while `quorum` of its vantages see it down."""
        return self._check_states(key, vantages, quorum, self._compositions)

    def _check_states(
        self,
        key: str,
        vantages: Sequence[str],
        quorum: int,
        previous: Mapping[tuple[object, ...], Composition],
        *,
        strict: bool = False,
    ) -> History:
        views = [self._history(key).view(vantage) for vantage in vantages]
        timelines = tuple(view.strict_timeline if strict else view.timeline for view in views)
        if len(timelines) == 1:
            return timelines[0]
        states = self._composition(Rule(max(1, len(timelines) - quorum + 1)), timelines, previous)
        self._states.setdefault(key, {})[states] = None
        return states

    def _eras(
        self,
        definitions: Sequence[Definition],
        previous: Mapping[tuple[object, ...], Composition],
        *,
        contractual: bool = False,
    ) -> Iterator[Era]:
        """Yield one era per definition. In a record without earlier definitions, the first era starts with the record.

        Checks that a definition adds are passed to the era, because they have no observations at its start. With
        `contractual`, the product is down while it is degraded, in the eras whose agreement counts degraded time.
        """
        known_members: set[tuple[str, str]] = set()
        for number, definition in enumerate(definitions):
            keys, quorum = definition.vantages, definition.quorum
            members = [self._check_states(key, vantages, quorum, previous) for key, vantages in keys.items()]
            composition = self._composition(definition.rule, tuple(members), previous) if members else None
            observed_before = (
                number == 0
                and composition is not None
                and composition.first_observation_at is not None
                and composition.first_observation_at <= definition.made
            )
            new = (
                [] if observed_before else [m for m in definition.members if (m.check, m.vantage) not in known_members]
            )
            hold = max((member.hold for member in new), default=0)
            added = tuple(self._history(member.check).view(member.vantage).timeline for member in new)
            if contractual and members and counts_degraded(definition.agreement):
                composition = self._strict_composition(keys, quorum, previous)
            yield Era(definition.made, composition, added, hold, definition.objective, definition.agreement)
            known_members = {(member.check, member.vantage) for member in definition.members}

    def _configured_era(
        self, product: Product, previous: Mapping[tuple[object, ...], Composition], *, strict: bool = False
    ) -> Era:
        keys = {f"{product.id}/{check.id}": check.vantages for check in product.checks}
        quorum = max(check.quorum.votes for check in product.checks)
        if strict:
            return Era(EVER, self._strict_composition(keys, quorum, previous))
        members = (self._check_states(key, vantages, quorum, previous) for key, vantages in keys.items())
        return Era(EVER, self._composition(product.rule, tuple(members), previous))

    def _strict_composition(
        self, keys: Mapping[str, Sequence[str]], quorum: int, previous: Mapping[tuple[object, ...], Composition]
    ) -> Composition:
        """Return the history that is up only while all checks are up and not degraded. `keys` has their vantages.

        The rule is `all`, because a product is degraded while any check is down, even if its rule does not need it.
        """
        members = (self._check_states(key, vantages, quorum, previous, strict=True) for key, vantages in keys.items())
        return self._composition(Rule(), tuple(members), previous)

    def _composition(
        self, rule: Rule, members: tuple[History, ...], previous: Mapping[tuple[object, ...], Composition]
    ) -> Composition:
        if rule.k is not None and rule.k > len(members):  # a renaming merged two members into one check
            rule = Rule(len(members))
        key = (rule.needed(len(members)), *sorted(map(id, members)))
        if key not in self._compositions:
            self._compositions[key] = previous.get(key) or Composition(rule, members)
        return self._compositions[key]
