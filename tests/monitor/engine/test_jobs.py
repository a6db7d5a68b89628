"""The checks of the ledger as jobs: a probe whose check is removed by a reload is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from monitor.engine.heartbeats import Heartbeats
from monitor.engine.jobs import Jobs
from monitor.engine.runner import AttemptResult
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.vantage.watch import VantageWatch
from tests.support.clocks import ManualClock
from tests.support.ledgers import GOOD, NOW, ledger_of, product
from tests.support.probing import load_check

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.engine.recorder import Recorder
    from monitor.engine.runner import Runner
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from monitor.vantage.watch import MakeAttempt


class Attempts:
    """A runner whose attempts succeed immediately; a reload may happen during an attempt."""

    def __init__(self, ledger: Ledger, *, removed: bool) -> None:
        self.ledger, self.removed = ledger, removed
        self.recorded: list[tuple[str, int]] = []
        self.rechecks = 0

    async def run(self, _check: CheckBase, _probe: object, _judge: object) -> AttemptResult:
        if self.removed:
            self.ledger.reload(ledger_of(product("other")).portfolio)
        return AttemptResult(NOW, ProbeResult(GOOD), 0.1)

    def record(
        self, entry: CheckEntry, _result: ProbeResult, at: int, _duration: float, *, recheck: bool = False
    ) -> None:
        self.recorded.append((entry.key, at))
        self.rechecks += recheck


@pytest.mark.parametrize(("removed", "recorded"), [(False, [("chefs/health", NOW)]), (True, [])])
async def test_probe_is_recorded_unless_its_check_was_removed(removed: bool, recorded: list[tuple[str, int]]) -> None:
    chefs = product("chefs") | {"checks": [load_check({"id": "health", "http": "http://127.0.0.1/"})]}
    ledger = ledger_of(chefs, system_references=False)
    attempts = Attempts(ledger, removed=removed)
    clock = ManualClock()
    heartbeats = Heartbeats(ledger, attempts.record, clock)
    vantage = VantageWatch(clock, Health(), cast("MakeAttempt", None))
    jobs = Jobs(ledger, cast("Runner", attempts), cast("Recorder", attempts), heartbeats, vantage)
    jobs.prepare(ledger.portfolio)
    (job,) = jobs.all()
    assert await job.start() is None, "nothing to confirm"
    assert attempts.recorded == recorded
    assert job.recheck is not None
    await job.recheck()
    assert attempts.rechecks == len(recorded)


@pytest.mark.fault(43)
def test_failed_preparation_keeps_the_probes_of_the_active_portfolio(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_check(name: str) -> dict[str, object]:
        return product(name) | {"checks": [load_check({"id": "health", "http": "http://127.0.0.1/"})]}

    def fail(_portfolio: object) -> None:
        raise OSError("the file of an authority was removed")

    ledger = ledger_of(with_check("chefs"), system_references=False)
    attempts = Attempts(ledger, removed=False)
    clock = ManualClock()
    vantage = VantageWatch(clock, Health(), cast("MakeAttempt", None))
    heartbeats = Heartbeats(ledger, attempts.record, clock)
    jobs = Jobs(ledger, cast("Runner", attempts), cast("Recorder", attempts), heartbeats, vantage)
    jobs.prepare(ledger.portfolio)
    monkeypatch.setattr(vantage, "prepare", fail)
    with pytest.raises(OSError, match="authority"):
        jobs.prepare(ledger_of(with_check("other")).portfolio)
    assert [job.key for job in jobs.all()] == ["chefs/health"]
