"""Prove `make run` in a clone: start it on a terminal, read its page, press Ctrl-C. `make_run.py CLONE SECONDS`

Exits 1 unless the page answers within SECONDS, Ctrl-C ends everything that was started, and neither a traceback nor a
deprecation was printed.
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
# Path -> what the answer must hold.
ANSWERS = {"/": b"CHEFS", "/livez": b"", "/metrics": b"ninewatch_"}
UNWANTED = (b"Traceback", b"make: ***", b"DEPRECATION")
STOPPING = 30.0  # seconds from Ctrl-C to the end


class Terminal:
    """A command on a terminal of its own, with all that it printed."""

    def __init__(self, command: list[str], folder: str) -> None:
        self.output = b""
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)

    def press_ctrl_c(self) -> None:
        """Type Ctrl-C, which interrupts all that runs in the foreground."""
        os.write(self._ours, b"\x03")

    def find(self, wanted: re.Pattern[bytes], seconds: float) -> re.Match[bytes] | None:
        """Read until the output matches; return None if it ends or the time passes first."""
        deadline = time.monotonic() + seconds
        while (match := wanted.search(self.output)) is None and self._ready(deadline) and self._read():
            pass
        return match

    def ends(self, seconds: float) -> bool:
        """Read to the end, which comes when nothing that was started has the terminal open; return whether it came."""
        deadline = time.monotonic() + seconds
        while self._ready(deadline):
            if not self._read():
                return True
        return False

    def _ready(self, deadline: float) -> bool:
        return bool(select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0])

    def _read(self) -> bytes:
        try:
            more = os.read(self._ours, 65536)
        except OSError:  # EIO: closed by all
            return b""
        self.output += more
        return more


def problems(folder: str, seconds: float) -> list[str]:
    """Return what went wrong, nothing if all went well."""
    terminal = Terminal(["make", "run"], folder)
    found = terminal.find(ADDRESS, seconds)
    wrong = [f"no address within {seconds:.0f} s"] if found is None else unanswered(found[1].decode())
    terminal.press_ctrl_c()
    if not terminal.ends(STOPPING):
        wrong.append(f"still running {STOPPING:.0f} s after Ctrl-C")
        terminal.process.kill()
    terminal.process.wait()
    sys.stdout.write(terminal.output[-4000:].decode(errors="replace").replace("\r", ""))
    return wrong + [f"printed {each.decode()}" for each in UNWANTED if each in terminal.output]


def unanswered(address: str) -> list[str]:
    """Return which paths do not answer as they should."""
    wrong = []
    for path, held in ANSWERS.items():
        try:
            with urllib.request.urlopen(address + path, timeout=30) as answer:  # noqa: S310 - our own page
                if held not in answer.read():
                    wrong.append(f"{path} does not show {held.decode()}")
        except OSError as error:
            wrong.append(f"{path}: {error}")
    return wrong


def main() -> int:
    """Print the problems, exit 1 if there is one."""
    found = problems(sys.argv[1], float(sys.argv[2]))
    sys.stdout.writelines(f"\nmake run: {each}\n" for each in found)
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
