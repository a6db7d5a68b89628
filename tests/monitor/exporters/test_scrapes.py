"""The cost of a scrape of /metrics: what is computed again, and pages in progress."""

from __future__ import annotations

import pytest

from monitor.exporters import columns, prometheus
from monitor.exporters.columns import CHUNK
from monitor.exporters.exposition import Dialect
from sla.interval import DAY, HOUR, MINUTE, SECOND
from tests.support.clocks import ManualClock
from tests.support.ledgers import (
    BAD_RESULT,
    NOW,
    history,
    large_ledger,
    ledger_of,
    observe,
    probe_all,
    product,
)
from tests.support.metrics_page import exporter_of, rendered_page, samples


def test_reload_does_not_change_a_page_in_progress(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"), product("css"))
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    old = exporter.render(Dialect.OPENMETRICS)
    first_block = next(old)
    ledger.reload(ledger_of(product("drop", objective="99.5%")).portfolio)
    assert 'product="css"' in (first_block + b"".join(old)).decode()
    page = samples(exporter)
    assert page["ninewatch_objective_ratio", frozenset({"drop"})] == 0.995
    assert ("ninewatch_objective_ratio", frozenset({"css"})) not in page


def test_concurrent_pages_are_independent(clock: ManualClock) -> None:
    ledger = large_ledger(3, 2)
    exporter = exporter_of(ledger, clock)
    one, other = exporter.render(Dialect.OPENMETRICS), exporter.render(Dialect.OPENMETRICS)
    pages: list[bytes] = [next(one), next(other)]
    pages[0] += b"".join(one)
    pages[1] += b"".join(other)
    assert pages[0].count(b"ninewatch_objective_ratio{") == pages[1].count(b"ninewatch_objective_ratio{") == 3


def test_unchanged_products_are_recomputed_in_turn_and_the_maximum_age_is_exported(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All observations since the last scrape are good. 2 of 6 products are recomputed per scrape, so every product is
    recomputed at least at every third scrape.
    """
    monkeypatch.setattr(prometheus, "MIN_OTHER", 2)
    ledger = large_ledger(6, 1)
    exporter = exporter_of(ledger, clock)
    ages = []
    for _ in range(5):
        probe_all(ledger, ledger.entries.values(), clock.now() - SECOND, clock.now() - SECOND)
        ages.append(samples(exporter)["ninewatch_figures_age_seconds", frozenset()])
        clock.jump(15)
    assert ages == [0, 15, 30, 30, 30]


def test_product_with_recent_downtime_is_recomputed_at_each_scrape(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown time at the start of a short record does not cause a recomputation."""
    monkeypatch.setattr(prometheus, "MIN_OTHER", 0)
    ledger = ledger_of(product("recently_down"), product("young"), product("quiet"))
    outage = (NOW - 2 * HOUR, NOW - 2 * HOUR + 5 * MINUTE, "deadline")
    histories = {"quiet/health": (DAY, []), "recently_down/health": (DAY, [outage]), "young/health": (HOUR, [])}
    ledger.restore([run for key, (age, bad) in histories.items() for run in history(key, NOW - age, NOW, bad)], [], [])
    exporter = exporter_of(ledger, clock)
    known: list[dict[str, float]] = []
    for _ in range(4):
        clock.jump(15)
        probe_all(ledger, ledger.entries.values(), clock.now(), clock.now())
        page = samples(exporter)
        coverage = {name: page["ninewatch_coverage_ratio", frozenset({name, "365d"})] for name in ledger.products}
        known.append(coverage)
    before, after = known[-2:]
    assert {name for name in ledger.products if after[name] > before[name]} == {"recently_down"}


def test_changed_product_is_recomputed_immediately(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MIN_OTHER", 0)
    monkeypatch.setattr(prometheus, "MIN_RECENTLY_DOWN", 0)
    ledger = large_ledger(3, 1)
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    rendered_page(exporter)
    clock.jump(60)
    observe(ledger, ledger.entries["product-0001/health"], clock.now(), BAD_RESULT)
    page = samples(exporter)
    assert page["ninewatch_product_state", frozenset({"product-0001", "down"})] == 1
    low = float(ledger.measured("product-0001", "1h", clock.now()).availability.low)
    assert page["ninewatch_availability_ratio", frozenset({"product-0001", "1h", "low"})] == low


def test_changed_product_is_recomputed_after_an_aborted_page(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client closes the connection after the checks were read, before the product was measured."""
    for name in ("SLICE", "MIN_OTHER", "MIN_RECENTLY_DOWN"):
        monkeypatch.setattr(prometheus, name, 0)
    monkeypatch.setattr(columns, "CHUNK", 1)
    ledger = large_ledger(3, 1)
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    clock.jump(60)
    observe(ledger, ledger.entries["product-0001/health"], clock.now(), BAD_RESULT)
    aborted = exporter.render(Dialect.OPENMETRICS)
    for _ in ledger.entries:
        assert next(aborted) == b""
    aborted.close()
    assert samples(exporter)["ninewatch_product_state", frozenset({"product-0001", "down"})] == 1


@pytest.mark.parametrize(("products", "checks"), [(1000, 1), (10, 100)])
def test_page_of_a_large_portfolio_is_rendered_in_many_small_steps(products: int, checks: int) -> None:
    """No step blocks the event loop for more than a fraction of the rendering.

    With a clock that ends a time slice at every call, each product and each 32 checks are a separate step. `bench/`
    measures the duration of the steps.
    """

    class FastClock(ManualClock):
        def monotonic(self) -> float:
            self.ticks = getattr(self, "ticks", 0.0) + 1.0
            return self.ticks

    exporter = exporter_of(large_ledger(products, checks), FastClock(NOW))
    blocks = list(exporter.render(Dialect.OPENMETRICS))
    assert sum(not block for block in blocks) >= products + products * checks + products * checks // CHUNK
    largest = 256 * 21 * 110  # number of joined texts, families, and length of a line
    assert max(map(len, blocks)) <= largest


def test_second_scrape_reuses_unchanged_lines(clock: ManualClock) -> None:
    """The version of cached samples is the same, so they were not rendered again."""
    ledger = large_ledger(4, 1)
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    before = [check.version for check in exporter._lines.checks]
    probe_all(ledger, [ledger.entries["product-0002/health"]], clock.now(), clock.now())
    rendered_page(exporter)
    after = [check.version for check in exporter._lines.checks]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, True]
