"""The cases that scrape `/metrics`."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bench.generated_ledger import NOW, Figures, ledger_with_runs, observe, portfolio, product, runs, time_calls
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.health import Health
from sla.interval import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger


class Clock:
    """A clock that stands still at the end of the record. `monotonic` runs, for the time slices of a scrape."""

    stepped = 0

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


def _scraped_ledger(products: int = 100, checks: int = 10, days: int = 31) -> tuple[Ledger, Clock, Exporter]:
    loaded = portfolio(product(f"product-{n}", checks) for n in range(products))
    ledger = ledger_with_runs(loaded, lambda key, number: runs(key, number, days, 10 * DAY))
    clock = Clock()
    for key in ledger.entries:
        observe(ledger, key, NOW)
    clock.at = NOW + 10 * SECOND
    exporter = Exporter(ledger, Health(), clock)
    scrape(exporter)
    return ledger, clock, exporter


def scrape(exporter: Exporter) -> int:
    return sum(map(len, exporter.render(Dialect.OPENMETRICS)))


def scraped_cases() -> dict[str, tuple[int, int, int]]:
    """Return the numbers of products, of checks per product, and of recorded days, by the name of the case."""
    return {
        "1,000 checks of 100 products": (100, 10, 31),
        "1,000 checks of 334 products": (334, 3, 31),
        "1,000 checks of 1,000 products": (1_000, 1, 31),
        "10,000 checks of 1,000 products": (1_000, 10, 3),
    }


def scrapes() -> Figures:
    """Measure scrapes after no new probe and after a new probe of every check.

    Targets: 20 ms for 1,000 checks, 250 ms for 10,000 checks, and 10 ms between two pauses, which block the event loop.
    """
    figures: Figures = {}
    for name, shape in scraped_cases().items():
        figures |= _scrapes(name, *_scraped_ledger(*shape))
    return figures


def _scrapes(name: str, ledger: Ledger, clock: Clock, exporter: Exporter) -> Figures:
    def quiet() -> Iterator[Callable[[], object]]:
        for _ in range(20):
            clock.at += SECOND
            yield lambda: scrape(exporter)

    def busy() -> Iterator[Callable[[], object]]:
        for _ in range(10):
            _probe_all(ledger, clock)
            yield lambda: scrape(exporter)

    def longest() -> float:
        _probe_all(ledger, clock)
        gc.collect()
        gc.disable()
        at, longest_block = time.process_time_ns(), 0
        for _ in exporter.render(Dialect.OPENMETRICS):
            at, before = time.process_time_ns(), at
            longest_block = max(longest_block, at - before)
        gc.enable()
        return longest_block / 1e6

    return {
        f"{name}, nothing probed since": time_calls(quiet()),
        f"{name}, all probed since": time_calls(busy()),
        f"{name}, longest part without a pause": max(longest() for _ in range(5)),
    }


def _probe_all(ledger: Ledger, clock: Clock) -> None:
    clock.at += MINUTE
    for key in ledger.entries:
        observe(ledger, key, clock.at - 5 * SECOND)


def scrape_work(*, probed: bool) -> Callable[[int], object]:
    ledger, clock, exporter = _scraped_ledger(20)

    def work(_: int) -> object:
        if probed:
            _probe_all(ledger, clock)
        else:
            clock.at += SECOND
        return scrape(exporter)

    return work
