"""Failovers between two real sites: PostgreSQL with streaming replication, a service on each, and a change of DNS.

The figures of a running daemon are compared with what the test measured itself, at the service, the databases and the
name server. The daemon sends probes at intervals, so they agree to within one interval: the time between two probes
that were really sent, and the time until their answers, because a busy machine sends and answers late.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from monitor.facts.intent_log import IntentLog
from monitor.storage.reader import reading
from sla.continuity import TransactionState, transaction_state
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from tests.monitor.commands.test_cli import run_in_process
from tests.support.daemon_process import running_daemon
from tests.support.postgres import POSTGRES, Postgres
from tests.support.processes import wait_for
from tests.support.record_service import pair
from tests.support.replicated_sites import DR, GOLD, NAME, TABLE, ReplicatedSites, query

if TYPE_CHECKING:
    from pathlib import Path

    from sla.intent import Run
    from sla.observation import Observation
    from tests.support.daemon_process import DaemonProcess
    from tests.support.replicated_sites import ActionTime

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (POSTGRES / "postgres").exists(), reason="not installed: postgres"),
]
TIMING = {"interval": "3s", "timeout": "2.4s", "hold": "60s"}  # during the drill, probes are sent every 250 ms
PAGE = "<!doctype html><title>Maintenance</title><p>Sorry for the inconvenience"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Postgres:
    """Return a stopped cluster with the table of the service. The sites are copies of it."""
    server = Postgres(tmp_path_factory.mktemp("template"))
    with server.running():
        query(server, TABLE)
    return server


def written(folder: Path, sites: ReplicatedSites) -> Path:
    """Write a configuration that finds the active site by DNS. Transactions stay open until a failure is over."""
    active = {"dns": NAME, "resolver": f"127.0.0.1:{sites.dns.port}", **TIMING}
    health = {"id": "health", "http": f"{sites.url}/health", "expect": {"json": {"$.status": "up"}}, **TIMING}
    transaction = {"id": "record", "every": "2s", "open_for": "3m", "at_most": 90, "timeout": "60s"}
    product = {
        "id": "records",
        "objective": "99%",
        "drills": {"rto": "15m", "rpo": "0s", "interval": "250ms"},
        "failover": {"within": "15m", "settle": "1s"},
        "sites": [
            {"id": "gold", "active": {"id": "gold-active", **active, "expect": {"answer": [GOLD]}}},
            {"id": "dr", "active": {"id": "dr-active", **active, "expect": {"answer": [DR]}}},
        ],
        "checks": [health],
        "continuity": [{**transaction, "http": pair(sites.url)}],
    }
    config = folder / "ninewatch.yaml"
    config.write_text(json.dumps({"listen": "127.0.0.1:0", "store": str(folder / "n.db"), "products": [product]}))
    return config


@dataclass(frozen=True)
class Scenario:
    """The sites, the daemon that observes them, and the id of the drill in progress."""

    sites: ReplicatedSites
    daemon: DaemonProcess
    drill: str

    def product(self, part: str = "") -> Any:
        """Return the product, or a part of it, from the API."""
        return self.daemon.api(f"/products/records{part}")

    def transactions(self) -> dict[str, Any]:
        """Return the transactions of the continuity probe from the API."""
        (body,) = self.product("/continuity")
        return dict(body)

    def runs(self) -> dict[str, Run]:
        """Return the transactions of the intent log by run id."""
        return IntentLog.of(self.store).read()

    @property
    def store(self) -> Path:
        """The record."""
        return self.daemon.config.with_name("n.db")

    def wait_for_outage(self) -> None:
        """Wait until the checks and the transactions of the daemon met the outage.

        One bad probe is no certain downtime: an outage that ends before the next one is no failure for transactions.
        """
        wait_for("certain downtime", lambda: self.product()["downtime_seconds"]["low"] > 0)
        wait_for("the pause of the transactions", lambda: "continuity_paused" in self.daemon.output())

    def finish(self) -> dict[str, Any]:
        """Wait until the daemon has measured the failover, end the drill, and return its result."""
        wait_for("the result of the transactions", lambda: self.transactions()["results"])
        wait_for(
            "the failover",
            lambda: [failover["provisional"] for failover in self.product("/sites")["failovers"]] == [False],
        )
        drill("end", self.drill, self.daemon.config)
        wait_for("the final result", lambda: not self.daemon.api(f"/drills/{self.drill}")["provisional"])
        return dict(self.daemon.api(f"/drills/{self.drill}"))


@contextlib.contextmanager
def scenario(folder: Path, template: Postgres, *, synchronous: bool) -> Iterator[Scenario]:
    """Run both sites and a daemon, and start a drill. Waits until a transaction is replicated."""
    with ReplicatedSites(folder, template, synchronous=synchronous).running() as sites:
        config = written(folder, sites)
        with running_daemon(config, nameserver=sites.dns.port) as daemon:
            name = drill("start", "records", config, "--kind", "failover").split()[1].rstrip(":")
            new_scenario = Scenario(sites, daemon, name)
            wait_for("the primary site", lambda: new_scenario.product("/sites")["active"] == "gold")
            # One good probe is no certain uptime, and without it the outage may have begun at any earlier time.
            wait_for("certain uptime", lambda: new_scenario.product("/availability")["up_seconds"] > 0)
            wait_for("a replicated transaction", lambda: notes(sites.standby))
            yield new_scenario


def drill(action: str, subject: str, config: Path, *options: str) -> str:
    """Return the output of `ninewatch drill ACTION SUBJECT`."""
    result = run_in_process("drill", action, subject, *options, "--by", "Ana", "-c", config)
    assert result.exit_code == 0, result.output
    return result.stdout


def notes(server: Postgres) -> set[str]:
    """Return the run ids of the records in a database."""
    return {row["note"] for row in query(server, "SELECT note FROM records")}


def outage(store: Path) -> tuple[tuple[Observation, Observation], tuple[Observation, Observation]]:
    """Return the two probes between which the outage began, and the two between which it ended."""
    with reading(store) as record:
        observations = record.observations("records/health", Interval(0, 2**53))
    probes = [observation for observation in observations if observation.outcome is not Outcome.UNKNOWN]
    bad = [observation for observation in probes if observation.outcome is Outcome.BAD]
    before = max(
        (observation for observation in probes if observation.at < bad[0].at), key=lambda observation: observation.at
    )
    after = min(
        (observation for observation in probes if observation.at > bad[-1].at), key=lambda observation: observation.at
    )
    return (before, bad[0]), (bad[-1], after)


def check_recovery_time(measured: dict[str, float], killed: ActionTime, recovered: ActionTime, store: Path) -> None:
    """Compare the recovery time with the one between the two moments."""
    edges = outage(store)
    answer = max(later.latency or 0 for _, later in edges)
    interval = max(later.at - earlier.at for earlier, later in edges) + answer
    low, point, high = (measured[name] * SECOND for name in ("low", "point", "high"))
    shortest, longest = recovered.start - killed.end, recovered.end - killed.start
    assert shortest - interval <= point <= longest + interval
    assert low <= longest + answer
    assert shortest <= high + answer


def check_recovery_point(measured: float, killed: ActionTime, missing: dict[str, int], scenario: Scenario) -> None:
    """Compare the recovery point with the time since the acknowledgement of the oldest missing record."""
    (before, failed), _ = outage(scenario.store)
    interval = failed.at - before.at + (failed.latency or 0)
    received = {run.id: run.acknowledged("begin") or 0 for run in scenario.runs().values()}
    lag = max(received[name] - at for name, at in missing.items())
    oldest = min(missing.values())
    assert killed.start - oldest - interval - lag <= measured * SECOND <= killed.end - oldest + interval


def check_failover(scenario: Scenario) -> None:
    (failover,) = scenario.product("/sites")["failovers"]
    assert (failover["kind"], failover["from"], failover["to"], failover["met"]) == ("failover", "gold", "dr", True)


def states(scenario: Scenario, state: TransactionState) -> set[str]:
    return {run.id for run in scenario.runs().values() if transaction_state(run) is state}


def test_asynchronous_replication_loses_what_was_not_sent(tmp_path: Path, template: Postgres) -> None:
    with scenario(tmp_path, template, synchronous=False) as running:
        sites = running.sites
        sites.stop_sending()
        sent = len(sites.gold.acknowledged)
        # The first may have been sent before, the second may not, because one request is sent at a time.
        wait_for("acknowledged records", lambda: len(sites.gold.acknowledged) >= sent + 2)
        killed = sites.lose_primary()
        running.wait_for_outage()
        sites.promote()
        missing = {note: at for note, at in sites.gold.acknowledged.items() if note not in notes(sites.standby)}
        assert missing
        recovered = sites.switch()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    assert states(running, TransactionState.LOST) == set(missing)
    assert measured["counts"]["lost"] == len(missing)
    assert measured["rpa_seconds"]["low"] > 0
    assert result["rpa_seconds"] == measured["rpa_seconds"]["point"]
    check_recovery_point(result["rpa_seconds"], killed, missing, running)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)
    assert result["met"] is False
    assert "of data were lost" in result["reason"]


def test_synchronous_replication_loses_nothing(tmp_path: Path, template: Postgres) -> None:
    """A commit that waits for the standby is not acknowledged, and missing after the failover."""
    with scenario(tmp_path, template, synchronous=True) as running:
        sites = running.sites
        sites.stop_sending()
        wait_for("a commit that waits", sites.waits_for_standby)
        killed = sites.lose_primary()
        running.wait_for_outage()
        sites.promote()
        assert set(sites.gold.acknowledged) <= notes(sites.standby)
        recovered = sites.switch()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    assert states(running, TransactionState.LOST) == set()
    assert measured["counts"]["never_acknowledged"] == 1
    assert measured["counts"]["preserved"] == len(sites.gold.acknowledged)
    assert (result["rpa_seconds"], result["met"]) == (0, True)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)


def test_maintenance_page_at_the_other_site_is_part_of_the_outage(tmp_path: Path, template: Postgres) -> None:
    """A page with status 200 is neither a recovery nor a missing record."""
    with scenario(tmp_path, template, synchronous=True) as running:
        sites = running.sites
        killed = sites.lose_primary()
        running.wait_for_outage()
        sites.dr.page = PAGE
        query(sites.standby, "SELECT pg_promote()")
        sites.switch()
        wait_for("the other site", lambda: running.product("/sites")["active"] == "dr")
        wait_for("a transaction that gets the page", lambda: any("/records" in path for path in sites.dr.paged))
        assert running.product()["state"] == "down"
        assert not states(running, TransactionState.LOST)
        recovered = sites.end_maintenance()
        result = running.finish()
        (measured,) = running.transactions()["results"]
        check_failover(running)
    assert states(running, TransactionState.LOST) == set()
    assert measured["counts"]["preserved"] == len(sites.gold.acknowledged)
    assert (result["rpa_seconds"], result["met"], result["recovered"]) == (0, True, True)
    check_recovery_time(result["rta_seconds"], killed, recovered, running.store)
