"""Cost of any window of a product, of a start and of a scrape, next to an earlier commit in the same run.

    python -m bench.windows [--base 3f2967d] [--rounds 3] [--instructions]

1,000 checks in products of three, probed each minute for 365 days with an incident about every 1.5 days: 500,000 runs.
Each side measures the same cases (`window_cases.py`) in processes of its own, in turn; the base is taken from Git into
a temporary folder. Figures are CPU time: the median over the queries of a process, then the lowest of the rounds.
A window is to stay under 1 ms; a `!` marks one that does not.

With `--instructions` the same work on small records is counted with Valgrind (Debian's package), which does not depend
on how busy the machine is: instructions with so many repetitions less those with none.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

BASE = "3f2967d"
HERE = Path(__file__).resolve().parent
LIMIT = 1.0  # milliseconds that a window may take
GROUPS = ("windows", "wide", "start", "scrape")
COUNTED = ("quiet-scrape", "scrape", "start", "window", "contractual", "fresh", "wide")
REPEATS = 5

Figures = dict[str, float]


def checkout(commit: str, target: Path) -> Path:
    """Extract the commit's files."""
    packed = subprocess.run(["git", "-C", str(HERE.parent), "archive", commit], check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", str(HERE / "window_cases.py"), *arguments]


def environment(tree: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}


def measured(tree: Path, group: str) -> Figures:
    """Return the milliseconds of each case of the group, as a process of that tree measures them."""
    done = subprocess.run(command("time", group), env=environment(tree), check=True, stdout=subprocess.PIPE)
    found: Figures = json.loads(done.stdout)
    return found


def counted(tree: Path, case: str, repeats: int) -> int:
    """Return the instructions of a process that does the case so many times."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*valgrind, *command("repeat", case, str(repeats))],
        env=environment(tree),
        check=True,
        capture_output=True,
        text=True,
    )
    return int(re.findall(r"Collected : (\d+)", done.stderr)[-1])


def lowest(rounds: list[Figures]) -> Figures:
    return {case: min(each[case] for each in rounds) for case in rounds[0]}


def compare(name: str, now: Figures, before: Figures, *, unit: str) -> None:
    """Print a table of one group; a case that the base does not know has no ratio."""
    print(f"\n{name:<42}{'now':>12}{'base':>12}   ratio   ({unit})")
    for case, figure in now.items():
        base = before.get(case)
        ratio = f"{base:12.3f}{figure / base:8.2f}" if base else f"{'-':>12}{'':8}"
        over = " !" if unit == "ms" and case.startswith("any ") and figure > LIMIT else ""
        print(f"  {case:<40}{figure:12.3f}{ratio}{over}", flush=True)


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
            now, before = ({case: instructions(tree, case) for case in COUNTED} for tree in trees)
            compare("instructions", now, before, unit="million instructions")
            return
        for group in GROUPS if options.only is None else [options.only]:
            rounds = [[measured(tree, group) for tree in trees] for _ in range(options.rounds)]
            compare(group, lowest([each[0] for each in rounds]), lowest([each[1] for each in rounds]), unit="ms")


def instructions(tree: Path, case: str) -> float:
    return (counted(tree, case, REPEATS) - counted(tree, case, 0)) / REPEATS / 1e6


if __name__ == "__main__":
    main()
