"""Run the continuity probe against a real target with a manual clock."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from monitor.continuity.service import Continuity
from monitor.engine.fact_recorder import FactRecorder
from monitor.engine.probe_environment import probe_environment
from monitor.facts.intent_log import IntentLog
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.storage.writer import Writer
from tests.support.clocks import ManualClock
from tests.support.ledgers import ledger_of, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.engine.runner import Runner
    from sla.continuity import TransactionState
    from sla.intent import Run


class Probe:
    """The continuity probe of the product `forms` with one transaction, `draft`, and its record in a folder."""

    def __init__(self, folder: Path, runner: Runner, clock: Clock, **transaction: Any) -> None:
        block = {"id": "draft", "every": "10s", "open_for": "30s", "at_most": 5, "timeout": "5s", **transaction}
        self.clock, self.runner = clock, runner
        self.ledger = ledger_of(product("forms", continuity=[block]))
        health = Health()
        writer = Writer(MemoryStore(), health, clock)
        self.facts = FactRecorder(self.ledger, Journal(folder / "journal"), writer, clock, health)
        self.log = IntentLog.of(folder / "n.db")
        self.service = Continuity(self.ledger, self.log, self.facts.add, clock)
        self.service.restore()

    async def advance(self, seconds: int) -> None:
        """Advance the clock second by second, with at most one request per second."""
        for _ in range(seconds):
            await self.service.advance(self.runner.new_attempt)
            self.manual.jump(1)

    @property
    def manual(self) -> ManualClock:
        """The clock, which must be a manual one."""
        assert isinstance(self.clock, ManualClock)
        return self.clock

    @property
    def runs(self) -> list[Run]:
        """The runs of the transaction in the order of their starts."""
        return list(self.ledger.continuity.runs("forms/draft"))

    @property
    def states(self) -> dict[TransactionState, int]:
        """The number of runs in each state."""
        return dict(self.ledger.continuity.states("forms/draft"))


@contextlib.asynccontextmanager
async def continuity_probe(folder: Path, clock: Clock | None = None, **transaction: Any) -> AsyncIterator[Probe]:
    """Yield a probe; with a clock, one that continues after a restart."""
    clock = clock or ManualClock()
    async with probe_environment(clock, Health()) as (runner, _):
        yield Probe(folder, runner, clock, **transaction)
