"""Former ids are recorded as facts, so a renamed check or product that is removed later keeps its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.former_ids import FormerIdMap
from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.ledger.ledger import Ledger
from monitor.ledger.renamed_checks import added_renamings, unconfigured_checks
from sla.evidence import deployment_fact
from sla.fact import RENAMING, Fact
from sla.interval import MINUTE, Interval
from sla.rule import Rule
from tests.monitor.test_past_ledger import observe, portfolio
from tests.monitor.test_planned_maintenance import define
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from monitor.config.model import Portfolio


def portfolio_of(*checks: tuple[str, str], product: str = "p", was: str = "") -> Portfolio:
    """Return a portfolio of one product; each check is given by its id and its former id, if it has one."""
    named_portfolio = portfolio(**{product: {"checks": ["a"]} | ({"was": was} if was else {})})
    stand_ins = tuple(
        FakeCheck.model_validate(
            {"id": name, "http": "https://example.test/", "interval": "1m", "timeout": "10s"}
            | ({"was": old} if old else {})
        )
        for name, old in checks
    )
    only = named_portfolio.products[0].model_copy(update={"checks": stand_ins})
    return named_portfolio.model_copy(update={"products": (only,)})


def load(ledger: Ledger, loaded: Portfolio, now: int) -> None:
    ledger.reload(loaded)
    ledger.facts = Facts(ledger.facts.all, added_renamings(loaded, ledger.facts, now), former_ids=ledger.former_ids)
    define(ledger, now)


def restart(ledger: Ledger, loaded: Portfolio) -> Ledger:
    second_ledger = Ledger(loaded)
    second_ledger.facts = Facts(ledger.facts.all, former_ids=second_ledger.former_ids)
    second_ledger.restore(
        sorted((r for h in ledger.all_histories() for r in h.runs()), key=lambda r: (r.check, r.first)), [], []
    )
    return second_ledger


@pytest.mark.parametrize(
    "renamed_portfolios",
    [[portfolio_of(("c", "a"), ("b", ""))], [portfolio_of(("c", "a"), ("b", "")), portfolio_of(("d", "c"), ("b", ""))]],
)
def test_renamed_check_keeps_its_history_after_its_removal(renamed_portfolios: list[Portfolio]) -> None:
    """It also does after two renamings, if the last configuration names only the previous id."""
    ledger = Ledger(portfolio_of(("a", ""), ("b", "")))
    load(ledger, ledger.portfolio, NOW - MINUTE)
    for number, reloaded in enumerate([ledger.portfolio, *renamed_portfolios]):
        load(ledger, reloaded, NOW + number * 10 * MINUTE)
        observe(ledger, range(number * 10, number * 10 + 10), range(0))
    past = Interval(NOW, NOW + (10 * len(renamed_portfolios) + 9) * MINUTE)
    before = ledger.compositions["p"].durations(past)
    assert before.up == past.length
    load(ledger, portfolio_of(("b", "")), NOW + 100 * MINUTE)
    assert ledger.compositions["p"].durations(past) == before
    assert restart(ledger, ledger.portfolio).compositions["p"].durations(past) == before


def test_facts_about_a_product_include_those_of_its_former_ids() -> None:
    former_ids = FormerIdMap(products={"old": "new"})
    stated = [deployment_fact(NOW, "Bo", name, NOW, "v7") for name in ("old", "other", "new", "")]
    facts = Facts(stated, former_ids=former_ids)
    for name in ("new", "other", "old", "none"):
        assert list(facts.about(name)) == [fact for fact in facts.all if facts.is_about(fact, name)]
    assert len(facts.about("new")) == 2


def test_renaming_is_recorded_once_and_listed() -> None:
    ledger = Ledger(portfolio_of(("a", "")))
    load(ledger, ledger.portfolio, NOW)
    assert not list(added_renamings(ledger.portfolio, ledger.facts, NOW))
    for _ in range(2):
        load(ledger, portfolio_of(("c", "a"), product="r", was="p"), NOW + MINUTE)
    (fact,) = ledger.facts.renamings
    assert (fact.product, fact.author) == ("r", "configuration")
    history_lines = [line for change in history(ledger.facts, "r") if change.fact == fact for line in change.changes]
    assert history_lines == ["renamed: p -> r", "renamed: p/a -> r/c", "renamed: p/c -> r/c", "renamed: r/a -> r/c"]


def renaming_fact(**body: Any) -> Fact:
    return Fact.of(NOW, "configuration", RENAMING, "p", body)


def test_chains_of_former_ids_lead_to_the_last_id() -> None:
    facts = [
        renaming_fact(checks={"p/a": "p/b"}, products={"o": "p"}),
        renaming_fact(checks={"p/b": "p/c", "x": "y", "y": "x"}),
    ]
    assert FormerIdMap.of(portfolio_of(("z", "")), facts).check("p/a") == "p/c"
    assert FormerIdMap.of(portfolio_of(("z", "")), facts).product("o") == "p"
    assert FormerIdMap.of(portfolio_of(("b", "")), facts).checks["p/a"] == "p/b"
    assert "p/a" not in FormerIdMap.of(portfolio_of(("a", "")), facts).checks
    assert FormerIdMap.of(portfolio_of(("d", "b")), facts).check("p/a") == "p/d"
    assert (
        FormerIdMap.of(portfolio_of(("z", "")), [renaming_fact(), Fact.of(NOW, "x", RENAMING, "p", ["newer"])])
        == FormerIdMap()
    )


def test_check_with_a_recorded_renaming_is_not_reported() -> None:
    facts = [renaming_fact(checks={"p/a": "p/b"}, products={})]
    assert list(unconfigured_checks({"p/a": NOW, "p/b": NOW}, portfolio_of(("z", "")), facts)) == ["p/b"]
    assert list(unconfigured_checks({"p/a": NOW, "p/b": NOW}, portfolio_of(("z", "")))) == ["p/a", "p/b"]


def test_members_merged_by_a_renaming_count_as_one_check() -> None:
    """A former id belonged to another check. The earlier rule cannot require more checks than there are."""
    ledger = Ledger(portfolio_of(("a", ""), ("b", "")))
    two = ledger.portfolio.products[0]
    rule = two.model_copy(update={"rule": Rule(2)})
    load(ledger, ledger.portfolio.model_copy(update={"products": (rule,)}), NOW)
    observe(ledger, range(10), range(0))
    load(ledger, portfolio_of(("b", "a")), NOW + 10 * MINUTE)
    second_ledger = restart(ledger, ledger.portfolio)
    assert second_ledger.compositions["p"].durations(Interval(NOW, NOW + 9 * MINUTE)).up == 9 * MINUTE
