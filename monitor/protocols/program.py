"""Run a program without a shell, with a minimal environment, and kill its process group at the deadline.

Descendants that left the process group (`setsid`, daemons) are not killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import HeaderValue
from monitor.config.model import CheckBase, problem_at
from monitor.config.secret import reveal_all
from monitor.config.values import local_path
from monitor.network.failure import ProbeFailure, failure_of, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from asyncio.subprocess import Process

_MAX_OUTPUT = 65_536  # bytes; further output is read and discarded
_VARIABLE_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_KILL_SECONDS = 2.0  # time for a killed program to exit


def _script(value: Any, info: ValidationInfo) -> Path:
    path = local_path(value, info).resolve()
    if not path.is_file():
        remedy = "a relative path is relative to the configuration file that contains the key"
        raise ValueError(f"no script at {path}; {remedy}")
    return path


def _variable(value: str) -> str:
    if re.fullmatch(_VARIABLE_NAME, value) is None:
        raise ValueError("not a variable name; use letters, digits and _, with no digit first")
    return value


LocalFile = Annotated[Path, PlainValidator(_script), WithJsonSchema({"type": "string"})]
Variable = Annotated[
    str, AfterValidator(_variable), WithJsonSchema({"type": "string", "pattern": f"^{_VARIABLE_NAME}$"})
]
LocalFolder = Annotated[Path, PlainValidator(local_path), WithJsonSchema({"type": "string"})]


class ProgramCheck(CheckBase):
    """A check that runs a program of the user, which requires `--allow-exec`."""

    allowed: ClassVar[bool] = True
    runs: ClassVar[str] = "programs"

    @property
    def tightens(self) -> bool:
        """A program costs too much, and may write, so a drill does not run it more often."""
        return False

    env: dict[Variable, HeaderValue] = Field(default_factory=dict)
    """Environment variables in addition to PATH and LANG, texts or secrets. The daemon's are not inherited."""

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if not self.allowed:
            raise problem_at(self.kind, f"{self.runs} are not allowed; start the daemon with --allow-exec")
        return self

    def environment(self, **additional: str) -> dict[str, str]:
        """Return the complete environment, including secrets."""
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **additional, **reveal_all(self.env)}


async def run(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Return the exit code and the beginning of the output, without waiting for children that keep the output open.

    The process group is killed when the program exits and when the task is cancelled.

    Raises:
        ProbeFailure: `exec_missing`, unknown: the program cannot be started.
    """
    with _pipe() as (output, buffer):
        process = await _start(command, environment, output)
        try:
            code = await process.wait()
        finally:
            await _kill(process)
    return code, bytes(buffer)


async def _start(command: tuple[str, ...], environment: Mapping[str, str], output: int) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        reason = (error.strerror or "cannot be run").lower()
        raise ProbeFailure("exec_missing", f"{quoted(command[0])}: {reason}", outcome=Outcome.UNKNOWN) from None
    except OSError as error:
        raise ProbeFailure("exec_missing", failure_of(error).detail, outcome=Outcome.UNKNOWN) from None


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, bytearray]]:
    """Yield the write end of a pipe and a buffer for the output, which is complete at the end of the `with` block.

    asyncio's pipes are not used, because before Python 3.13 `wait` returns only after all writers have closed the pipe.
    """
    loop = asyncio.get_running_loop()
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(read_end, False)
    buffer = bytearray()

    def read_piece() -> bool:
        """Read available output; return False if there is none."""
        with contextlib.suppress(BlockingIOError):
            buffer.extend(os.read(read_end, _MAX_OUTPUT)[: _MAX_OUTPUT - len(buffer)])
            return True
        return False

    loop.add_reader(read_end, read_piece)
    try:
        yield write_end, buffer
        while len(buffer) < _MAX_OUTPUT and read_piece():
            pass
    finally:
        loop.remove_reader(read_end)
        os.close(read_end)
        os.close(write_end)


async def _kill(process: Process) -> None:
    """Kill the process group, including remaining children, and reap the program."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_KILL_SECONDS):
            await process.wait()
