"""Facts from commands are copied from the journal to the ledger and the record, and are never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.engine.fact_recorder import FactRecorder
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.storage.writer import Writer
from sla.correction import Correction, Revocation
from sla.fact import Fact
from sla.interval import HOUR, MINUTE, Interval
from sla.window import format_instant
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, ledger_of, probe_all, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio

CORRECTION = Correction("forms", Interval(10, 20), "Ana", "account locked", 30)
REVOCATION = Revocation(CORRECTION.id, "Ben", "it was the service", 40)


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of(product("forms"))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_new_fact_is_in_the_ledger_immediately_and_in_the_record_later(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """While the store fails, the fact stays queued."""
    writer = Writer(store, Health(), SystemClock())
    recorder = FactRecorder(ledger, journal, writer, SystemClock(), Health())
    recorder.restore(store)
    await recorder.read_journal()
    assert ledger.facts.corrections.of("forms") == ()
    journal.add(CORRECTION.fact())
    store.error = "disk full"
    writer.start()
    await recorder.read_journal()
    assert list(ledger.facts.corrections.of("forms")) == [CORRECTION.exclusion()]
    assert store.failures.wait(30)
    store.error = ""
    assert store.commits.wait(30)
    assert store.load_facts() == [CORRECTION.fact()]
    journal.add(REVOCATION.fact())
    await recorder.read_journal()
    assert ledger.facts.corrections.of("forms") == ()
    assert writer.close(30)
    assert store.load_facts() == [CORRECTION.fact(), REVOCATION.fact()]


async def test_recorded_fact_is_not_written_again_and_survives_a_lost_journal(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """A record that was restored from an older copy gets the facts of the journal."""
    store.facts = {CORRECTION.id: CORRECTION.fact()}
    writer = Writer(store, Health(), SystemClock())
    recorder = FactRecorder(ledger, journal, writer, SystemClock(), Health())
    recorder.restore(store)
    for fact in (CORRECTION, REVOCATION):
        journal.add(fact.fact())
    await recorder.read_journal()
    assert list(ledger.facts.corrections.facts) == [CORRECTION, REVOCATION]
    journal.path.unlink()
    await recorder.read_journal()
    assert list(ledger.facts.corrections.facts) == [CORRECTION, REVOCATION]
    writer.start()
    assert writer.close(30)
    assert [batch.facts for batch in store.batches] == [(REVOCATION.fact(),)]


async def test_unreadable_journal_is_logged(ledger: Ledger, journal: Journal, store: MemoryStore) -> None:
    journal.path.mkdir()
    with capture_logs() as log_entries:
        await FactRecorder(
            ledger, journal, Writer(store, Health(), SystemClock()), SystemClock(), Health()
        ).read_journal()
    assert [entry["event"] for entry in log_entries] == ["journal_unreadable"]


def recorder_of(
    ledger: Ledger, journal: Journal, store: MemoryStore, health: Health, clock: ManualClock
) -> FactRecorder:
    recorder = FactRecorder(ledger, journal, Writer(store, Health(), SystemClock()), clock, health)
    recorder.restore(store)
    return recorder


async def test_load_defines_a_product_once(ledger: Ledger, journal: Journal, store: MemoryStore) -> None:
    """The definition begins with the record of the product's checks, and contains the configuration's file."""
    clock = ManualClock(NOW)
    probe_all(ledger, ledger.entries_of("forms"), NOW - 5 * MINUTE, NOW)
    recorder = recorder_of(ledger, journal, store, Health(config_source="ninewatch.yaml"), clock)
    for _ in range(2):
        recorder.define()
        (defined,) = ledger.definitions("forms")
    assert (defined.made, defined.members[0].check) == (NOW - 5 * MINUTE, "forms/health")
    assert ledger.facts.all[0].content()["source"] == "ninewatch.yaml"
    assert not journal.path.exists()


async def test_definition_begins_with_the_first_observed_check(journal: Journal, store: MemoryStore) -> None:
    """A check without observations does not delay it."""
    ledger = ledger_of(product("forms", 2))
    probe_all(ledger, [ledger.entries["forms/health"]], NOW - 5 * MINUTE, NOW)
    recorder_of(ledger, journal, store, Health(), ManualClock(NOW)).define()
    assert [definition.made for definition in ledger.definitions("forms")] == [NOW - 5 * MINUTE]


async def test_definition_waits_for_a_correct_clock(ledger: Ledger, journal: Journal, store: MemoryStore) -> None:
    """The wall clock was set back by an hour. The definition is made at the first correct instant."""
    clock, health = ManualClock(NOW), Health(clock_stepped=-HOUR)
    recorder = recorder_of(ledger, journal, store, health, clock)
    with capture_logs() as log_entries:
        recorder.define()
        await recorder.read_journal()
    assert [entry["event"] for entry in log_entries] == ["definitions_wait"]
    assert ledger.definitions("forms") == ()
    health.clock_stepped = 0
    await clock.advance(5)
    await recorder.read_journal()
    assert [definition.made for definition in ledger.definitions("forms")] == [clock.now()]


async def test_definition_waits_until_the_clock_has_reached_the_record(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """The clock at the start is seconds behind the last recorded instant."""
    clock = ManualClock(NOW)
    probe_all(ledger, ledger.entries_of("forms"), NOW - MINUTE, NOW)
    recorder = recorder_of(ledger, journal, store, Health(), clock)
    recorder.define()
    ledger.reload(ledger_of(product("forms", objective="99.5%")).portfolio)
    probe_all(ledger, ledger.entries_of("forms"), NOW + MINUTE, NOW + MINUTE)
    recorder.define()
    assert len(ledger.definitions("forms")) == 1
    await clock.advance(60)
    await recorder.read_journal()
    assert [str(definition.objective) for definition in ledger.definitions("forms")] == ["99.9%", "99.5%"]


async def test_fact_of_an_unknown_kind_is_kept(ledger: Ledger, journal: Journal, store: MemoryStore) -> None:
    """The fact is copied from the journal to the record, and from the record to a new ledger."""
    note = Fact.of(50, "Ana", "acknowledgement", "forms", {"incident": "abc"})
    journal.add(note)
    writer = Writer(store, Health(), SystemClock())
    recorder = FactRecorder(ledger, journal, writer, SystemClock(), Health())
    await recorder.read_journal()
    writer.start()
    assert writer.close(30)
    assert store.load_facts() == [note]
    journal.path.unlink()
    second_ledger = ledger_of(product("forms"))
    FactRecorder(second_ledger, journal, writer, SystemClock(), Health()).restore(store)
    assert list(second_ledger.facts.all) == [note]


async def test_changed_maintenance_is_recorded_at_each_load_and_reported_if_too_late(
    journal: Journal, store: MemoryStore
) -> None:
    def planned_portfolio(*hours: int) -> Portfolio:
        spans = [
            {"start": format_instant(NOW + at * HOUR), "end": format_instant(NOW + (at + 1) * HOUR)} for at in hours
        ]
        blocks = [span | {"reason": "upgrade"} for span in spans]
        return ledger_of(product("forms", maintenance=blocks)).portfolio

    ledger, clock = Ledger(planned_portfolio(-3)), ManualClock(NOW)
    probe_all(ledger, ledger.entries_of("forms"), NOW - 5 * HOUR, NOW)
    recorder = recorder_of(ledger, journal, store, Health(), clock)
    with capture_logs() as log_entries:
        recorder.define()
    assert [entry["event"] for entry in log_entries] == ["facts_added"]
    window = Interval(NOW - 5 * HOUR, NOW)
    before = ledger.contractual("forms", window)
    assert before.excluded == HOUR
    await clock.advance(1)
    ledger.reload(planned_portfolio(-2, 2))
    with capture_logs() as log_entries:
        recorder.define()
        recorder.define()
    assert [entry["event"] for entry in log_entries] == ["maintenance_in_the_past", "facts_added"]
    assert format_instant(NOW - 2 * HOUR) in log_entries[0]["reason"]
    assert ledger.contractual("forms", window) == before
    (first, second) = ledger.facts.maintenance("forms")
    assert (first.made, second.made) == (NOW - 5 * HOUR, clock.now())
