"""Test `make run` in a clone: start it in a terminal, request pages, press Ctrl-C: `make_run.py CLONE SECONDS`

Exits 1 unless the pages respond within SECONDS, Ctrl-C ends all started processes, and no traceback or deprecation
warning is printed.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
import urllib.request

ADDRESS = re.compile(rb"answers at (http://[0-9.:]+)")
# Path -> text that the page must contain.
EXPECTED_TEXTS = {"/": b"CHEFS", "/livez": b"", "/metrics": b"ninewatch_"}
FORBIDDEN_OUTPUT = (b"Traceback", b"make: ***", b"DEPRECATION")
STOP_TIMEOUT = 30.0  # seconds from Ctrl-C to the end of all processes


class Terminal:
    """A command in a separate terminal, and its output."""

    def __init__(self, command: list[str], folder: str) -> None:
        self.output = b""
        self._master, terminal = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command], cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal
        )
        os.close(terminal)

    def press_ctrl_c(self) -> None:
        """Send Ctrl-C, which interrupts all processes in the foreground."""
        os.write(self._master, b"\x03")

    def find(self, pattern: re.Pattern[bytes], seconds: float) -> re.Match[bytes] | None:
        """Read until the output matches; return None if the output ends or the time is over."""
        deadline = time.monotonic() + seconds
        while (match := pattern.search(self.output)) is None and self._ready(deadline) and self._read():
            pass
        return match

    def ends(self, seconds: float) -> bool:
        """Read until all processes have closed the terminal; return whether they did so in time."""
        deadline = time.monotonic() + seconds
        while self._ready(deadline):
            if not self._read():
                return True
        return False

    def _ready(self, deadline: float) -> bool:
        return bool(select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0])

    def _read(self) -> bytes:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: no process has the terminal open
            return b""
        self.output += data
        return data


def problems(folder: str, seconds: float) -> list[str]:
    """Run `make run`, and return the problems."""
    terminal = Terminal(["make", "run"], folder)
    match = terminal.find(ADDRESS, seconds)
    errors = [f"no address within {seconds:.0f} s"] if match is None else page_errors(match[1].decode())
    terminal.press_ctrl_c()
    if not terminal.ends(STOP_TIMEOUT):
        errors.append(f"still running {STOP_TIMEOUT:.0f} s after Ctrl-C")
        terminal.process.kill()
    terminal.process.wait()
    sys.stdout.write(terminal.output[-4000:].decode(errors="replace").replace("\r", ""))
    return errors + [f"printed {text.decode()}" for text in FORBIDDEN_OUTPUT if text in terminal.output]


def page_errors(address: str) -> list[str]:
    """Request the pages, and return an error for each unexpected response."""
    errors = []
    for path, expected in EXPECTED_TEXTS.items():
        try:
            with urllib.request.urlopen(address + path, timeout=30) as response:  # noqa: S310 - a loopback address
                if expected not in response.read():
                    errors.append(f"{path} does not contain {expected.decode()}")
        except OSError as error:
            errors.append(f"{path}: {error}")
    return errors


def main() -> int:
    """Print the problems; return 1 if there are any."""
    errors = problems(sys.argv[1], float(sys.argv[2]))
    sys.stdout.writelines(f"\nmake run: {error}\n" for error in errors)
    return int(bool(errors))


if __name__ == "__main__":
    raise SystemExit(main())
