"""What people say of the record finds its way from the journal into ledger and record, and is not lost on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.corrections import Journal
from monitor.engine.corrector import Corrector
from monitor.health import Health
from monitor.storage.writer import Writer
from sla.correction import Correction, Revocation
from sla.interval import Interval
from tests.support.ledgers import ledger_of, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.ledger import Ledger

SAID = Correction("forms", Interval(10, 20), "Ana", "account locked", 30)
BACK = Revocation(SAID.id, "Ben", "it was the service", 40)


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of(product("forms"))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_what_is_new_is_in_figures_at_once_and_in_the_record_soon(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """While the store fails it waits; it is given up by nobody."""
    writer = Writer(store, Health(), SystemClock())
    corrector = Corrector(ledger, journal, writer)
    corrector.restore(store)
    await corrector.look()
    assert ledger.corrections.of("forms") == ()
    journal.add(SAID)
    store.error = "disk full"
    writer.start()
    await corrector.look()
    assert list(ledger.corrections.of("forms")) == [SAID.exclusion()]
    assert store.failures.wait(30)
    store.error = ""
    assert store.commits.wait(30)
    assert store.load_corrections() == [SAID]
    journal.add(BACK)
    await corrector.look()
    assert ledger.corrections.of("forms") == ()
    assert writer.close(30)
    assert store.load_corrections() == [SAID, BACK]


async def test_what_the_record_has_is_not_written_again_and_survives_the_journal(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """The other way round as well: a record restored from an older copy takes up what the journal has."""
    store.corrections = {SAID.id: SAID}
    writer = Writer(store, Health(), SystemClock())
    corrector = Corrector(ledger, journal, writer)
    corrector.restore(store)
    for fact in (SAID, BACK):
        journal.add(fact)
    await corrector.look()
    assert list(ledger.corrections.facts) == [SAID, BACK]
    journal.path.unlink()
    await corrector.look()
    assert list(ledger.corrections.facts) == [SAID, BACK]
    writer.start()
    assert writer.close(30)
    assert [batch.corrections for batch in store.batches] == [(BACK,)]


async def test_a_journal_that_cannot_be_read_is_told_of_and_stops_nothing(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    journal.path.mkdir()
    with capture_logs() as told:
        await Corrector(ledger, journal, Writer(store, Health(), SystemClock())).look()
    assert [each["event"] for each in told] == ["corrections_unreadable"]
