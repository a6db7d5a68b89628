"""Measure the cost of attempts: `python -m tests.support.faulty_targets.attempt_cost` reads checks, prints their costs.

CPU time of the event loop's thread, and memory of a process that does nothing else, so that the load of the machine and
the garbage of the test have no effect. Reads JSON, name to check; writes a JSON line per check: name and `AttemptCost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.probes.registry import prepare
from sla.interval import SECOND
from sla.observation import Outcome
from tests.support.faulty_targets import FAULTY_TARGETS
from tests.support.probing import load_check

if TYPE_CHECKING:
    from monitor.config.check import CheckBase
    from monitor.engine.runner import Runner


class AttemptCost(NamedTuple):
    """The result of an attempt, the longest time that it blocked the event loop (seconds), and its memory (bytes).

    `allocated` is the peak of Python's allocations, `resident` the peak growth of the process, including libraries.
    """

    outcome: str
    reason: str
    detail: str
    blocked: float
    allocated: int
    resident: int


@contextlib.contextmanager
def longest_callback() -> Iterator[list[float]]:
    """Measure the longest callback of the event loop while the `with` block runs, in CPU seconds of this thread."""
    run: Callable[[asyncio.Handle], None] = asyncio.Handle._run
    longest = [0.0]

    def run_timed(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        longest[0] = max(longest[0], time.thread_time() - started)

    asyncio.Handle._run = run_timed  # type: ignore[method-assign, assignment]
    try:
        yield longest
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign, assignment]


def _kilobytes(entry: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry))


@contextlib.contextmanager
def growth() -> Iterator[list[int]]:
    """Measure the peak growth of the process while the `with` block runs, in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # otherwise memory freed earlier would be reused without growth
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak (proc(5))
    before, grown = _kilobytes("VmRSS:"), [0]
    yield grown
    grown[0] = max(0, _kilobytes("VmHWM:") - before) * 1024


async def attempt_cost(runner: Runner, check: CheckBase) -> AttemptCost:
    """Make two attempts of the check: one for time and memory, and one with traced allocations."""
    probe, seconds = prepare(check), check.timeout / SECOND
    with growth() as resident, longest_callback() as blocked:
        result = (await runner.attempt(probe, seconds)).result
    tracemalloc.start()
    await runner.attempt(probe, seconds)
    _, allocated = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return AttemptCost(str(result.outcome), result.reason, result.detail, blocked[0], allocated, resident[0])


async def main() -> None:
    """Measure the cost of each check, after good checks have loaded the libraries."""
    checks = {name: load_check(content) for name, content in json.load(sys.stdin).items()}
    async with probe_environment(SystemClock(), Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]  # see tests.support.probing
        for name, check in checks.items():
            if FAULTY_TARGETS[name].outcome is Outcome.GOOD:
                await runner.attempt(prepare(check), check.timeout / SECOND)
        gc.freeze()
        for name, check in checks.items():
            sys.stdout.write(json.dumps([name, await attempt_cost(runner, check)]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
