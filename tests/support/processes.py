"""Run real programs in tests: start them, wait for their effects, and always stop them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip the test if a program is not installed, and report which one."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def wait_for(description: str, poll: Callable[[], T | None], seconds: float = 100.0) -> T:
    """Call `poll` until it returns a true value, and return this value. Fail the test after the timeout."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not (result := poll()):
        if time.monotonic() > deadline:
            pytest.fail(f"timed out after {seconds:g} s waiting for {description}")
        pause.wait(0.05)
    return result


def alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_port() -> int:
    """Return a free port of loopback, for a program that does not support port 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def fetch(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body. (0, b"") without a response."""
    try:
        request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - the callers pass http URLs
        with _DIRECT.open(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


@dataclass
class Program:
    """A running program. Its output is in `log`."""

    process: subprocess.Popen[bytes]
    log: Path

    def find_in_log(self, pattern: str) -> str | None:
        """Return the first group of the pattern's first match in the output. Fails if the program has ended."""
        match = re.search(pattern, self.log.read_text(errors="replace"))
        if match is None and self.process.poll() is not None:
            pytest.fail(f"ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')}")
        return match[1] if match else None

    def stop(self) -> int:
        """Stop the program with SIGTERM, and return its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=20)


@contextlib.contextmanager
def run_program(log: Path, arguments: Sequence[str | Path], **options: Any) -> Iterator[Program]:
    """Run a program while the `with` block runs."""
    with log.open("wb") as output:
        process = subprocess.Popen([*map(str, arguments)], stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        yield Program(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def start_daemon(folder: Path, config: str) -> Iterator[tuple[Program, str]]:
    """Run `ninewatch run` with this configuration, and yield the program and its address."""
    path = folder / "ninewatch.yaml"
    path.write_text(config)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "monitor", "run", "-c", path]
    with run_program(folder / "ninewatch.log", command, env=environment) as program:
        yield program, wait_for("the daemon's address", lambda: program.find_in_log(r"(http://\S+)"))
