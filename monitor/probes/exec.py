"""The `exec` kind: run a program without a shell, with a minimal environment. Its process group is killed at the end.

It requires --allow-exec, because otherwise everyone with write access to the configuration could run programs.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.config.expect import RegexField
from monitor.config.model import problem_at
from monitor.network.failure import ProbeFailure, quoted
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.program import ProgramCheck, run
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe


_MAX_ARGUMENT_BYTES = 131_071  # bytes: Linux' MAX_ARG_STRLEN without the closing NUL


def _argument(value: str) -> str:
    if "\0" in value:
        raise ValueError("contains a NUL character, which is not allowed in an argument")
    if len(value.encode()) > _MAX_ARGUMENT_BYTES:
        raise ValueError(f"is longer than {_MAX_ARGUMENT_BYTES} bytes, the maximum of an argument")
    return value


Argument = Annotated[str, AfterValidator(_argument)]
ExitCode = Annotated[int, Field(ge=1, le=255, strict=True)]


class ExecCheck(ProgramCheck):
    """Good if the program exits with code 0. Requires `--allow-exec`."""

    kind: ClassVar[str] = "exec"

    exec: Annotated[tuple[Argument, ...], Field(min_length=1)]
    """The program's absolute path and its arguments: `[/opt/check, --host, a]`. No shell is involved."""

    expect: RegexField | None = None
    """A regular expression (RE2) that must match in the standard output."""

    unknown_codes: tuple[ExitCode, ...] = ()
    """Exit codes with outcome unknown, such as 3 of a Nagios plug-in."""

    @property
    def target(self) -> str:
        """The program, without its arguments."""
        return self.exec[0]

    @model_validator(mode="after")
    def _program_is_absolute(self) -> Self:
        if not Path(self.exec[0]).is_absolute():
            raise problem_at("exec", "must start with the absolute path of the program")
        return self


class DisabledExecCheck(ExecCheck):
    """An exec check without `--allow-exec`, which fails validation."""

    allowed: ClassVar[bool] = False


def prepare(check: ExecCheck) -> Probe:
    """Return the probe that runs the program once."""
    environment = check.environment()

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.enter("first_byte")
        code, output = await run(check.exec, environment)
        attempt.close()
        first_line = quoted((output.decode(errors="replace").strip().splitlines() or [""])[0], 200)
        if code in check.unknown_codes:
            raise ProbeFailure(
                "exec_undecided", f"exit code {code}: {first_line}", outcome=Outcome.UNKNOWN, status=code
            )
        if code:
            exit_text = f"exit code {code}" if code > 0 else f"killed by {_signal(-code)}"
            raise ProbeFailure("exec_failed", f"{exit_text}: {first_line}", status=code)
        if check.expect is not None and not check.expect.search(output):
            raise ProbeFailure("answer_mismatch", f"{first_line}, expected {quoted(check.expect.text)}")
        return ProbeResult(Outcome.GOOD, "", code, attempt.phases)

    return probe


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals do not have a name
        return f"signal {number}"


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
        "answer_mismatch": "exit code 0, but unexpected output",
        "exec_failed": "exit code other than 0 (recorded as the status), or killed by a signal",
        "exec_missing": "unknown: the program cannot be started",
        "exec_undecided": "unknown: the exit code is one of `unknown_codes`",
    },
)
