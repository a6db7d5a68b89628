"""The `browser` kind: a Playwright script in a Chromium of its own. Needs `make extras` and `--allow-exec`.

The script is Python, run in a process apart (`monitor.protocols.browser_process`): whoever may write it may run what he
likes as the daemon's user, which is why exec's flag holds for it too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.model import HttpUrl, Secret
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.base import Kind
from monitor.protocols.optional_library import require
from monitor.protocols.program import LocalFile, LocalFolder, RunningCheck, run
from monitor.vocabulary import ProbeResult
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe

_SHARE, _PICTURE = 0.8, 0.15  # of the time-out, for the script and for the picture: the rest is for the trace


class BrowserCheck(RunningCheck):
    """Good when the script's `run(page)` returns. Needs `--allow-exec`, `make extras` and Chromium."""

    kind: ClassVar[str] = "browser"
    runs: ClassVar[str] = "scripts"

    browser: LocalFile
    """A Python file with `def run(page)` (Playwright's synchronous API), which raises where something is amiss."""

    url: HttpUrl | None = None
    """Opened before the script begins. No detail shows the query of a URL."""

    keep: LocalFolder | None = None
    """A folder for the last failure's screenshot and trace, in a folder of the check's id. They show what the page
    showed. A trace holds all that was typed, so that none is kept where `env` holds a secret."""

    chromium: str = "/usr/bin/chromium"
    """The browser's program."""

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        require("playwright", "browser")
        return self


class RefusedBrowserCheck(BrowserCheck):
    """What a browser check is to a daemon that runs no scripts."""

    allowed: ClassVar[bool] = False


def prepare(check: BrowserCheck) -> Probe:
    """Return the probe that runs the script once."""
    task = {
        "script": str(check.browser),
        "url": check.url,
        "seconds": _SHARE * check.timeout / SECOND,
        "picture": _PICTURE * check.timeout / SECOND,
        "keep": str(check.keep.resolve() / check.id) if check.keep is not None else None,
        "trace": check.keep is not None and not any(isinstance(value, Secret) for value in check.env.values()),
        "chromium": check.chromium,
    }
    here = str(Path(__file__).resolve().parents[2])
    environment = {**check.environment(PYTHONPATH=here), "NINEWATCH_TASK": json.dumps(task)}
    words = (sys.executable, "-m", "monitor.protocols.browser_process")

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("transfer")
        code, said = await run(words, environment)
        frame.close()
        if (failure := _failure(code, said)) is not None:
            raise failure
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


def _failure(code: int, said: bytes) -> ProbeFailure | None:
    """Return the verdict of the script's process, None when the script returned."""
    try:
        verdict = json.loads(said)
        reason, detail = str(verdict["reason"]), str(verdict["detail"])
    except (ValueError, KeyError, TypeError):
        return ProbeFailure("browser_missing", f"the script's process ended with {code}", outcome=Outcome.UNKNOWN)
    if not reason:
        return None
    ours = reason == "browser_missing"
    return ProbeFailure(reason, quoted(detail, 250), outcome=Outcome.UNKNOWN if ours else Outcome.BAD)


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
        "browser_failed": "the script raised (no such locator, an expectation that did not hold) or called `sys.exit`",
        "browser_missing": "unknown: the browser does not start, or the script does not load",
        "browser_timeout": "the script did not return within four fifths of the time-out",
    },
)
