"""Run the real command line in a child process, and read its output, pages, API and metrics."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sla.observation import PRECEDENCE, Outcome
from tests.support.processes import Program, fetch, run_program, wait_for

_OUTCOMES = {code: outcome for outcome, code in PRECEDENCE.items()}
# The command line with the log level DEBUG, for which there is no option.
_AT_DEBUG = """
import logging, sys
from functools import partial
from monitor import cli, log
log.configure = partial(log.configure, level=logging.DEBUG)
sys.exit(cli.main())
"""
# The command line with the name server at this port of loopback, in place of those of /etc/resolv.conf.
_WITH_NAMESERVER = """
import sys
from functools import partialmethod
from monitor import cli
from monitor.network.resolver import Resolver
Resolver.__init__ = partialmethod(Resolver.__init__, ["127.0.0.1"], {port})
sys.exit(cli.main())
"""


@dataclass(frozen=True)
class DaemonProcess:
    """A running daemon."""

    program: Program
    address: str
    config: Path

    def output(self) -> str:
        """Return the daemon's standard output and standard error."""
        return self.program.log.read_text(errors="replace")

    def body(self, path: str) -> str:
        """Return the response body of a path, for any status."""
        return fetch(self.address + path)[1].decode()

    def api(self, path: str, **query: str) -> Any:
        """Return the response of a path of /api/v1."""
        query_string = f"?{urllib.parse.urlencode(query)}" if query else ""
        status, body = fetch(f"{self.address}/api/v1{path}{query_string}")
        assert status == 200, body
        return json.loads(body)

    def metric(self, name: str, **labels: str) -> float | None:
        """Return a sample of /metrics. None if it does not exist."""
        expected = {f'{key}="{value}"' for key, value in labels.items()}
        for line in self.body("/metrics").splitlines():
            match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name and expected <= set(re.findall(r'\w+="[^"]*"', match[2] or "")):
                return float(match[3])
        return None

    def incidents(self, state: str = "") -> list[dict[str, Any]]:
        """Return the incidents, the newest first."""
        incidents: list[dict[str, Any]] = self.api("/incidents", **({"state": state} if state else {}))
        return incidents

    def probes(self, check: str) -> int:
        """Return the number of probes of the check that this process counted."""
        return round(
            sum(self.metric("ninewatch_probes_total", check=check, outcome=outcome.value) or 0 for outcome in Outcome)
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.program.process.send_signal(number)

    def wait_for_exit(self) -> int:
        """Wait until the daemon exits, and return the exit status."""
        return self.program.process.wait(timeout=30)


def command(*arguments: str | Path, debug: bool = False, nameserver: int | None = None) -> list[str]:
    """Return the arguments that run the command line, with a name server at a port of loopback if one is given."""
    start = ["-c", _AT_DEBUG] if debug else ["-m", "monitor"]
    if nameserver is not None:
        start = ["-c", _WITH_NAMESERVER.format(port=nameserver)]
    return [sys.executable, *start, *map(str, arguments)]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without proxies, so that loopback is accessed directly."""
    variables = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**variables, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error", **(extra or {})}


@contextlib.contextmanager
def running_daemon(
    config: Path,
    *,
    debug: bool = False,
    extra: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    nameserver: int | None = None,
) -> Iterator[DaemonProcess]:
    """Run `ninewatch run -c config` while the `with` block runs. Waits until the daemon answers."""
    log = config.with_name(f"{config.stem}-{len(list(config.parent.glob('*.log')))}.log")
    arguments = command("run", "-c", config, *options, debug=debug, nameserver=nameserver)
    with run_program(log, arguments, env=environment(extra)) as program:
        address = wait_for("the daemon's address", lambda: program.find_in_log(r"answers at (http://\S+)"))
        yield DaemonProcess(program, address, config)


def run_to_exit(*arguments: str | Path, extra: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command until it exits, and return its exit status, standard output and standard error."""
    completed = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, env=environment(extra), check=False
    )
    return completed.returncode, completed.stdout, completed.stderr


def stored_observations(store: Path, check: str) -> list[tuple[int, Outcome]]:
    """Return the raw observations of a check from the record's file, in order of time."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT at, outcome FROM observations JOIN series ON series.id = series WHERE check_key = ? ORDER BY at",
            (check,),
        ).fetchall()
    return [(at, _OUTCOMES[code]) for at, code in rows]
