"""The `exec` kind: a program of yours, run apart: no shell, hardly an environment, its process group killed at the end.

Off unless the daemon is started with --allow-exec: whoever may write the configuration may otherwise run programs.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.config.expect import RegexField
from monitor.config.model import problem_at
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.base import Kind
from monitor.protocols.program import RunningCheck, run
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe


_LONGEST_WORD = 131_071  # bytes: Linux' MAX_ARG_STRLEN without the closing NUL


def _word(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a NUL, which no argument can")
    if len(value.encode()) > _LONGEST_WORD:
        raise ValueError(f"is longer than {_LONGEST_WORD} bytes, which no argument can be")
    return value


Word = Annotated[str, AfterValidator(_word)]
ExitCode = Annotated[int, Field(ge=1, le=255, strict=True)]


class ExecCheck(RunningCheck):
    """Good when the program ends with exit code 0. Needs `--allow-exec`."""

    kind: ClassVar[str] = "exec"

    exec: Annotated[tuple[Word, ...], Field(min_length=1)]
    """The program, by its absolute path, and its arguments: `[/opt/check, --host, a]`. There is no shell in between."""

    expect: RegexField | None = None
    """A regular expression (RE2) that must occur in what it writes to standard output."""

    unknown_codes: tuple[ExitCode, ...] = ()
    """Exit codes that say nothing of the target, such as a Nagios plug-in's 3."""

    @property
    def target(self) -> str:
        """The program, without its arguments."""
        return self.exec[0]

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not Path(self.exec[0]).is_absolute():
            raise problem_at("exec", "write the program's absolute path")
        return self


class RefusedExecCheck(ExecCheck):
    """What an exec check is to a daemon that runs no programs."""

    allowed: ClassVar[bool] = False


def prepare(check: ExecCheck) -> Probe:
    """Return the probe that runs the program once."""
    environment = check.environment()

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("first_byte")
        code, said = await run(check.exec, environment)
        frame.close()
        first = quoted((said.decode(errors="replace").strip().splitlines() or [""])[0], 200)
        if code in check.unknown_codes:
            raise ProbeFailure("exec_undecided", f"exit code {code}: {first}", outcome=Outcome.UNKNOWN, status=code)
        if code:
            how = f"exit code {code}" if code > 0 else f"killed by {_signal(-code)}"
            raise ProbeFailure("exec_failed", f"{how}: {first}", status=code)
        if check.expect is not None and not check.expect.search(said):
            raise ProbeFailure("answer_mismatch", f"{first}, expected {quoted(check.expect.text)}")
        return ProbeResult(Outcome.GOOD, "", code, frame.phases)

    return probe


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
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
        "answer_mismatch": "it ended well, and its output is not what is expected",
        "exec_failed": "it ended with an exit code other than 0, which is the status, or was killed",
        "exec_missing": "unknown: the program cannot be run",
        "exec_undecided": "unknown: the exit code is one of `unknown_codes`",
    },
)
