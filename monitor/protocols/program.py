"""Running a program apart: no shell, hardly an environment, killed at the deadline with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import HeaderValue
from monitor.config.model import CheckBase, Secret, problem_at
from monitor.config.values import local_path
from monitor.network.failure import ProbeFailure, failure_of, quoted
from sla.observation import Outcome

if TYPE_CHECKING:
    from asyncio.subprocess import Process

_LIMIT = 65_536  # bytes of output that are read; a program that says more is not held up by it
_GRACE = 2.0  # seconds to wait for a killed program, whose descendants may hold its output open


def _script(value: Any, info: ValidationInfo) -> Path:
    path = local_path(value, info).resolve()
    if not path.is_file():
        raise ValueError(f"there is no script at {path}; a relative path starts at this file")
    return path


LocalFile = Annotated[Path, PlainValidator(_script), WithJsonSchema({"type": "string"})]
LocalFolder = Annotated[Path, PlainValidator(local_path), WithJsonSchema({"type": "string"})]


class RunningCheck(CheckBase):
    """A check that runs something of the user's, which the daemon must be told to allow."""

    allowed: ClassVar[bool] = True
    runs: ClassVar[str] = "programs"

    env: dict[str, HeaderValue] = Field(default_factory=dict)
    """Its environment, besides PATH and LANG: text, or secrets. Nothing of the daemon's is passed on."""

    @model_validator(mode="after")
    def _may_be_run(self) -> Self:
        if not self.allowed:
            raise problem_at(self.kind, f"{self.runs} are not run unless the daemon is started with --allow-exec")
        return self

    def environment(self, **more: str) -> dict[str, str]:
        """Return the whole environment, secrets revealed."""
        own = {name: value.reveal() if isinstance(value, Secret) else value for name, value in self.env.items()}
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **more, **own}


async def run(words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Return exit code and the beginning of the output. When cancelled, kill the program and all that it started.

    Raises:
        ProbeFailure: `exec_missing`, unknown: it cannot be run.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
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
    try:
        said = await _beginning(process)
        return await process.wait(), said
    finally:
        await _end(process)


async def _beginning(process: Process) -> bytes:
    said = b""
    assert process.stdout is not None, "asked for as a pipe"  # noqa: S101 - for the type checker
    while data := await process.stdout.read(_LIMIT):
        said = (said + data)[:_LIMIT]
    return said


async def _end(process: Process) -> None:
    """Kill the whole group, also what the program left behind, and take its end."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
