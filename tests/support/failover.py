"""A failover between two sites that a running daemon observes, and the comparison of its figures with the test's own.

The daemon sends probes at intervals, so the figures agree to within one interval: the time between two probes that were
really sent, and the time until their answers, because a busy machine sends and answers late.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.facts.intent_log import IntentLog
from monitor.storage.reader import reading
from sla.continuity import TransactionState, transaction_state
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from tests.monitor.commands.test_cli import run_in_process
from tests.support.daemon_process import running_daemon
from tests.support.processes import wait_for
from tests.support.replicated_sites import DR, GOLD, NAME, ActionTime

if TYPE_CHECKING:
    from pathlib import Path

    from sla.intent import Run
    from sla.observation import Observation
    from tests.support.daemon_process import DaemonProcess
    from tests.support.dns_switch import DnsSwitch

TIMING = {"interval": "3s", "timeout": "2.4s", "hold": "60s"}  # during the drill, probes are sent every 250 ms


def write_config(folder: Path, dns: DnsSwitch, health: Mapping[str, Any], transaction: Mapping[str, Any]) -> Path:
    """Write a configuration that finds the active site by DNS. Transactions stay open until a failure is over."""
    active = {"dns": NAME, "resolver": f"127.0.0.1:{dns.port}", **TIMING}
    product = {
        "id": "records",
        "objective": "99%",
        "drills": {"rto": "15m", "rpo": "0s", "interval": "250ms"},
        "failover": {"within": "15m", "settle": "1s"},
        "sites": [
            {"id": "gold", "active": {"id": "gold-active", **active, "expect": {"answer": [GOLD]}}},
            {"id": "dr", "active": {"id": "dr-active", **active, "expect": {"answer": [DR]}}},
        ],
        "checks": [{"id": "health", **health, **TIMING}],
        "continuity": [{"id": "record", "open_for": "3m", "at_most": 90, "timeout": "60s", **transaction}],
    }
    config = folder / "ninewatch.yaml"
    config.write_text(json.dumps({"listen": "127.0.0.1:0", "store": str(folder / "n.db"), "products": [product]}))
    return config


@dataclass(frozen=True)
class Failover:
    """The daemon that observes the sites, and the id of the drill in progress."""

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

    def states(self, state: TransactionState) -> set[str]:
        """Return the run ids of the transactions in a state."""
        return {run.id for run in self.runs().values() if transaction_state(run) is state}

    def wait_for_outage(self) -> None:
        """Wait until the checks and the transactions of the daemon met the outage.

        One bad probe is not certain downtime: an outage that ends before the next one is no failure for transactions.
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
def observed(config: Path, dns: DnsSwitch) -> Iterator[Failover]:
    """Run a daemon, and start a drill. Waits until the daemon knows that the product is up at its primary site."""
    with running_daemon(config, nameserver=dns.port) as daemon:
        name = drill("start", "records", config, "--kind", "failover").split()[1].rstrip(":")
        failover = Failover(daemon, name)
        wait_for("the primary site", lambda: failover.product("/sites")["active"] == "gold")
        # One good probe is not certain uptime, and without it the outage may have begun at any earlier time.
        wait_for("certain uptime", lambda: failover.product("/availability")["up_seconds"] > 0)
        yield failover


def drill(action: str, subject: str, config: Path, *options: str) -> str:
    """Return the output of `ninewatch drill ACTION SUBJECT`."""
    result = run_in_process("drill", action, subject, *options, "--by", "Ana", "-c", config)
    assert result.exit_code == 0, result.output or result.exception
    return result.stdout


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


def check_recovery_point(measured: float, killed: ActionTime, missing: dict[str, int], failover: Failover) -> None:
    """Compare the recovery point with the time since the acknowledgement of the oldest missing record."""
    received = {run.id: run.acknowledged("begin") or 0 for run in failover.runs().values()}
    lag = max(received[name] - at for name, at in missing.items())
    check_time_lost(measured, killed, min(missing.values()), lag, failover)


def check_time_lost(measured: float, killed: ActionTime, oldest: int, lag: int, failover: Failover) -> None:
    """Compare the recovery point with the time since the oldest missing write, whose answer arrived `lag` later."""
    (before, failed), _ = outage(failover.store)
    interval = failed.at - before.at + (failed.latency or 0)
    assert killed.start - oldest - interval - lag <= measured * SECOND <= killed.end - oldest + interval


def check_failover(observed_failover: Failover) -> None:
    """Check that exactly one failover was recorded, and that it kept its promised time."""
    (failover,) = observed_failover.product("/sites")["failovers"]
    assert (failover["kind"], failover["from"], failover["to"], failover["met"]) == ("failover", "gold", "dr", True)
