"""Fixtures: a record with two closed days, and its anchoring."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitor.anchoring.service import Anchoring
from monitor.bundle.anchored import Trust
from monitor.bundle.checked_chain import CheckedChain, check_record
from monitor.clock import SystemClock
from monitor.config.model import Portfolio
from monitor.engine.probe_environment import probe_environment
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.network.outbound_policy import OutboundPolicy
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY
from tests.monitor.bundle.worlds import World, close_day, world
from tests.support.ledgers import FakeCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.network.attempt import Attempt
    from sla.fact import Fact


class SteppedClock(SystemClock):
    """The system's clock, which a test can advance."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass
class AnchoredRecord:
    """A record whose heads are sent to the anchors that `configure` sets."""

    path: Path
    store: SqliteStore
    end: int

    def __post_init__(self) -> None:
        self.clock, self.health = SteppedClock(), Health()
        self.configure()

    def configure(self, **fields: Any) -> None:
        check = FakeCheck(id="a", interval="10m", timeout="10s")
        product = {"id": "web", "objective": "99%", "checks": (check,)}
        portfolio = Portfolio.model_validate({"products": [product], "store": str(self.path), **fields})
        self.ledger = Ledger(portfolio)
        self.ledger.facts = Facts(self.store.load_facts(), former_ids=self.ledger.former_ids)
        self.anchoring = Anchoring(self.ledger, self.path, self._add, self.clock, self.health)

    def _add(self, facts: Sequence[Fact]) -> None:
        self.store.write(Batch(facts=facts))
        self.ledger.facts = Facts(self.ledger.facts.all, facts, former_ids=self.ledger.former_ids)

    async def advance(self, after: float = 0.0) -> None:
        """Attempt all due anchors after this many seconds."""
        self.clock.ahead += after
        outbound = OutboundPolicy(self.ledger.portfolio.outbound)
        async with probe_environment(self.clock, self.health, outbound=outbound) as (runner, _):

            def attempt() -> Attempt:
                return runner.new_attempt()

            await self.anchoring.advance(attempt)

    def close_day(self) -> None:
        """Close another day."""
        self.end += DAY
        assert close_day(self.store, self.path, self.end) is not None

    def checked(self, **trust: Any) -> CheckedChain:
        return check_record(self.path, Trust(**trust))


@pytest.fixture(scope="package")
def kept(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(3, tmp_path_factory.mktemp("kept"), days=1.5, closed=True)


@pytest.fixture
async def record(kept: World, tmp_path: Path) -> AsyncIterator[AnchoredRecord]:
    path = tmp_path / "record.db"
    shutil.copy(kept.path, path)
    anchored_record = AnchoredRecord(path, SqliteStore(path, kept.end), kept.end)
    yield anchored_record
    anchored_record.store.close()
