"""Compare the instructions of a plain HTTP probe with those of an earlier commit.

    python -m bench.probe_instructions [--base f27acc63~1] [--probes 400] [--functions 20]

One process starts and records HTTP probes of a loopback target as the daemon does (`Jobs`, `Runner`, `Recorder`), ten
at a time, under Valgrind (Debian's package). The result is the count for all probes minus the count for a tenth of
them, so that it excludes the start. The wall clock of that process advances evenly, because a check whose probes are
late starts a new run of observations, which would make the count depend on the load of the machine. Periodic tasks of
the daemon and the storage thread do not run, and the target is another process. `--functions` prints the C functions
with the largest differences.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.windows import HERE, checkout, environment

BASE = "f27acc63~1"  # the commit before latency histograms
CHECKS, AT_ONCE = 20, 10
STEP = 1_000_000  # microseconds between two readings of the wall clock
WARM_UP = 10  # the shorter run makes one WARM_UPth of the probes
TARGET = """
import asyncio, sys
class Healthy(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        if data.endswith(b"\\r\\n\\r\\n"):
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
            self.transport.close()
async def serve():
    server = await asyncio.get_running_loop().create_server(Healthy, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
asyncio.run(serve())
"""


def count(tree: Path, probes: int, profile: Path) -> int:
    """Return the number of instructions of a process that makes this number of probes with the code in `tree`."""
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]
    script = [sys.executable, "-P", str(HERE / "probe_instructions.py"), "--repeat", str(probes)]
    process = subprocess.run(
        [*valgrind, *script], env=environment(tree), check=True, capture_output=True, text=True, cwd=tree
    )
    return int(re.findall(r"Collected : (\d+)", process.stderr)[-1])


def functions(profile: Path) -> Counter[str]:
    """Return the instructions of each C function, without those of the functions that it calls."""
    text = subprocess.run(
        ["callgrind_annotate", "--threshold=100", str(profile)], check=True, capture_output=True, text=True
    ).stdout
    rows = re.findall(r"^ *([\d,]+) \([ \d.]+%\) +\S*?:(\S+)", text, re.MULTILINE)
    total = Counter[str]()
    for number, name in rows:
        total[name] += int(number.replace(",", ""))
    return total


def measure(tree: Path, probes: int, folder: Path) -> tuple[float, Counter[str]]:
    """Return the instructions per probe, and those of each C function."""
    few, many = probes // WARM_UP, probes
    files = folder / f"{tree.name}-few", folder / f"{tree.name}-many"
    difference = count(tree, many, files[1]) - count(tree, few, files[0])
    by_function = functions(files[1])
    by_function.subtract(functions(files[0]))
    return difference / (many - few), Counter({name: n // (many - few) for name, n in by_function.items()})


async def repeat(probes: int, port: int, record: Path) -> None:
    """Make and record this number of probes. It uses only names that the base commit has too."""
    from monitor.clock import SystemClock
    from monitor.config.loader import load
    from monitor.engine.heartbeats import Heartbeats
    from monitor.engine.jobs import Jobs
    from monitor.engine.loop_monitor import LoopMonitor
    from monitor.engine.recorder import Recorder
    from monitor.engine.runner import Runner
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.network.poller import Poller
    from monitor.network.resolver import Resolver
    from monitor.probes.registry import check_types
    from monitor.storage.sqlite import SqliteStore
    from monitor.storage.writer import Writer
    from monitor.vantage.watch import VantageWatch

    config = record.with_suffix(".yaml")
    checks = "".join(f"      - {{id: check-{n}, http: 'http://127.0.0.1:{port}/'}}\n" for n in range(CHECKS))
    config.write_text(f"products:\n  - id: measured\n    objective: 99%\n    checks:\n{checks}")
    portfolio = load(config, check_types(allow_exec=False))
    instants = itertools.count(time.time_ns() // 1000, STEP)

    class EvenClock(SystemClock):
        def now(self) -> int:
            return next(instants)

    clock, health = EvenClock(), Health()
    ledger = Ledger(portfolio)
    recorder = Recorder(ledger, Writer(SqliteStore(record, clock.now()), health, clock), health)
    poller = Poller(asyncio.get_running_loop())
    runner = Runner(clock, LoopMonitor(clock, health), poller, Resolver())
    jobs = Jobs(
        ledger,
        runner,
        recorder,
        Heartbeats(ledger, recorder.record, clock),
        VantageWatch(clock, health, runner.attempt),
    )
    jobs.prepare(portfolio)
    starts = [job.start for job in jobs.all()]
    for first in range(0, probes, AT_ONCE):
        await asyncio.gather(*(starts[(first + n) % CHECKS]() for n in range(AT_ONCE)))
    failed = [entry.key for entry in ledger.entries.values() if entry.last is None or entry.last.result.reason]
    if failed:
        raise SystemExit(f"not probed, or not good: {', '.join(failed)}")


def run_probes(probes: int) -> None:
    """Start the target, make the probes and stop the target."""
    target = subprocess.Popen([sys.executable, "-c", TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with target, tempfile.TemporaryDirectory() as folder:
        port = int(target.stdout.readline() if target.stdout is not None else "")
        asyncio.run(repeat(probes, port, Path(folder) / "record.db"))
        target.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default=BASE, help="commit to compare with")
    parser.add_argument("--probes", type=int, default=400)
    parser.add_argument("--functions", type=int, default=0, help="number of C functions to print")
    parser.add_argument("--repeat", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repeat is not None:
        run_probes(options.repeat)
        return
    if shutil.which("valgrind") is None:
        raise SystemExit("needs valgrind: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        base.mkdir()
        trees = HERE.parent, checkout(options.base, base)
        (now, now_functions), (before, base_functions) = (measure(tree, options.probes, Path(folder)) for tree in trees)
        print(f"instructions per HTTP probe: {now:,.0f}; {options.base}: {before:,.0f}; ratio {now / before:.3f}")
        now_functions.subtract(base_functions)
        for name, difference in sorted(now_functions.items(), key=lambda row: -abs(row[1]))[: options.functions]:
            print(f"  {difference:>+12,}  {name}")


if __name__ == "__main__":
    main()
