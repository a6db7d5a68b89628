"""The loads of a configuration that add a definition to the record, and the definition's content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.model import Portfolio
from monitor.facts.definitions import added_definitions, definition_of
from monitor.facts.fact_index import Facts
from sla.fact import Fact
from sla.interval import MINUTE, SECOND
from tests.support.ledgers import product

if TYPE_CHECKING:
    from sla.definition import Definition

NOW = 1_000_000 * SECOND


def portfolio(*products: dict[str, object], **fields: object) -> Portfolio:
    return Portfolio.model_validate({"products": products, **fields})


class Record:
    """Facts to which loads add definitions."""

    def __init__(self, *facts: Fact, began: int | None = None) -> None:
        self.facts, self.began = Facts(facts), began

    def load(self, *products: dict[str, object], now: int = NOW, **fields: object) -> list[Definition]:
        """Load a portfolio of the products; return the added definitions."""
        actual = portfolio(*products, **fields)
        facts = self.facts
        added = [*added_definitions(actual, facts.definitions, lambda _: self.began, facts.products, now)]
        self.facts = Facts(facts.all, [definition.fact("ninewatch.yaml") for definition in added])
        return added


def test_first_definition_begins_with_the_record() -> None:
    """For a product without a record it begins with the load."""
    assert [definition.made for definition in Record(began=5).load(product("forms"))] == [5]
    assert [definition.made for definition in Record().load(product("forms"))] == [NOW]
    assert [definition.made for definition in Record(began=NOW + 1).load(product("forms"))] == [NOW]


def test_load_without_a_change_of_meaning_adds_no_definition() -> None:
    """A restart, another order of checks and another spelling of the rule do not change the meaning."""
    record = Record()
    record.load(product("forms", 2))
    assert record.load(product("forms", 2), now=NOW + 1) == []
    other = product("forms", 2, rule="at_least 2", name="Forms", team="x")
    other["checks"] = tuple(reversed(other["checks"]))  # type: ignore[call-overload]
    assert record.load(other, now=NOW + 2) == []


@pytest.mark.parametrize(
    "changed",
    [
        product("forms", 1),
        product("forms", 2, rule="any"),
        product("forms", 2, "99.95%"),
        product("forms", 2, window="90d"),
        product("forms", 2, agreement={"excludes": []}),
        product("forms", 2, agreement={"longest_outage": "22m"}),
    ],
)
def test_load_with_a_change_of_meaning_adds_one_definition(changed: dict[str, object]) -> None:
    record = Record()
    record.load(product("forms", 2), product("css"))
    (added,) = record.load(changed, product("css"), now=NOW + 5)
    assert (added.product, added.made) == ("forms", NOW + 5)
    assert added == definition_of(portfolio(changed).products[0], "America/Vancouver", NOW + 5)
    assert [definition.made for definition in record.facts.definitions("forms")] == [NOW, NOW + 5]


def test_removed_product_ends_once_and_may_be_added_again() -> None:
    record = Record()
    record.load(product("forms"), product("css"))
    (ended,) = record.load(product("css"), now=NOW + 1)
    assert (ended.product, ended.ended, ended.made) == ("forms", True, NOW + 1)
    assert record.load(product("css"), now=NOW + 2) == []
    (definition,) = record.load(product("forms"), product("css"), now=NOW + 3)
    assert (definition.ended, definition.made) == (False, NOW + 3)


def test_definition_with_a_future_instant_is_superseded_and_kept() -> None:
    """The clock was ahead at a load. The definition takes effect at the first correct instant."""
    record = Record(began=5)
    record.load(product("forms"))
    (wrong,) = record.load(product("forms", 2), now=NOW + 10**12)
    (right,) = record.load(product("forms", 2), now=NOW + 7)
    assert right.supersedes == (record.facts.all[-1].id,)
    assert [definition.made for definition in record.facts.definitions("forms")] == [5, NOW + 7]
    assert [fact.made for fact in record.facts.all] == [5, NOW + 7, wrong.made]
    assert record.load(product("forms", 2), now=NOW + 8) == []


def test_unreadable_definition_is_ignored() -> None:
    """A newer version may have rules that this version does not support."""
    strange = Fact.of(5, "configuration", "definition", "forms", {"rule": "weighted"})
    record = Record(strange)
    assert len(record.load(product("forms"))) == 1
    assert strange in record.facts.all


def test_members_have_keys_intervals_and_holds() -> None:
    (member,) = definition_of(portfolio(product("forms")).products[0], "UTC", 0).members
    assert (member.check, member.vantage) == ("forms/health", "local")
    assert (member.interval, member.hold) == (MINUTE, 130 * SECOND)


CONFIGURATIONS: list[list[dict[str, object]]] = [
    [product("forms"), product("css")],
    [product("forms", 2), product("css")],
    [product("forms", 2, rule="at_least 2"), product("css", team="x")],  # same meaning as the previous portfolio
    [product("css", 1, "99.5%")],
    [product("css", 1, "99.5%"), product("forms", 2, rule="any")],
]


@given(st.lists(st.integers(0, len(CONFIGURATIONS) - 1), min_size=1, max_size=8))
def test_definition_in_force_is_that_of_the_last_load(loads: list[int]) -> None:
    """This is true at each instant and in any order of loads; earlier definitions are never changed."""
    record, expected = Record(), dict[str, list[tuple[int, str]]]()
    for step, number in enumerate(loads):
        before = list(record.facts.all)
        record.load(*CONFIGURATIONS[number], now=NOW + step)
        record.load(*CONFIGURATIONS[number], now=NOW + step)
        assert all(fact in record.facts.all for fact in before)
        loaded = {product.id: product for product in portfolio(*CONFIGURATIONS[number]).products}
        for name in {*expected, *loaded}:
            digest = definition_of(loaded[name], "America/Vancouver", 0).digest if name in loaded else "ended"
            current = expected.setdefault(name, [])
            if not current or current[-1][1] != digest:
                current.append((NOW + step, digest))
    for name, current in expected.items():
        definitions = record.facts.definitions(name)
        assert [
            (definition.made, "ended" if definition.ended else definition.digest) for definition in definitions
        ] == current
