"""Run a command together with 2 busy processes per core: `loaded.py COMMAND [ARGUMENT...]`. Exits with its status.

Tests that fail only under this load depend on the speed of the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys

BUSY_LOOP = (sys.executable, "-c", "while True: pass")


def main(command: list[str]) -> int:
    """Start the busy processes, run the command, and kill the busy processes."""
    processes = [subprocess.Popen(BUSY_LOOP) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
