"""Compare the CPU time of windows, of startup and of scrapes with an earlier commit.

    python -m bench.windows [--base 3f2967d] [--rounds 3] [--instructions]

The record has 1,000 checks in products of 3, probed every minute for 365 days, with an incident about every 1.5 days:
500,000 runs. Both commits measure the same cases (`window_cases.py`) alternately, in separate processes. The base
commit is extracted from Git into a temporary folder. Figures are CPU time: the median of the queries of a process, then
the lowest value of the rounds. A `!` marks a figure above the limit of its case, and the exit status is 1 then: 1 ms
for a window, 20 ms for a scrape of 1,000 checks, 250 ms for one of 10,000, 10 ms for a part of a scrape without a
pause.

With `--instructions`, Valgrind (Debian's package) counts the instructions of the same work on small records. They do
not depend on the load of the machine: the count with repetitions minus the count without.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BASE = "3f2967d"
HERE = Path(__file__).resolve().parent
LIMITS = (  # pattern of a case, maximum milliseconds; the first match applies
    (r"any ", 1.0),
    (r".*, longest part without a pause", 10.0),
    (r"1,000 checks ", 20.0),
    (r"10,000 checks ", 250.0),
)
GROUPS = ("windows", "wide", "start", "scrape")
INSTRUCTION_CASES = ("quiet-scrape", "scrape", "start", "window", "contractual", "fresh", "wide")
REPEATS = 5

Figures = dict[str, float]


def checkout(commit: str, target: Path) -> Path:
    """Extract the files of a commit to a folder, and return the folder."""
    archive = subprocess.run(["git", "-C", str(HERE.parent), "archive", commit], check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", str(target)], check=True, input=archive.stdout)
    return target


def command(tree: Path, *arguments: str) -> list[str]:
    """Return the command that runs the cases of the tree, which use the names of its code."""
    return [sys.executable, "-P", str(tree / "bench/window_cases.py"), *arguments]


def environment(tree: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}


def measure(tree: Path, group: str) -> Figures:
    """Measure the cases of a group in a process that uses the code in `tree`; return milliseconds by case."""
    process = subprocess.run(command(tree, "time", group), env=environment(tree), check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(process.stdout)
    return figures


def count_instructions(tree: Path, case: str, repeats: int) -> int:
    """Return the number of instructions of a process that repeats a case `repeats` times."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    process = subprocess.run(
        [*valgrind, *command(tree, "repeat", case, str(repeats))],
        env=environment(tree),
        check=True,
        capture_output=True,
        text=True,
    )
    return int(re.findall(r"Collected : (\d+)", process.stderr)[-1])


def lowest(rounds: list[Figures]) -> Figures:
    return {case: min(figures[case] for figures in rounds) for case in rounds[0]}


def limit_of(case: str) -> float | None:
    """Return the maximum milliseconds of a case. None without a limit."""
    return next((limit for pattern, limit in LIMITS if re.match(pattern, case)), None)


def too_slow(figures: Figures) -> list[str]:
    """Return the cases whose milliseconds exceed their limit."""
    return [case for case, figure in figures.items() if (limit := limit_of(case)) is not None and figure > limit]


def compare(name: str, now: Figures, before: Figures, *, unit: str) -> None:
    """Print the table of one group. Cases that the base does not have are printed without a ratio."""
    slow = too_slow(now) if unit == "ms" else []
    print(f"\n{name:<42}{'now':>12}{'base':>12}   ratio   ({unit})")
    for case, figure in now.items():
        base = before.get(case)
        ratio = f"{base:12.3f}{figure / base:8.2f}" if base else f"{'-':>12}{'':8}"
        print(f"  {case:<40}{figure:12.3f}{ratio}{' !' if case in slow else ''}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default=BASE, help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=GROUPS)
    parser.add_argument("--instructions", action="store_true", help="count instructions with Valgrind instead")
    options = parser.parse_args()
    if options.instructions and shutil.which("valgrind") is None:
        raise SystemExit("needs valgrind: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        trees = HERE.parent, checkout(options.base, Path(folder))
        if options.instructions:
            now, before = ({case: instructions(tree, case) for case in INSTRUCTION_CASES} for tree in trees)
            compare("instructions", now, before, unit="million instructions")
            return
        slow = list[str]()
        for group in GROUPS if options.only is None else [options.only]:
            rounds = [[measure(tree, group) for tree in trees] for _ in range(options.rounds)]
            now, before = (lowest([pair[tree] for pair in rounds]) for tree in range(2))
            compare(group, now, before, unit="ms")
            slow += too_slow(now)
    if slow:
        raise SystemExit(f"above the limit: {'; '.join(slow)}")


def instructions(tree: Path, case: str) -> float:
    return (count_instructions(tree, case, REPEATS) - count_instructions(tree, case, 0)) / REPEATS / 1e6


if __name__ == "__main__":
    main()
