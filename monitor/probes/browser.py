"""The `browser` kind: a Playwright script in its own Chromium. Requires `make extras` and `--allow-exec`.

The script is Python and runs in a separate process (`monitor.protocols.browser_process`). It has all permissions of the
daemon's user, so it requires the same flag as `exec`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.model import HttpUrl, Secret
from monitor.config.regex import Regex, RegexField
from monitor.network.failure import ProbeFailure, quoted
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.optional_library import require
from monitor.protocols.program import LocalFile, LocalFolder, ProgramCheck, run
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe

_UNKNOWN_REASONS = frozenset({"browser_missing", "browser_undecided"})
_SCRIPT_SHARE, _SCREENSHOT_SHARE = (
    0.8,
    0.15,
)  # of the timeout, for the script and the screenshot; the rest is for the trace


class BrowserCheck(ProgramCheck):
    """Good if the script's `run(page)` returns. Requires `--allow-exec`, `make extras` and Chromium."""

    kind: ClassVar[str] = "browser"
    runs: ClassVar[str] = "scripts"

    browser: LocalFile
    """A Python file with `def run(page)` (Playwright's synchronous API), which raises on a failure."""

    url: HttpUrl | None = None
    """A page to open before the script runs. The query of URLs is not shown in details."""

    keep: LocalFolder | None = None
    """A folder for screenshot and trace of the last failure, in a subfolder with the check's id as name. A trace
    contains all input, so it is not kept if `env` contains a secret."""

    unknown_text: RegexField | None = None
    """If this regular expression (RE2) matches the message of a failure, the outcome is unknown, for example for a
    rejected password of the check's own user."""

    chromium: str = "/usr/bin/chromium"
    """Path of the browser."""

    @model_validator(mode="after")
    def _playwright_is_installed(self) -> Self:
        require("playwright", "browser")
        return self


class DisabledBrowserCheck(BrowserCheck):
    """A browser check without `--allow-exec`, which fails validation."""

    allowed: ClassVar[bool] = False


def prepare(check: BrowserCheck) -> Probe:
    """Return the probe that runs the script once."""
    task = {
        "script": str(check.browser),
        "url": check.url,
        "seconds": _SCRIPT_SHARE * check.timeout / SECOND,
        "picture": _SCREENSHOT_SHARE * check.timeout / SECOND,
        "keep": str(check.keep.resolve() / check.id) if check.keep is not None else None,
        "trace": check.keep is not None and not any(isinstance(value, Secret) for value in check.env.values()),
        "chromium": check.chromium,
    }
    package_folder = str(Path(__file__).resolve().parents[2])
    environment = {**check.environment(PYTHONPATH=package_folder), "NINEWATCH_TASK": json.dumps(task)}
    command = (sys.executable, "-m", "monitor.protocols.browser_process")

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.enter("transfer")
        code, output = await run(command, environment)
        attempt.close()
        if (failure := _failure(code, output, check.unknown_text)) is not None:
            raise failure
        return ProbeResult(Outcome.GOOD, phases=attempt.phases)

    return probe


def _failure(code: int, output: bytes, unknown_text: Regex | None) -> ProbeFailure | None:
    """Return the failure that the script's process reported, None if the script returned."""
    try:
        verdict = json.loads(output)
        reason, detail = str(verdict["reason"]), str(verdict["detail"])
    except (ValueError, KeyError, TypeError):
        return ProbeFailure("browser_missing", f"the script's process exited with {code}", outcome=Outcome.UNKNOWN)
    if not reason:
        return None
    if reason == "browser_failed" and unknown_text is not None and unknown_text.search(detail):
        reason = "browser_undecided"
    outcome = Outcome.UNKNOWN if reason in _UNKNOWN_REASONS else Outcome.BAD
    return ProbeFailure(reason, quoted(detail, 250), outcome=outcome)


KIND = Kind(
    "browser",
    BrowserCheck,
    prepare,
    example="""\
id: log-in
browser: journeys/log_in.py
url: https://forms.example.org/app
keep: kept
interval: 5m
timeout: 1m
""",
    reasons={
        "browser_failed": "the script raised an exception or called `sys.exit`",
        "browser_missing": "unknown: the browser did not start, or the script cannot be loaded",
        "browser_undecided": "unknown: the script failed with a message that matches `unknown_text`",
        "browser_timeout": "the script did not return within 80 % of the timeout",
    },
)
