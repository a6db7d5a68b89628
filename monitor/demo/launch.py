"""Start and stop the process of the demo's products."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.clock import SystemClock
from monitor.demo import modes, script
from monitor.demo.listener import HOST
from monitor.errors import NinewatchError, StoreHeldError
from monitor.package_files import shipped_path
from monitor.storage.lock import Lock

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from monitor.demo.script import Script

PORTFOLIO_FILE = "demo.yaml"
CONTROL_URL_FILE = "control.url"  # next to the portfolio
_START_TIMEOUT = 20.0  # seconds until the products must be ready, even on a slow disk
_EXIT_TIMEOUT = 3.0  # seconds to wait for their exit before killing them


@dataclass(frozen=True, slots=True)
class DemoRun:
    """Running products with their portfolio.

    `config_path` is the portfolio with the actual ports, `store` its record, `ports` the ports by listener, `control`
    the base URL of `/_script` and `/_control`, `script` the running script.
    """

    config_path: Path
    store: Path
    ports: Mapping[str, int]
    control: str
    script: Script
    _process: Process

    async def raise_on_exit(self) -> None:
        """Wait for the exit of the product process, then raise; for the daemon's TaskGroup.

        Raises:
            NinewatchError: always.
        """
        code = await self._process.wait()
        raise NinewatchError(f"the demo's products stopped unexpectedly ({_exit_text(code)}); start the demo again")


@asynccontextmanager
async def demo(
    directory: Path, *, script_name: str = "default", base_port: int = modes.BASE_PORT, listen: str | None = None
) -> AsyncIterator[DemoRun]:
    """Start the products, write `directory`/demo.yaml with their ports, and stop them at the end of the block.

    `listen` (host:port) overrides the address in the shipped portfolio.

    The products run in a separate session, so that Ctrl-C stops the daemon first and no incident is recorded. They exit
    when a pipe to this process closes, even if this process is killed.

    Raises:
        NinewatchError: the products do not start, the script does not exist, or the directory is not writable or in
        use.
    """
    loaded_script = script.load(script_name)
    with _lock_directory(directory):
        process = await _start(script_name, base_port)
        try:
            ports = await _wait_until_ready(process)
            path, store = _write(directory, ports, listen)
            yield DemoRun(path, store, ports, _control(ports), loaded_script, process)
        finally:
            await _stop(process)


def _lock_directory(directory: Path) -> Lock:
    """Lock the directory: a second demo would overwrite the portfolio of the first."""
    try:
        return Lock(directory / PORTFOLIO_FILE, SystemClock().now())
    except StoreHeldError as error:
        reason = str(error).partition(";")[0]
        raise NinewatchError(f"{reason}; stop that demo, or run this one in another folder") from error


def render(portfolio: str, ports: Mapping[str, int], store: Path, listen: str | None = None) -> str:
    """Return the shipped portfolio with actual ports, store and listen address."""
    actual_ports = {str(default): str(ports[name]) for name, default in modes.DEFAULT_PORTS.items()}
    rendered = re.sub(rf"(?<={re.escape(HOST)}:)\d+", lambda match: actual_ports.get(match[0], match[0]), portfolio)
    for key, value in (("store", str(store)), ("listen", listen)):
        if value is not None:
            # A JSON string is a valid YAML string; a backslash in it must not be read as a group reference.
            line = f"{key}: {json.dumps(value)}".replace("\\", r"\\")
            rendered = re.sub(rf"^{key}: .*$", line, rendered, flags=re.MULTILINE)
    # Public, because the data is synthetic and the user chose the address.
    return rendered if listen is None else f"{rendered}\naccess: public\n"


def control_url(directory: Path) -> str:
    """Return the base URL of `/_control` of the demo that runs, or ran last, in the directory.

    Raises:
        NinewatchError: no demo was started there.
    """
    try:
        return (directory / CONTROL_URL_FILE).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise NinewatchError(
            f"no demo was started in {directory}; start one with `ninewatch demo --directory {directory}`"
        ) from None


def _control(ports: Mapping[str, int]) -> str:
    return f"http://{HOST}:{ports[modes.CONTROL]}"


async def _start(script_name: str, base_port: int) -> Process:
    arguments = ["-m", "monitor.demo.products", "--with-parent", "--base-port", str(base_port), "--script", script_name]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=pipe, stdout=pipe, start_new_session=True
    )


async def _wait_until_ready(process: Process) -> Mapping[str, int]:
    """Return the ports from the readiness line on the products' standard output."""
    if process.stdout is None:
        raise RuntimeError("started without a pipe for its standard output")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT)
    except TimeoutError:
        raise NinewatchError(
            f"the demo's products are not ready after {_START_TIMEOUT:g} s; check the load of the machine"
        ) from None
    if not line:
        raise NinewatchError(
            f"the demo's products did not start ({_exit_text(await process.wait())}); see the lines above"
        )
    document: dict[str, Any] = json.loads(line)
    return {str(name): int(port) for name, port in document["ports"].items()}


def _exit_text(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _write(directory: Path, ports: Mapping[str, int], listen: str | None) -> tuple[Path, Path]:
    """Write the portfolio for these ports; return its path and its store."""
    path, store = directory / PORTFOLIO_FILE, directory.absolute() / "ninewatch.db"
    try:
        (directory / CONTROL_URL_FILE).write_text(f"{_control(ports)}\n", "utf-8")
        path.write_text(
            render(shipped_path("config", PORTFOLIO_FILE).read_text("utf-8"), ports, store, listen), "utf-8"
        )
    except OSError as error:
        raise NinewatchError(f"{path}: {error.strerror}; run the demo in a writable folder") from error
    return path, store


async def _stop(process: Process) -> None:
    """Close the pipe that the products watch, wait for their exit, and kill them after a timeout."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _EXIT_TIMEOUT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
