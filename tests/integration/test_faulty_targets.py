"""All faulty targets: the cost of each, and a daemon that watches them next to targets without faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sla.interval import MILLISECOND
from sla.observation import Outcome
from tests.support.daemon_process import DaemonProcess, running_daemon, stored_observations
from tests.support.faulty_targets import FAULTY_TARGETS
from tests.support.faulty_targets.attempt_cost import AttemptCost, growth, holds
from tests.support.processes import needs, wait_for

pytestmark = [pytest.mark.slow, needs("openssl")]

MEMORY = 5_000_000  # bytes that an attempt may take, at its largest
INTERVAL = 200 * MILLISECOND
ROOM = 64 * 1024  # kB by which a daemon may grow while every answer comes in twice
STARVED = ("unknown", "monitor_starved")  # what a busy machine may make of any attempt
WELL = ("http-answers-unasked", "tls-intermediate", "dns-well", "tcp-well", "redis-well", "udp-well")
SELDOM = {"domain"}  # kinds whose interval is hours: the daemon may not come to them while a test lasts

Checks = dict[str, dict[str, Any]]
Verdict = tuple[str, str]


@contextlib.contextmanager
def serving_faulty_targets(*names: str) -> Iterator[Checks]:
    """Serve these targets, or all, from a process of its own; give the checks of them by name."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.faulty_targets", *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def checks() -> Iterator[Checks]:
    with serving_faulty_targets() as served:
        yield served


@pytest.mark.timeout(400)
def test_no_animal_holds_the_loop_or_fills_memory(checks: Checks) -> None:
    """No callback takes 100 ms of CPU time, so no other check waits longer for this one; no attempt takes 5 MB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.faulty_targets.attempt_cost"],
        input=json.dumps(checks).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=380,
    )
    costs = {name: AttemptCost(*taken) for name, taken in map(json.loads, done.stdout.splitlines())}
    assert costs.keys() == FAULTY_TARGETS.keys()
    assert {name: cost for name, cost in costs.items() if cost.held > FAULTY_TARGETS[name].holds} == {}
    assert {name: cost for name, cost in costs.items() if max(cost.allocated, cost.resident) > MEMORY} == {}
    assert {name for name, target in FAULTY_TARGETS.items() if target.holds > 0.1} == {"tls-group-of-8192-bits"}


def test_a_toll_is_noticed() -> None:
    """The scales themselves: what holds the loop for a while, and what takes memory, weighs something."""

    async def heavy() -> None:
        sum(range(10_000_000))

    with holds() as held, growth() as grown:
        asyncio.run(heavy())
        kept = b"x" * 20_000_000
    assert held[0] > 0.02
    assert grown[0] >= len(kept) * 0.9


def _id(name: str) -> str:
    return name.replace(".", "-")


def configured(folder: Path, well: Checks, ill: Checks) -> Path:
    """Write a portfolio of well targets on a fast interval, and of the others on a slow one."""
    quick = [{"id": name, **check, "interval": "200ms", "timeout": "200ms"} for name, check in well.items()]
    slow = [
        {"id": _id(name), **check, "interval": "12s", "timeout": "3s" if FAULTY_TARGETS[name].seconds < 1 else "10s"}
        for name, check in ill.items()
    ]
    products = [{"id": "well", "objective": "99%", "checks": quick}, {"id": "ill", "objective": "99%", "checks": slow}]
    path = folder / "ninewatch.yaml"
    path.write_text(json.dumps({"listen": "127.0.0.1:0", "store": str(folder / "ninewatch.db"), "products": products}))
    return path


class Verdicts:
    """What a daemon has said of each target so far, beside what it should say."""

    def __init__(self, daemon: DaemonProcess, expected: dict[str, Verdict]) -> None:
        self._watch, self._expected = daemon, expected
        self.said: dict[str, set[Verdict]] = {name: set() for name in expected}

    def complete(self) -> bool:
        """Look again; return whether every target was called what it is."""
        for check in self._watch.api("/products/ill")["checks"]:
            if check["last"] is not None:
                self.said[check["id"]].add((check["last"]["outcome"], check["last"]["reason"]))
        return not self.missing()

    def missing(self) -> list[str]:
        """Return the targets that were not called what they are."""
        return [name for name, verdict in self._expected.items() if verdict not in self.said[name]]

    def mistaken(self) -> dict[str, list[Verdict]]:
        """Return the targets that were called something else."""
        other = {name: sorted(said - {self._expected[name], STARVED}) for name, said in self.said.items()}
        return {name: said for name, said in other.items() if said}


def resident(process: int) -> int:
    """Return the process's memory, kB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.timeout(300)
def test_a_daemon_tells_them_all_apart_and_its_other_checks_feel_nothing(checks: Checks, tmp_path: Path) -> None:
    """Every verdict is the exact one, no well target is ever called bad, and none of its instants goes missing."""
    ill = {name: check for name, check in checks.items() if not SELDOM & set(check)}
    expected = {_id(name): (str(FAULTY_TARGETS[name].outcome), FAULTY_TARGETS[name].reason) for name in ill}
    store = tmp_path / "ninewatch.db"
    with serving_faulty_targets(*WELL) as well, running_daemon(configured(tmp_path, well, ill)) as daemon:
        verdicts = Verdicts(daemon, expected)
        with contextlib.suppress(pytest.fail.Exception):
            wait_for("every verdict", lambda: verdicts.complete() or verdicts.mistaken(), 120)
        assert (verdicts.mistaken(), verdicts.missing()) == ({}, [])
        before, begun = resident(daemon.program.process.pid), daemon.probes("http-silent")
        wait_for("two more rounds", lambda: verdicts.complete() and daemon.probes("http-silent") >= begun + 2, 90)
        grown = resident(daemon.program.process.pid) - before
        assert "<script>" not in daemon.body("/") + daemon.body("/metrics") + daemon.body("/products/ill")
        missed = daemon.metric("ninewatch_missed_ticks_total")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        said = daemon.output()
    assert verdicts.mistaken() == {}
    assert "Traceback" not in said
    assert grown < ROOM
    for name in WELL:
        seen = stored_observations(store, f"well/{name}")
        outcomes = [outcome for _, outcome in seen]
        assert Outcome.BAD not in outcomes, name
        assert Outcome.GOOD in outcomes, name
        slots = [at // INTERVAL for at, _ in seen]
        assert len(slots) + (missed or 0) >= slots[-1] - slots[0] + 1, "each instant was probed or counted as missed"
