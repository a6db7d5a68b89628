"""All faulty targets: the cost of a probe of each, and a daemon that probes them next to targets without faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sla.interval import SECOND
from sla.observation import Outcome
from tests.support.daemon_process import DaemonProcess, running_daemon, stored_observations
from tests.support.faulty_targets import FAULTY_TARGETS
from tests.support.faulty_targets.attempt_cost import AttemptCost, growth, longest_callback
from tests.support.processes import needs, wait_for

pytestmark = [pytest.mark.slow, needs("openssl")]

MAX_MEMORY = 5_000_000  # maximum memory of an attempt, in bytes
INTERVAL = 2 * SECOND  # of the targets without faults, and their timeout: more than a busy machine delays their process
MAX_GROWTH = 64 * 1024  # maximum growth of a daemon's memory in two rounds of probes, in kB
STARVED = ("unknown", "monitor_starved")  # possible result of any attempt on a busy machine
FAULT_FREE = ("http-response-before-request", "tls-intermediate", "dns-good", "tcp-good", "redis-good", "udp-good")
RARELY_PROBED = {"domain"}  # kinds with an interval of hours: the daemon may not probe them during a test

Checks = dict[str, dict[str, Any]]
Verdict = tuple[str, str]


def prioritize(process: subprocess.Popen[Any]) -> None:
    """Schedule the process before those of a busy machine, if permitted: a starved daemon reports only `STARVED`."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, process.pid, -15)


@contextlib.contextmanager
def serving_faulty_targets(*names: str) -> Iterator[Checks]:
    """Serve these targets, or all, in a separate process; yield their checks by name."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.faulty_targets", *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        prioritize(process)
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def checks() -> Iterator[Checks]:
    with serving_faulty_targets() as targets:
        yield targets


@pytest.mark.timeout(400)
@pytest.mark.fault(24)
def test_no_faulty_target_blocks_the_loop_or_fills_memory(checks: Checks) -> None:
    """No callback takes 100 ms of CPU time, and no attempt takes 5 MB."""
    completed = subprocess.run(
        [sys.executable, "-m", "tests.support.faulty_targets.attempt_cost"],
        input=json.dumps(checks).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=380,
    )
    costs = {name: AttemptCost(*fields) for name, fields in map(json.loads, completed.stdout.splitlines())}
    assert costs.keys() == FAULTY_TARGETS.keys()
    assert {name: cost for name, cost in costs.items() if cost.blocked > FAULTY_TARGETS[name].max_blocked} == {}
    assert {name: cost for name, cost in costs.items() if max(cost.allocated, cost.resident) > MAX_MEMORY} == {}
    assert {name for name, target in FAULTY_TARGETS.items() if target.max_blocked > 0.1} == {"tls-group-of-8192-bits"}


def test_cost_measurement_detects_blocking_and_memory() -> None:
    """The measurement itself works: a blocked loop and allocated memory are both measured."""

    async def block_the_loop() -> None:
        sum(range(10_000_000))

    with longest_callback() as blocked_seconds, growth() as growth_bytes:
        asyncio.run(block_the_loop())
        allocated = b"x" * 20_000_000
    assert blocked_seconds[0] > 0.02
    assert growth_bytes[0] >= len(allocated) * 0.9


def _check_id(name: str) -> str:
    return name.replace(".", "-")


def write_config(folder: Path, good_checks: Checks, faulty_checks: Checks) -> Path:
    """Write a portfolio with the targets without faults on a short interval, and the faulty ones on a long interval."""
    good_entries = [{"id": name, **check, "interval": "2s", "timeout": "2s"} for name, check in good_checks.items()]
    faulty_entries = [
        {
            "id": _check_id(name),
            **check,
            "interval": "12s",
            "timeout": "3s" if FAULTY_TARGETS[name].seconds < 1 else "10s",
        }
        for name, check in faulty_checks.items()
    ]
    products = [
        {"id": "good", "objective": "99%", "checks": good_entries},
        {"id": "ill", "objective": "99%", "checks": faulty_entries},
    ]
    path = folder / "ninewatch.yaml"
    path.write_text(json.dumps({"listen": "127.0.0.1:0", "store": str(folder / "ninewatch.db"), "products": products}))
    return path


class Verdicts:
    """The verdicts that a daemon has reported for each target so far, and the expected ones."""

    def __init__(self, daemon: DaemonProcess, expected: dict[str, Verdict]) -> None:
        self._daemon, self._expected = daemon, expected
        self.reported: dict[str, set[Verdict]] = {name: set() for name in expected}

    def complete(self) -> bool:
        """Read the verdicts again; return whether every expected verdict was reported."""
        for check in self._daemon.api("/products/ill")["checks"]:
            if check["last"] is not None:
                self.reported[check["id"]].add((check["last"]["outcome"], check["last"]["reason"]))
        return not self.missing()

    def missing(self) -> list[str]:
        """Return the targets whose expected verdict was not reported."""
        return [name for name, verdict in self._expected.items() if verdict not in self.reported[name]]

    def wrong_verdicts(self) -> dict[str, list[Verdict]]:
        """Return the targets with a wrong verdict."""
        other = {name: sorted(reported - {self._expected[name], STARVED}) for name, reported in self.reported.items()}
        return {name: reported for name, reported in other.items() if reported}


def resident_kb(process: int) -> int:
    """Return the resident memory of the process, in kB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.timeout(300)
@pytest.mark.fault(33)
def test_daemon_reports_every_fault_and_other_checks_are_not_disturbed(checks: Checks, tmp_path: Path) -> None:
    """Every verdict is correct, no target without faults is reported bad, and each of its probes is made or counted as
    missed.
    """
    faulty_checks = {name: check for name, check in checks.items() if not RARELY_PROBED & set(check)}
    expected = {
        _check_id(name): (str(FAULTY_TARGETS[name].outcome), FAULTY_TARGETS[name].reason) for name in faulty_checks
    }
    store = tmp_path / "ninewatch.db"
    with (
        serving_faulty_targets(*FAULT_FREE) as good_checks,
        running_daemon(write_config(tmp_path, good_checks, faulty_checks)) as daemon,
    ):
        prioritize(daemon.program.process)
        verdicts = Verdicts(daemon, expected)
        with contextlib.suppress(pytest.fail.Exception):
            wait_for("every verdict", lambda: verdicts.complete() or verdicts.wrong_verdicts(), 120)
        assert (verdicts.wrong_verdicts(), verdicts.missing()) == ({}, [])
        memory_before, probes_before = resident_kb(daemon.program.process.pid), daemon.probes("http-silent")
        wait_for(
            "two more rounds", lambda: verdicts.complete() and daemon.probes("http-silent") >= probes_before + 2, 90
        )
        growth_kb = resident_kb(daemon.program.process.pid) - memory_before
        assert "<script>" not in daemon.body("/") + daemon.body("/metrics") + daemon.body("/products/ill")
        missed = daemon.metric("ninewatch_missed_ticks_total")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        output = daemon.output()
    assert verdicts.wrong_verdicts() == {}
    assert "Traceback" not in output
    assert growth_kb < MAX_GROWTH
    for name in FAULT_FREE:
        observations = stored_observations(store, f"good/{name}")
        outcomes = [outcome for _, outcome in observations]
        assert Outcome.BAD not in outcomes, name
        assert Outcome.GOOD in outcomes, name
        slots = [at // INTERVAL for at, _ in observations]
        assert len(slots) + (missed or 0) >= slots[-1] - slots[0] + 1, (
            "each scheduled probe was made or counted as missed"
        )
