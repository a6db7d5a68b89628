"""Pauses of a running daemon: no probes are sent, pings are ignored, and both continue at the end of the pause."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from monitor.engine.heartbeats import Heartbeats
from monitor.engine.jobs import Jobs
from monitor.engine.pause_manager import PauseManager, paused_keys
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.probes.heartbeat import HeartbeatCheck
from monitor.vantage.watch import VantageWatch
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome
from sla.pause import Pause, pause_end
from tests.monitor.engine.test_jobs import Attempts
from tests.support.clocks import ManualClock
from tests.support.ledgers import GOOD_RESULT, ledger_of, observe, product
from tests.support.probing import load_check

if TYPE_CHECKING:
    from monitor.engine.recorder import Recorder
    from monitor.engine.runner import Runner
    from monitor.ledger.check_entry import CheckEntry
    from monitor.probe_result import ProbeResult
    from monitor.vantage.watch import MakeAttempt
    from sla.fact import Fact


class PausedDaemon:
    """The scheduling parts of a daemon with the product `forms`: the checks `health` and `api`, and one of a site."""

    def __init__(self) -> None:
        checks = [load_check({"id": name, "http": "http://127.0.0.1/"}) for name in ("health", "api")]
        site = {"id": "gold", "active": load_check({"id": "gold-active", "http": "http://127.0.0.1/"})}
        self.clock = ManualClock()
        self.ledger = ledger_of({**product("forms", sites=[site]), "checks": checks}, system_references=False)
        self.attempts = Attempts(self.ledger, removed=False)
        heartbeats = Heartbeats(self.ledger, self.attempts.record, self.clock)
        vantage = VantageWatch(self.clock, Health(), cast("MakeAttempt", None))
        self.jobs = Jobs(
            self.ledger, cast("Runner", self.attempts), cast("Recorder", self.attempts), heartbeats, vantage
        )
        self.jobs.prepare(self.ledger.portfolio)
        self.manager = PauseManager(self.ledger, self.clock, self._set)

    def _set(self, paused: frozenset[str]) -> None:
        self.jobs.paused = paused

    def state(self, *facts: Fact) -> None:
        self.ledger.facts = Facts(self.ledger.facts.all, facts)
        self.manager.update()

    def pause(self, check: str = "") -> Pause:
        now = self.clock.now()
        pause = Pause("forms", check, now, now + HOUR, "Ana", "moved")
        self.state(pause.fact())
        return pause

    @property
    def probed(self) -> list[str]:
        return [job.key for job in self.jobs.all()]


def test_paused_check_is_not_probed_until_the_pause_ends() -> None:
    daemon = PausedDaemon()
    everything = ["forms/health", "forms/api", "forms/gold-active"]
    assert daemon.probed == everything
    daemon.pause("forms/health")
    assert daemon.probed == everything[1:]
    daemon.clock.jump(HOUR / SECOND)
    daemon.manager.update()
    assert daemon.probed == everything


def test_pause_of_a_product_covers_all_its_checks_and_ends_early() -> None:
    daemon = PausedDaemon()
    pause = daemon.pause()
    assert daemon.probed == []
    daemon.clock.jump(60)
    daemon.state(pause_end(pause, daemon.clock.now(), "Ben", "done"))
    assert len(daemon.probed) == 3


@pytest.mark.parametrize("block", ["product", "check"])
def test_disabled_check_is_not_probed_before_its_fact_is_recorded(block: str) -> None:
    """A wrong clock delays the fact."""
    check = load_check({"id": "health", "http": "http://127.0.0.1/", "enabled": block != "check"})
    ledger = ledger_of({**product("forms", enabled=block != "product"), "checks": [check]})
    assert paused_keys(ledger, 0) == {"forms/health"}


async def test_probe_in_progress_is_not_recorded_and_the_last_result_is_forgotten() -> None:
    daemon = PausedDaemon()
    entry = daemon.ledger.entries["forms/health"]
    observe(daemon.ledger, entry, daemon.clock.now(), GOOD_RESULT)
    started, version = next(iter(daemon.jobs.all())).start, entry.version
    daemon.pause("forms/health")
    assert await started() is None
    assert (daemon.attempts.recorded, entry.last) == ([], None)
    assert entry.version > version


def test_pause_of_an_unconfigured_check_is_ignored() -> None:
    daemon = PausedDaemon()
    daemon.pause("forms/nope")
    assert len(daemon.probed) == 3


def test_pings_during_a_pause_are_ignored_and_due_instants_in_it_are_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The job is due every 10 minutes, with 1 minute of grace. It is paused for an hour."""
    monkeypatch.setenv("PING_TOKEN", "0123456789abcdef-canary")
    keys = {"id": "job", "heartbeat": "*/10 * * * *", "grace": "1m", "token": {"env": "PING_TOKEN"}}
    clock = ManualClock()
    clock.jump((DAY - clock.now() % DAY) / SECOND)
    ledger = ledger_of({**product("drop"), "checks": (HeartbeatCheck.model_validate(keys),)})
    results: list[tuple[int, Outcome]] = []
    midnight, entry = clock.now(), ledger.entries["drop/job"]

    def record(entry: CheckEntry, result: ProbeResult, at: int, ran: float) -> None:
        observe(ledger, entry, at, result, ran)
        results.append((at - midnight, result.outcome))

    heartbeats = Heartbeats(ledger, record, clock)
    heartbeats.record_missed(entry)
    ledger.facts = Facts([Pause("drop", "", clock.now(), clock.now() + HOUR, "Ana", "moved").fact()])
    heartbeats.start(entry)
    heartbeats.end(entry, 1)
    clock.jump(HOUR / SECOND + 1)
    heartbeats.restart(["drop/job", "drop/other"])
    heartbeats.record_missed(entry)
    assert results == []
    for _ in range(24):
        clock.jump(30)
        heartbeats.record_missed(entry)
    assert results == [(HOUR + 10 * MINUTE, Outcome.BAD)]
