"""Thirty targets that do their worst at once, beside a healthy one that must not feel it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sla.interval import MILLISECOND
from sla.observation import Outcome
from tests.support.hostile import names
from tests.support.processes import until
from tests.support.watches import observed, watching

INTERVAL = 200 * MILLISECOND
ROOM = 64 * 1024  # kB by which the daemon may grow while every hostile answer comes in twice


@pytest.fixture
def ports() -> Iterator[dict[str, int]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.hostile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=20)


def configured(folder: Path, ports: dict[str, int]) -> Path:
    """Write a portfolio of one healthy target on a fast interval and all of the others."""
    plain, encrypted = names()
    healthy = f"{{id: healthy, http: 'http://127.0.0.1:{ports['healthy']}/', interval: 200ms, timeout: 200ms}}"
    pace = "interval: 2s, timeout: 1s"
    more = "redirects: 5, expect: {status: 2xx, contains: 'never this', json: {'$.never': 1}}"
    hostile = [f"{{id: {each}, http: 'http://127.0.0.1:{ports[each]}/', {pace}, {more}}}" for each in plain]
    hostile += [f"{{id: {each}, tls: '127.0.0.1:{ports[each]}', {pace}}}" for each in encrypted]
    path = folder / "ninewatch.yaml"
    lines = "".join(f"      - {each}\n" for each in hostile)
    path.write_text(
        f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\nproducts:\n"
        f"  - {{id: well, objective: 99%, checks: [{healthy}]}}\n"
        f"  - id: ill\n    objective: 99%\n    checks:\n{lines}"
    )
    return path


def resident(process: int) -> int:
    """Return the process's memory, kB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.slow
def test_hostile_targets_cost_their_neighbours_nothing(ports: dict[str, int], tmp_path: Path) -> None:
    """The healthy check is good at every one of its instants, memory stays bounded, the log has no traceback."""
    ill = [name for group in names() for name in group]
    assert len(ill) >= 30
    store = tmp_path / "ninewatch.db"
    with watching(configured(tmp_path, ports)) as watch:
        until("a first round", lambda: all(watch.probes(name) for name in ill), 60)
        before = resident(watch.program.process.pid)
        begun = {name: watch.probes(name) for name in ill}
        until("two more rounds", lambda: all(watch.probes(name) >= begun[name] + 2 for name in ill), 60)
        grown = resident(watch.program.process.pid) - before
        (product,) = (each for each in watch.api("/products") if each["id"] == "well")
        reasons = {each["id"]: each["last"]["reason"] for each in watch.api("/products/ill")["checks"]}
        assert "<script>" not in watch.body("/") + watch.body("/metrics")
        missed = watch.metric("ninewatch_missed_ticks_total")
        watch.signal(signal.SIGTERM)
        assert watch.ended() == 0
        said = watch.said()
    outcomes = [outcome for _, outcome in observed(store, "well/healthy")]
    assert outcomes.count(Outcome.BAD) == 0
    assert (product["state"], product["incidents_open"]) == ("up", 0)
    slots = [at // INTERVAL for at, _ in observed(store, "well/healthy")]
    assert len(slots) + (missed or 0) >= slots[-1] - slots[0] + 1, (
        "each of its instants was probed or counted as missed"
    )
    assert outcomes.count(Outcome.GOOD) >= 0.9 * len(outcomes)
    assert all(outcome is not Outcome.GOOD for name in ill for _, outcome in observed(store, f"ill/{name}")), reasons
    assert all(reasons.values())
    assert not {reason for reason in reasons.values() if reason == "probe_defect"}
    assert grown < ROOM
    assert "Traceback" not in said
