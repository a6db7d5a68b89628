"""Fuzz each parser with a fixed seed and number of inputs: `python -m tests.fuzz [TARGET...]`

Each target runs in a process of its own. Exits 1 if a parser raised an unexpected error. The error is printed with its
input.
Requires atheris (`make .tools/atheris`, with the folder in PYTHONPATH).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SEED = "17"
MAX_LENGTH = "4096"  # bytes of an input
TIMEOUT = "20"  # seconds for one input


def fuzz(name: str) -> None:
    """Fuzz one target. Ends the process."""
    import atheris

    with atheris.instrument_imports(include=["monitor", "sla"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            target.parse(seed)
            Path(corpus, str(number)).write_bytes(seed)
        options = [f"-runs={target.runs}", f"-seed={SEED}", f"-max_len={MAX_LENGTH}", f"-timeout={TIMEOUT}"]
        atheris.Setup([name, *options, "-verbosity=0", "-artifact_prefix=var/", corpus], target.parse)
        atheris.Fuzz()


def main(names: list[str]) -> int:
    """Fuzz the targets one after another. Return 1 if one of them failed."""
    from tests.fuzz.targets import TARGETS

    Path("var").mkdir(exist_ok=True)
    failed = []
    for name in names or TARGETS:
        completed = subprocess.run([sys.executable, "-m", "tests.fuzz", "--one", name], check=False)
        sys.stdout.write(f"{name}: {'failed' if completed.returncode else 'ok'}\n")
        sys.stdout.flush()
        failed += [name] if completed.returncode else []
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        fuzz(sys.argv[2])
    raise SystemExit(main(sys.argv[1:]))
