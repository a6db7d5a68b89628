"""Figures after exclusions that are computed from kept sums are those that are computed anew."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from monitor.ledger.exclusion_sums import ExclusionSums
from sla.calendar import Window
from sla.compose import Composition
from sla.interval import DAY, MINUTE, Interval, union
from sla.measured import measure
from tests.monitor.daemon_worlds import STEP, Check, History, Product
from tests.support.ledgers import NOW, ledger_of, product

if TYPE_CHECKING:
    from pathlib import Path

    from sla.exclusion import Exclusion


class SilentSpells(History):
    """A history in which each check is not probed for random spells, some longer than its hold."""

    def __init__(self, random: Random, record: Path) -> None:
        self.silent: set[str] = set()
        super().__init__(random, record)

    def _probe(self, product: Product, check: Check) -> None:
        if self.random.random() < 0.06:
            self.silent ^= {check.identity}
        if check.identity not in self.silent:
            super()._probe(product, check)


@pytest.mark.parametrize("seed", [6, *range(20, 31)])
def test_cached_sums_give_the_same_figures_as_recomputation(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Composition, "RECENT", 2 * STEP)
    monkeypatch.setattr(ExclusionSums, "GRID", MINUTE)
    random = Random(seed)  # noqa: S311 - reproducible histories
    history = SilentSpells(random, tmp_path / "record.db")
    try:
        for _ in range(60):
            history.step()
            for product in history.products:
                start = NOW + random.randint(-4, (history.now - NOW) // STEP) * STEP + random.choice((0, 1, 17_000_001))
                compare(history, product.id, Interval(min(start, history.now - 1), history.now))
                compare_in_progress(history, product.id, Interval(min(start, history.now - 1), history.now))
    finally:
        history.close()


def compare(history: History, product_id: str, window: Interval) -> None:
    ledger = history.ledger
    product = ledger.products[product_id]
    exclusions = [exclusion.interval for exclusion in ledger.exclusions(product_id, window)]
    anew = measure(
        ledger.contractual_histories[product_id], window, product.objective, excluded=exclusions, rolling=True
    )
    cached = ledger.contractual(product_id, window)
    assert cached.durations == anew.durations, history.did
    assert (cached.counts, cached.excluded, cached.observed_part) == (anew.counts, anew.excluded, anew.observed_part), (
        history.did
    )
    assert cached.objectives == anew.objectives
    contractual = ledger.agreement_figures(product_id, Window("own", window, window), window.end).contractual
    assert (contractual.durations, contractual.counts, contractual.excluded) == (
        anew.durations,
        anew.counts,
        anew.excluded,
    )


def compare_in_progress(history: History, product_id: str, elapsed: Interval) -> None:
    """Compare the figures of a calendar window whose end, and a part of whose exclusions, are in the future."""
    ledger = history.ledger
    window = Window("year", Interval(elapsed.start, elapsed.end + 100 * STEP + 17), elapsed)
    product = ledger.products[product_id]
    exclusions = [exclusion.interval for exclusion in ledger.exclusions(product_id, window.full)]
    anew = measure(
        ledger.contractual_histories[product_id],
        elapsed,
        product.objective,
        excluded=exclusions,
        full_window=window.full,
    )
    cached = ledger.contractual(product_id, window)
    assert (cached.durations, cached.counts, cached.excluded) == (anew.durations, anew.counts, anew.excluded)
    assert (cached.budget_length, cached.allowed, cached.observed_part) == (
        anew.budget_length,
        anew.allowed,
        anew.observed_part,
    )


def test_future_exclusions_are_computed_once_per_day() -> None:
    """The service hours of the rest of the year are the same for all queries of a day."""
    ledger = ledger_of(product("forms", window="year", agreement={"service_hours": "Mon-Fri 09:00-17:00"}))
    computed: list[Interval] = []

    def excluded(product_id: str, window: Interval) -> list[Exclusion]:
        computed.append(window)
        return ledger.exclusions(product_id, window)

    sums = ExclusionSums(excluded, lambda product_id: [ledger.contractual_histories[product_id]])
    for at in (NOW, NOW + MINUTE, NOW + DAY):
        window = ledger.own_window("forms", at)
        after = sums.after("forms", window.full, at)
        anew = [exclusion.interval for exclusion in ledger.exclusions("forms", window.full)]
        assert after.length(window.full) == window.full.length - sum(interval.length for interval in union(anew))
    ends = [interval.end for interval in computed]
    assert ends.count(window.full.end) == 2
