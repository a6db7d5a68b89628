"""Record until killed, and report what is on disk: `python -m tests.support.recorder_process PATH`.

For every line on its standard input it forks a recorder of that file (so that a round costs no start of an
interpreter), and prints `dead` when it has ended. The recorder prints:

    pid NUMBER                                              it has started
    seen [["recorded/check-0", 1795000000000000], ...]      these observations are committed
    incident ID opened|resolved                             this event was announced
    refused MESSAGE                                         the record could not be opened
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog

from monitor.clock import SystemClock
from monitor.engine.recorder import Recorder, restore
from monitor.errors import StoreError
from monitor.health import Health
from monitor.probe_result import Event, IncidentOpened, IncidentResolved, ProbeResult
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.observation import Outcome
from tests.support.ledgers import FakeCheck, ledger_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from monitor.ledger.ledger import Ledger
    from monitor.storage.store import Batch

CHECKS = 20
SECONDS_BETWEEN_ROUNDS = 0.004  # one round records an outcome of each check


class AcknowledgingStore(SqliteStore):
    """A store that prints each row after it is committed."""

    def write(self, batch: Batch) -> None:
        super().write(batch)
        print_line(f"seen {json.dumps([(observation.check, observation.at) for observation in batch.observations])}")


def recorded_ledger() -> Ledger:
    """Return a ledger with twenty checks with a hold of 250 ms."""
    checks = tuple(FakeCheck(id=f"check-{n}", interval="100ms", timeout="50ms", fall=3) for n in range(CHECKS))
    return ledger_of({"id": "recorded", "objective": "99.9%", "checks": checks})


def print_line(line: str) -> None:
    """Write a complete line without buffers, so that a kill does not lose it."""
    remaining = f"{line}\n".encode()
    while remaining:
        remaining = remaining[os.write(1, remaining) :]


def announce(event: Event) -> None:
    if isinstance(event, IncidentOpened | IncidentResolved):
        print_line(f"incident {event.incident.id} {'opened' if isinstance(event, IncidentOpened) else 'resolved'}")


async def record(path: Path) -> None:
    """Record random outcomes until killed."""
    clock, health, ledger, rng = SystemClock(), Health(), recorded_ledger(), random.Random()  # noqa: S311
    store = AcknowledgingStore(path, clock.now())
    restore(ledger, store)
    outcomes = dict.fromkeys(ledger.entries, Outcome.GOOD)
    async with Recorder(ledger, Writer(store, health, clock), health, [announce]) as recorder:
        while True:
            for key, entry in ledger.entries.items():
                if rng.random() < 0.1:
                    outcomes[key] = rng.choice(list(Outcome))
                outcome = outcomes[key]
                reason = "" if outcome is Outcome.GOOD else "deadline"
                recorder.record(entry, ProbeResult(outcome, reason), clock.now(), 0.001)
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)


def fork(record: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a recorder in a child process, and print a line when it has ended."""
    if (child := os.fork()) == 0:
        print_line(f"pid {os.getpid()}")
        try:
            asyncio.run(record())
        except StoreError as error:
            print_line(f"refused {error}")
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    print_line("dead")


class RecorderController:
    """The controlling side: starts recorders, reads their output, and kills them."""

    def __init__(self, path: Path, *arguments: str, module: str = "tests.support.recorder_process") -> None:
        command = [sys.executable, "-m", module, str(path), *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join()
        self._process.communicate()

    def start(self) -> int:
        """Start a recorder and return its process id."""
        print("go", file=self._process.stdin, flush=True)
        return int(self.line().removeprefix("pid "))

    def line(self, timeout: float = 30.0) -> str:
        """Return the next line of output.

        Raises:
            queue.Empty: no line within `timeout` seconds.
        """
        return self._lines.get(timeout=timeout)

    def kill(self, recorder: int) -> list[str]:
        """Kill the recorder and return the rest of its output."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(recorder, signal.SIGKILL)
        return self.rest()

    def rest(self) -> list[str]:
        """Return the output until the recorder has ended."""
        return list(iter(self.line, "dead"))


def run_for_each_line(record: Callable[[], Coroutine[object, object, None]]) -> None:
    """Fork a recorder for each line on standard input."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for _ in sys.stdin:
        fork(record)


if __name__ == "__main__":
    run_for_each_line(partial(record, Path(sys.argv[1])))
