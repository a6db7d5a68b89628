"""Run the suites that take hours, one after another, and write the results to `docs/full-results.md`.

    full.py [WORD...]    run only the parts whose names contain a word; the other rows of the file are kept

The file is committed, so that readers see the last run of each part: date, commit and counts. A part is a command that
exits 0 on success and prints its counts in the last line. Exits 1 if a part failed.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs/full-results.md"
PYTEST = (sys.executable, "-m", "pytest")
NO_TESTS = 5  # pytest's exit status if no test is selected
LOADED = (sys.executable, ".ci/loaded.py", *PYTEST, "--timeout=600")
IN_FILES = ("-n", "2", "--dist", "loadfile")

FAILOVERS = ("tests/integration/test_real_failover.py", "tests/integration/test_keycloak_failover.py")

# name -> command, in the order of execution.
PARTS: dict[str, tuple[str, ...]] = {
    "tests marked `full`": (*PYTEST, "-n", "2", "-m", "full", *(f"--ignore={path}" for path in FAILOVERS)),
    "failovers with Patroni and with Keycloak": (*PYTEST, "-n", "2", "-m", "full", *FAILOVERS),
    "two builds of the image": (sys.executable, ".ci/container.py", ".", "var/image", "--twice"),
    "mutations of `sla/`, the ledger and the engine": (sys.executable, "-m", "tests.mutation"),
    "`make unit` next to two busy processes per core": (*LOADED, "-n", "4", "-m", "not slow and not full"),
    "`make slow` next to two busy processes per core": (*LOADED, *IN_FILES, "-m", "slow and not full"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """The exit status, the last line of output and the duration of a part."""

    name: str
    status: int
    counts: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether the part failed. A suite without selected tests has not failed."""
        return self.status not in (0, NO_TESTS)

    def row(self, commit: str, at: datetime) -> str:
        """Return the result as a row of the table."""
        verdict = (
            f"**FAILED** (exit status {self.status})" if self.failed else "passed" if self.status == 0 else "no test"
        )
        columns = (self.name, verdict, self.counts, duration(self.seconds), f"{at:%Y-%m-%d %H:%M}", commit)
        return f"| {' | '.join(columns)} |"


def duration(seconds: float) -> str:
    """Format a duration in minutes and seconds."""
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def run(name: str, command: tuple[str, ...]) -> Result:
    """Run a part, and print its output."""
    sys.stdout.write(f"\n==> {name}: {' '.join(command)}\n")
    start, last_line = time.monotonic(), ""
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            last_line = line.strip() or last_line
    return Result(name, process.returncode, last_line.strip("= ").replace("|", "\\|"), time.monotonic() - start)


def commit() -> str:
    """Return the checked-out commit, with a remark if there are uncommitted changes."""
    git = ("git", "-C", str(ROOT))
    name = subprocess.check_output([*git, "rev-parse", "--short=12", "HEAD"], text=True).strip()
    changed = subprocess.check_output([*git, "status", "--porcelain"], text=True).strip()
    return f"{name} with uncommitted changes" if changed else name


def previous_rows() -> dict[str, str]:
    """Return the rows of the result file by the names of the parts."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}
    return {name: rows[name] for name in PARTS if name in rows}


def document(rows: dict[str, str]) -> str:
    """Return the content of the result file."""
    head = [
        "# Results of `make full`",
        "",
        "Written by `make full` (`.ci/full.py`): what takes too long for `make test`, `make slow` and `.ci/run`.",
        "",
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}. Dates are UTC.",
        "",
        "| part | result | counts | duration | date | commit |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(rows[name] for name in PARTS if name in rows)]) + "\n"


def main(words: list[str]) -> int:
    """Run the parts. The result file is written after each part, so that an interrupted run keeps its results."""
    tested_commit, rows, failed = commit(), previous_rows(), False
    for name, command in PARTS.items():
        if words and not any(word in name for word in words):
            continue
        at, result = datetime.now(UTC), run(name, command)
        rows[name], failed = result.row(tested_commit, at), failed or result.failed
        RESULTS.write_text(document(rows))
    sys.stdout.write(f"\nwritten: {RESULTS.relative_to(ROOT)}; commit it\n")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
