"""A page of cached samples is equal to a page that is rendered from scratch."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from monitor.exporters import prometheus
from monitor.exporters.columns import CHUNK, Columns, Texts
from monitor.exporters.exposition import Dialect, Family
from monitor.exporters.families import PRODUCT_FAMILIES, ProductColumn
from monitor.exporters.prometheus import Exporter
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.probe_result import ProbeResult
from sla.correction import Correction
from sla.gate_override import GateOverride
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import Objective
from tests.support.clocks import ManualClock
from tests.support.ledgers import (
    BAD_RESULT,
    GOOD_RESULT,
    NOW,
    UNKNOWN,
    history,
    ledger_of,
    observe,
    product,
)

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

OTHER_GOOD = ProbeResult(GOOD_RESULT.outcome, status=204, phases={"connect": 0.1 / 3})
RESULTS = (*[GOOD_RESULT] * 6, OTHER_GOOD, BAD_RESULT, ProbeResult(UNKNOWN, "own_descriptors"))
WINDOWS = ("30d", "45d", "1h")


def portfolio_ledger(source: random.Random) -> Ledger:
    """Return products with different windows, agreements and dependencies. Most of them have been up for a month."""
    products = [
        product(
            f"p-{number}",
            number % 3 + 1,
            source.choice(["99.9%", "99%"]),
            window=WINDOWS[number % 3],
            depends_on=("p-0",) if number == 1 else (),
        )
        for number in range(CHUNK + 3)
    ]
    ledger = ledger_of(*products)
    for index, key in enumerate(ledger.entries):
        start = NOW - source.randrange(2, 50) * DAY
        outage = (start + DAY, start + DAY + source.randrange(9) * MINUTE, "deadline")
        ledger.restore(history(key, start, NOW - MINUTE, [outage] if index % 4 == 0 else []), [], [])
    return ledger


def redefine(ledger: Ledger, at: int, source: random.Random) -> None:
    """Reload the portfolio with another objective of one product, as the daemon does."""
    changed = source.randrange(len(ledger.portfolio.products))
    products = [
        configured.model_copy(update={"objective": Objective.parse("99.5%")}) if number == changed else configured
        for number, configured in enumerate(ledger.portfolio.products)
    ]
    ledger.reload(ledger.portfolio.model_copy(update={"products": tuple(products)}))
    known = ledger.facts
    definitions = added_definitions(ledger.portfolio, ledger.definitions, lambda _: NOW - DAY, known.products, at)
    ledger.facts = Facts(
        known.all, [definition.fact("test") for definition in definitions], former_ids=ledger.former_ids
    )


def change(ledger: Ledger, at: int, source: random.Random) -> None:
    """Observe some checks, and sometimes add a fact or reload the portfolio."""
    for entry in ledger.entries.values():
        if source.random() < 0.4:
            observe(ledger, entry, at - source.randrange(5 * SECOND), source.choice(RESULTS), source.random())
    kind, name = source.randrange(6), f"p-{source.randrange(CHUNK)}"
    facts = {
        0: GateOverride(at, "Ana", "freeze", name, "hold", at + HOUR).fact(),
        1: Correction(name, Interval(at - 2 * DAY, at - DAY), "Ana", "network", at).fact(),
    }
    if kind in facts:
        ledger.facts = Facts(ledger.facts.all, [facts[kind]], former_ids=ledger.former_ids)
    elif kind == 2:
        redefine(ledger, at, source)


def page(exporter: Exporter, dialect: Dialect) -> list[str]:
    """Return the lines of the page without those about the process, which consumes time."""
    lines = b"".join(exporter.render(dialect)).decode().splitlines()
    return [line for line in lines if "process_" not in line]


@pytest.mark.parametrize("seed", range(4))
def test_cached_page_equals_a_page_from_scratch(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All products are measured at each scrape, because a new exporter has no older figures."""
    monkeypatch.setattr(prometheus, "MIN_OTHER", 1_000)
    monkeypatch.setattr(prometheus, "MIN_RECENTLY_DOWN", 1_000)
    source, clock, health = random.Random(seed), ManualClock(NOW), Health()  # noqa: S311 - not for cryptography
    ledger = portfolio_ledger(source)
    cached = Exporter(ledger, health, clock)
    for step in range(10):
        clock.jump(source.choice([6, 15, 61, 400]) + source.random())
        change(ledger, clock.now(), source)
        for dialect in Dialect if step % 2 else reversed(Dialect):
            assert page(cached, dialect) == page(Exporter(ledger, health, clock), dialect)


class FakeRow:
    def __init__(self, text: str) -> None:
        self.texts = Texts([text, ""])

    @property
    def version(self) -> int:
        return self.texts.version


def test_changed_row_is_joined_again_and_empty_families_are_omitted() -> None:
    families = (Family("one", "gauge", "One"), Family("two", "gauge", "Two"))
    rows = [FakeRow(f"one {number}\n") for number in range(3 * CHUNK)]
    columns = Columns(families, rows)

    def rendered() -> str:
        assert len(list(columns.update())) == 3
        return b"".join(columns.render(Dialect.TEXT)).decode()

    expected = [f"one {number}" for number in range(3 * CHUNK)]
    assert rendered().splitlines() == ["# HELP one One", "# TYPE one gauge", *expected]
    rows[CHUNK].texts[0] = "one -1\n"
    expected[CHUNK] = "one -1"
    assert rendered().splitlines()[2:] == expected
    rows[0].texts[1] = "two 1\n"
    assert rendered().splitlines()[2:] == [*expected, "# HELP two Two", "# TYPE two gauge", "two 1"]


def test_every_product_column_has_the_name_of_its_family() -> None:
    for column, family in zip(ProductColumn, PRODUCT_FAMILIES, strict=True):
        assert column.name.lower() in family.name
