"""Running a program apart: no shell, hardly an environment, killed at the deadline with its process group.

A descendant that left the group (`setsid`, a daemon) is not ended: it was started to outlive the program, and the only
way to hold it would be to become the parent of every orphan of the daemon's.
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
from monitor.config.secret import revealed
from monitor.config.values import local_path
from monitor.network.failure import ProbeFailure, failure_of, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from asyncio.subprocess import Process

_LIMIT = 65_536  # bytes of output that are read; a program that says more is not held up by it
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_GRACE = 2.0  # seconds to wait for a killed program, which the kernel may hold


def _script(value: Any, info: ValidationInfo) -> Path:
    path = local_path(value, info).resolve()
    if not path.is_file():
        raise ValueError(f"there is no script at {path}; a relative path starts at this file")
    return path


def _variable(value: str) -> str:
    if re.fullmatch(_NAME, value) is None:
        raise ValueError("is no name of a variable; use letters, digits and _, with no digit first")
    return value


LocalFile = Annotated[Path, PlainValidator(_script), WithJsonSchema({"type": "string"})]
Variable = Annotated[str, AfterValidator(_variable), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
LocalFolder = Annotated[Path, PlainValidator(local_path), WithJsonSchema({"type": "string"})]


class RunningCheck(CheckBase):
    """A check that runs something of the user's, which the daemon must be told to allow."""

    allowed: ClassVar[bool] = True
    runs: ClassVar[str] = "programs"

    env: dict[Variable, HeaderValue] = Field(default_factory=dict)
    """Its environment, besides PATH and LANG: text, or secrets. Nothing of the daemon's is passed on."""

    @model_validator(mode="after")
    def _may_be_run(self) -> Self:
        if not self.allowed:
            raise problem_at(self.kind, f"{self.runs} are not run unless the daemon is started with --allow-exec")
        return self

    def environment(self, **more: str) -> dict[str, str]:
        """Return the whole environment, secrets revealed."""
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **more, **revealed(self.env)}


async def run(words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Return exit code and the beginning of the output; whoever else holds the output open is not waited for.

    When the program ends, and when this is cancelled, its process group is killed.

    Raises:
        ProbeFailure: `exec_missing`, unknown: it cannot be run.
    """
    with _pipe() as (output, said):
        process = await _started(words, environment, output)
        try:
            code = await process.wait()
        finally:
            await _end(process)
    return code, bytes(said)


async def _started(words: tuple[str, ...], environment: Mapping[str, str], output: int) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        reason = (error.strerror or "cannot be run").lower()
        raise ProbeFailure("exec_missing", f"{quoted(words[0])}: {reason}", outcome=Outcome.UNKNOWN) from None
    except OSError as error:
        raise ProbeFailure("exec_missing", failure_of(error).detail, outcome=Outcome.UNKNOWN) from None


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, bytearray]]:
    """Give a pipe's end to write to, and what has come of it: its beginning is whole when the block is left.

    A pipe of our own: before Python 3.13, asyncio takes a program for running until all have closed one of its pipes.
    """
    loop = asyncio.get_running_loop()
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(ours, False)
    said = bytearray()

    def take() -> bool:
        """Take the next piece; false if there is none yet."""
        with contextlib.suppress(BlockingIOError):
            said.extend(os.read(ours, _LIMIT)[: _LIMIT - len(said)])
            return True
        return False

    loop.add_reader(ours, take)
    try:
        yield theirs, said
        while len(said) < _LIMIT and take():
            pass
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


async def _end(process: Process) -> None:
    """Kill the whole group, also what the program left behind, and take its end."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
