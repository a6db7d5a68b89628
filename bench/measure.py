"""Measure rows per second and peak memory of `ninewatch measure` for a large file.

    python -m bench.measure [--rows 10_000_000] [--checks 5] [--bad 0.01] [--shuffled] [--form csv|jsonl|gz]

Writes rows to a temporary file, runs `ninewatch measure` on it, and prints the cost of the process, including startup:
CPU seconds (user + system), rows per CPU second, and the peak resident memory.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

CHUNK = 100_000
START = 1_750_000_000


def lines(rows: int, checks: int, bad: float, form: str, shuffled: bool) -> Iterator[str]:
    """Yield the rows in chunks: every check is probed every 10 s, with latencies and random outcomes."""
    generator = random.Random(1)  # noqa: S311 - test data, not a secret
    order = list(range(0, rows, CHUNK))
    if shuffled:
        generator.shuffle(order)
    for first in order:
        numbers = list(range(first, min(first + CHUNK, rows)))
        if shuffled:
            generator.shuffle(numbers)
        yield "".join(_line(number, checks, "bad" if generator.random() < bad else "good", form) for number in numbers)


def _line(number: int, checks: int, outcome: str, form: str) -> str:
    at = datetime.fromtimestamp(START + number // checks * 10, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    check, latency = f"check-{number % checks}", f"0.{number % 1000:03}"
    if form == "jsonl":
        return f'{{"at":"{at}","outcome":"{outcome}","check":"{check}","latency_seconds":{latency}}}\n'
    return f"{at},{outcome},{check},{latency}\n"


def write(path: Path, arguments: argparse.Namespace) -> None:
    with gzip.open(path, "wt", compresslevel=1) if arguments.form == "gz" else path.open("w") as file:
        if arguments.form != "jsonl":
            file.write("at,outcome,check,latency_seconds\n")
        for chunk in lines(arguments.rows, arguments.checks, arguments.bad, arguments.form, arguments.shuffled):
            file.write(chunk)


def measure(path: Path) -> tuple[float, float, float]:
    """Run `ninewatch measure` on a file; return CPU seconds, elapsed seconds and peak resident MB."""
    command = [sys.executable, "-m", "monitor", "measure", str(path), "--objective", "99.95", "--format", "json"]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit("measure failed")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--checks", type=int, default=5)
    parser.add_argument("--bad", type=float, default=0.01)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--form", choices=["csv", "jsonl", "gz"], default="csv")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record")
        write(path, arguments)
        size = path.stat().st_size / 1e6
        cpu, seconds, peak = measure(path)
    print(
        f"{arguments.rows:,} rows ({arguments.form}, {size:.0f} MB): {seconds:.1f} s, {cpu:.1f} s of CPU, "
        f"{arguments.rows / cpu:,.0f} rows/s per core, peak {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
