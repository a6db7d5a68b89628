"""What people say of the record finds its way from the journal into ledger and record, and is not lost on it."""

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
    recorder = FactRecorder(ledger, journal, writer, SystemClock(), Health())
    recorder.restore(store)
    await recorder.look()
    assert ledger.facts.corrections.of("forms") == ()
    journal.add(SAID.fact())
    store.error = "disk full"
    writer.start()
    await recorder.look()
    assert list(ledger.facts.corrections.of("forms")) == [SAID.exclusion()]
    assert store.failures.wait(30)
    store.error = ""
    assert store.commits.wait(30)
    assert store.load_facts() == [SAID.fact()]
    journal.add(BACK.fact())
    await recorder.look()
    assert ledger.facts.corrections.of("forms") == ()
    assert writer.close(30)
    assert store.load_facts() == [SAID.fact(), BACK.fact()]


async def test_what_the_record_has_is_not_written_again_and_survives_the_journal(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """The other way round as well: a record restored from an older copy takes up what the journal has."""
    store.facts = {SAID.id: SAID.fact()}
    writer = Writer(store, Health(), SystemClock())
    recorder = FactRecorder(ledger, journal, writer, SystemClock(), Health())
    recorder.restore(store)
    for fact in (SAID, BACK):
        journal.add(fact.fact())
    await recorder.look()
    assert list(ledger.facts.corrections.facts) == [SAID, BACK]
    journal.path.unlink()
    await recorder.look()
    assert list(ledger.facts.corrections.facts) == [SAID, BACK]
    writer.start()
    assert writer.close(30)
    assert [batch.facts for batch in store.batches] == [(BACK.fact(),)]


async def test_a_journal_that_cannot_be_read_is_told_of_and_stops_nothing(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    journal.path.mkdir()
    with capture_logs() as told:
        await FactRecorder(ledger, journal, Writer(store, Health(), SystemClock()), SystemClock(), Health()).look()
    assert [each["event"] for each in told] == ["journal_unreadable"]


def recorder_of(
    ledger: Ledger, journal: Journal, store: MemoryStore, health: Health, clock: ManualClock
) -> FactRecorder:
    recorder = FactRecorder(ledger, journal, Writer(store, Health(), SystemClock()), clock, health)
    recorder.restore(store)
    return recorder


async def test_a_load_defines_a_product_once(ledger: Ledger, journal: Journal, store: MemoryStore) -> None:
    """It begins with the record of its checks, and the configuration's file is named."""
    clock = ManualClock(NOW)
    probe_all(ledger, ledger.of("forms"), NOW - 5 * MINUTE, NOW)
    recorder = recorder_of(ledger, journal, store, Health(config_source="ninewatch.yaml"), clock)
    for _ in range(2):
        recorder.define()
        (defined,) = ledger.definitions("forms")
    assert (defined.made, defined.members[0].check) == (NOW - 5 * MINUTE, "forms/health")
    assert ledger.facts.all[0].content()["source"] == "ninewatch.yaml"
    assert not journal.path.exists()


async def test_a_definition_waits_for_a_clock_that_is_right(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """Set back by an hour, the wall clock is behind the record; the definition is made at the first right instant."""
    clock, health = ManualClock(NOW), Health(clock_stepped=-HOUR)
    recorder = recorder_of(ledger, journal, store, health, clock)
    with capture_logs() as told:
        recorder.define()
        await recorder.look()
    assert [each["event"] for each in told] == ["definitions_wait"]
    assert ledger.definitions("forms") == ()
    health.clock_stepped = 0
    await clock.advance(5)
    await recorder.look()
    assert [each.made for each in ledger.definitions("forms")] == [clock.now()]


async def test_a_definition_waits_until_the_clock_has_reached_the_record(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """After a start with a clock that is seconds behind what was recorded."""
    clock = ManualClock(NOW)
    probe_all(ledger, ledger.of("forms"), NOW - MINUTE, NOW)
    recorder = recorder_of(ledger, journal, store, Health(), clock)
    recorder.define()
    ledger.reload(ledger_of(product("forms", objective="99.5%")).portfolio)
    probe_all(ledger, ledger.of("forms"), NOW + MINUTE, NOW + MINUTE)
    recorder.define()
    assert len(ledger.definitions("forms")) == 1
    await clock.advance(60)
    await recorder.look()
    assert [str(each.objective) for each in ledger.definitions("forms")] == ["99.9%", "99.5%"]


async def test_what_another_version_stated_is_neither_refused_nor_lost(
    ledger: Ledger, journal: Journal, store: MemoryStore
) -> None:
    """An unknown kind goes from the journal into the record, and from the record back into a ledger."""
    note = Fact.of(50, "Ana", "acknowledgement", "forms", {"incident": "abc"})
    journal.add(note)
    writer = Writer(store, Health(), SystemClock())
    recorder = FactRecorder(ledger, journal, writer, SystemClock(), Health())
    await recorder.look()
    writer.start()
    assert writer.close(30)
    assert store.load_facts() == [note]
    journal.path.unlink()
    again = ledger_of(product("forms"))
    FactRecorder(again, journal, writer, SystemClock(), Health()).restore(store)
    assert list(again.facts.all) == [note]


async def test_maintenance_is_recorded_at_each_load_that_changes_it_and_reported_where_it_comes_too_late(
    journal: Journal, store: MemoryStore
) -> None:
    def planned(*hours: int) -> Portfolio:
        spans = [
            {"start": format_instant(NOW + at * HOUR), "end": format_instant(NOW + (at + 1) * HOUR)} for at in hours
        ]
        blocks = [span | {"reason": "upgrade"} for span in spans]
        return ledger_of(product("forms", maintenance=blocks)).portfolio

    ledger, clock = Ledger(planned(-3)), ManualClock(NOW)
    probe_all(ledger, ledger.of("forms"), NOW - 5 * HOUR, NOW)
    recorder = recorder_of(ledger, journal, store, Health(), clock)
    with capture_logs() as told:
        recorder.define()
    assert [each["event"] for each in told] == ["facts_added"]
    window = Interval(NOW - 5 * HOUR, NOW)
    before = ledger.contractual("forms", window)
    assert before.excluded == HOUR
    await clock.advance(1)
    ledger.reload(planned(-2, 2))
    with capture_logs() as told:
        recorder.define()
        recorder.define()
    assert [each["event"] for each in told] == ["maintenance_in_the_past", "facts_added"]
    assert format_instant(NOW - 2 * HOUR) in told[0]["reason"]
    assert ledger.contractual("forms", window) == before
    (first, second) = ledger.facts.maintenance("forms")
    assert (first.made, second.made) == (NOW - 5 * HOUR, clock.now())
