"""The `exec` kind: a program of yours, run apart: no shell, hardly an environment, killed at the deadline.

Off unless the daemon is started with --allow-exec: whoever may write the configuration may otherwise run programs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.config.addresses import HeaderValue
from monitor.config.expect import RegexField
from monitor.config.model import CheckBase, Secret, problem_at
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, failure_of, quoted
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from asyncio.subprocess import Process

_LIMIT = 65_536  # bytes of output that are read; a program that says more is not held up by it
_PATH = "/usr/local/bin:/usr/bin:/bin"
_GRACE = 2.0  # seconds to wait for a killed program, whose descendants may hold its output open


def _word(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a NUL, which no argument can")
    return value


Word = Annotated[str, Field(max_length=4_096), AfterValidator(_word)]
ExitCode = Annotated[int, Field(ge=1, le=255, strict=True)]


class ExecCheck(CheckBase):
    """Good when the program ends with exit code 0. Needs `--allow-exec`."""

    kind: ClassVar[str] = "exec"
    allowed: ClassVar[bool] = True

    exec: Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]
    """The program, by its absolute path, and its arguments: `[/opt/check, --host, a]`. There is no shell in between."""

    env: dict[str, HeaderValue] = Field(default_factory=dict)
    """Its environment, besides PATH and LANG: text, or secrets. Nothing of the daemon's is passed on."""

    expect: RegexField | None = None
    """A regular expression (RE2) that must occur in what it writes to standard output."""

    unknown_codes: tuple[ExitCode, ...] = ()
    """Exit codes that say nothing of the target, such as a Nagios plug-in's 3."""

    @property
    def target(self) -> str:
        """The program, without its arguments."""
        return self.exec[0]

    @model_validator(mode="after")
    def _may_be_run(self) -> Self:
        if not self.allowed:
            raise problem_at("exec", "programs are not run unless the daemon is started with --allow-exec")
        if not Path(self.exec[0]).is_absolute():
            raise problem_at("exec", "write the program's absolute path")
        return self


class RefusedExecCheck(ExecCheck):
    """What an exec check is to a daemon that runs no programs."""

    allowed: ClassVar[bool] = False


def prepare(check: ExecCheck) -> Probe:
    """Return the probe that runs the program once."""
    revealed = {name: value.reveal() if isinstance(value, Secret) else value for name, value in check.env.items()}
    environment = {"PATH": _PATH, "LANG": "C.UTF-8", **revealed}

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("first_byte")
        code, said = await run(check.exec, environment)
        frame.close()
        last = quoted((said.decode(errors="replace").strip().splitlines() or [""])[0], 200)
        if code in check.unknown_codes:
            raise ProbeFailure("exec_undecided", f"exit code {code}: {last}", outcome=Outcome.UNKNOWN, status=code)
        if code:
            how = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
            raise ProbeFailure("exec_failed", f"{how}: {last}", status=code)
        if check.expect is not None and not check.expect.search(said):
            raise ProbeFailure("answer_mismatch", f"{last}, expected {quoted(check.expect.text)}")
        return ProbeResult(Outcome.GOOD, "", code, frame.phases)

    return probe


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


KIND = Kind(
    "exec",
    ExecCheck,
    prepare,
    example="""\
id: plug-in
exec: [/usr/lib/nagios/plugins/check_load, -w, "8", -c, "16"]
unknown_codes: [3]
""",
    reasons={
        "answer_mismatch": "it ended well, and its output is not what is expected",
        "exec_failed": "it ended with an exit code other than 0, which is the status, or was killed",
        "exec_missing": "unknown: the program cannot be run",
        "exec_undecided": "unknown: the exit code is one of `unknown_codes`",
    },
)
