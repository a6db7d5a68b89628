"""Run a command beside two busy processes per core: `loaded.py COMMAND [ARGUMENT...]`. Exits with the command's status.

A test that fails only here depends on the speed of the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys

BUSY = (sys.executable, "-c", "while True: pass")


def main(command: list[str]) -> int:
    """Start the busy processes, run the command and end them."""
    busy = [subprocess.Popen(BUSY) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for each in busy:
            each.kill()
            each.wait()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
