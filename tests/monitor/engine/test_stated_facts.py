"""Facts that requests state: they are written before they apply, and at most one thread waits for a dead disk."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.engine import fact_recorder
from monitor.engine.fact_recorder import FactRecorder
from monitor.errors import NinewatchError
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.storage.writer import Writer
from sla.fact import Fact
from tests.support.clocks import ManualClock
from tests.support.ledgers import ledger_of, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger


class HangingJournal(Journal):
    """A journal that appends after `gate` is set, as on a disk that does not respond before."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate, self.entered, self.waiting = threading.Event(), threading.Event(), 0

    def add(self, fact: Fact) -> None:
        self.waiting += 1
        self.entered.set()
        assert self.gate.wait(60)
        super().add(fact)


def fact(number: int) -> Fact:
    return Fact.of(number, "Ada", "note", "forms", {"number": number})


def recorder_of(journal: Journal) -> tuple[FactRecorder, Ledger]:
    ledger, clock, health = ledger_of(product("forms")), ManualClock(), Health()
    return FactRecorder(ledger, journal, Writer(MemoryStore(), health, clock), clock, health), ledger


async def test_stated_fact_is_in_journal_and_ledger(tmp_path: Path) -> None:
    recorder, ledger = recorder_of(Journal(tmp_path / "journal.jsonl"))
    await asyncio.gather(*(recorder.record(fact(number)) for number in range(5)))
    assert len(Journal(tmp_path / "journal.jsonl").read()) == 5
    assert len(ledger.facts.all) == 5
    await recorder.read_journal()
    assert len(ledger.facts.all) == 5


async def test_blocked_disk_is_an_error_and_blocks_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fact_recorder, "WRITE_TIMEOUT", 0.05)
    journal = HangingJournal(tmp_path / "journal.jsonl")
    recorder, ledger = recorder_of(journal)
    for number in range(4):
        with pytest.raises(NinewatchError, match=r"was not written within 0\.05 s"):
            await recorder.record(fact(number))
    assert (journal.waiting, list(ledger.facts.all)) == (1, [])
    monkeypatch.setattr(fact_recorder, "WRITE_TIMEOUT", 60.0)
    journal.gate.set()
    await recorder.record(fact(9))
    assert [fact.made for fact in Journal(journal.path).read()] == [0, 9]
    await recorder.read_journal()
    assert [fact.made for fact in ledger.facts.all] == [0, 9]


async def test_fact_of_disconnected_client_is_read_from_journal(tmp_path: Path) -> None:
    journal = HangingJournal(tmp_path / "journal.jsonl")
    recorder, ledger = recorder_of(journal)
    request = asyncio.ensure_future(recorder.record(fact(1)))
    assert await asyncio.to_thread(journal.entered.wait, 30)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    journal.gate.set()
    await recorder.record(fact(2))
    await recorder.read_journal()
    assert [fact.made for fact in ledger.facts.all] == [1, 2]
