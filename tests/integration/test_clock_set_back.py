"""The wall clock is set forward by mistake and then set back: the daemon restarts by itself and records correct
instants.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sla.interval import MINUTE
from tests.support.daemon_process import DaemonProcess, environment, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.processes import Program, free_port, run_program, wait_for

if TYPE_CHECKING:
    from pathlib import Path

# The command line on a machine with a wrong wall clock. The file in the first argument contains the offset in seconds.
SHIFTED = """
import sys, time
from pathlib import Path
from monitor import cli
true, shift = time.time_ns, Path(sys.argv.pop(1))
time.time_ns = lambda: true() + int(shift.read_text()) * 10**9
sys.exit(cli.main())
"""


class Machine:
    """A machine with an adjustable wall clock."""

    def __init__(self, folder: Path) -> None:
        self.shift, self._next = folder / "shift", folder / "next"
        self.set(0)

    def set(self, ahead: int) -> None:
        """Set the clock to this many seconds ahead of the true time."""
        self._next.write_text(str(ahead))
        self._next.replace(self.shift)


def start_count(program: Program) -> int:
    """Return how many times the daemon started to answer."""
    return program.log.read_text().count("answers at")


@pytest.mark.slow
@pytest.mark.parametrize("forward", [7200, 365 * 86_400])
@pytest.mark.fault(14)
def test_daemon_restarts_with_correct_instants_after_the_clock_is_set_back(tmp_path: Path, forward: int) -> None:
    machine, port, config = Machine(tmp_path), free_port(), tmp_path / "ninewatch.yaml"
    command = [sys.executable, "-c", SHIFTED, machine.shift, "run", "-c", config]
    with HttpTarget().serving() as target:
        check = f"{{id: health, http: '{target.url('/')}', interval: 200ms, timeout: 150ms}}"
        head = f"listen: 127.0.0.1:{port}\nstore: {tmp_path / 'record.db'}\n"
        config.write_text(f"{head}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
        with run_program(tmp_path / "run.log", command, env=environment()) as program:
            daemon = DaemonProcess(program, f"http://127.0.0.1:{port}", config)
            wait_for("probes", lambda: daemon.probes("health") > 5)
            machine.set(forward)
            wait_for("the clock step", lambda: daemon.metric("ninewatch_clock_steps_total", direction="forward") == 1)
            probes = daemon.probes("health")
            wait_for("probes in the future", lambda: daemon.probes("health") > probes + 5)
            config.write_text(f"{head}products: [broken")  # the running configuration stays in use after the restart
            wait_for("the rejected reload", lambda: daemon.metric("ninewatch_config_reload_success") == 0)
            machine.set(0)
            wait_for("the restart", lambda: start_count(program) == 2)
            wait_for("probes after the restart", lambda: daemon.probes("health") > 5)
            assert abs(daemon.metric("ninewatch_clock_offset_seconds") or 0) < 1
            assert daemon.metric("ninewatch_late_observations_total") == 0
            assert (daemon.metric("ninewatch_observations_set_aside") or 0) > 5
            assert "set aside" in json.loads(daemon.body("/readyz"))["reasons"][0]
            assert daemon.api("/products")[0]["state"] == "up"
            daemon.signal(signal.SIGTERM)
            assert daemon.wait_for_exit() == 0
    instants = [at for at, _ in stored_observations(tmp_path / "record.db", "demo/health")]
    assert max(instants) < time.time_ns() // 1000 + MINUTE
