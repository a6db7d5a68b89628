"""The `browser` kind: a Playwright script in a Chromium of its own. Needs the extra `browser`, and `--allow-exec`.

The script is Python, run in a process apart (`monitor.probes.browser_run`): whoever may write it may run what he likes
as the daemon's user, which is why exec's flag holds for it too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.addresses import HeaderValue
from monitor.config.model import CheckBase, HttpUrl, Secret, problem_at
from monitor.config.values import local_path
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.database import installed
from monitor.probes.exec import run
from monitor.probes.failure import ProbeFailure, quoted
from monitor.vocabulary import ProbeResult
from sla.interval import SECOND
from sla.observation import Outcome

_SHARE = 0.8  # of the time-out: the rest is for the picture and the trace


def _script(value: Any, info: ValidationInfo) -> Path:
    path = local_path(value, info).resolve()
    if not path.is_file():
        raise ValueError(f"there is no script at {path}; a relative path starts at this file")
    return path


LocalFile = Annotated[Path, PlainValidator(_script), WithJsonSchema({"type": "string"})]
LocalFolder = Annotated[Path, PlainValidator(local_path), WithJsonSchema({"type": "string"})]


class BrowserCheck(CheckBase):
    """Good when the script's `run(page)` returns. Needs `--allow-exec`."""

    kind: ClassVar[str] = "browser"
    allowed: ClassVar[bool] = True

    browser: LocalFile
    """A Python file with `def run(page)` (Playwright's synchronous API), which raises where something is amiss."""

    url: HttpUrl | None = None
    """Opened before the script begins."""

    env: dict[str, HeaderValue] = Field(default_factory=dict)
    """The script's environment: text, or secrets."""

    keep: LocalFolder | None = None
    """A folder for the last failure's screenshot and trace, in a folder of the check's id. They show what the page
    showed."""

    chromium: str = "/usr/bin/chromium"
    """The browser's program."""

    @model_validator(mode="after")
    def _may_be_run(self) -> Self:
        if not self.allowed:
            raise problem_at("browser", "scripts are not run unless the daemon is started with --allow-exec")
        installed("playwright", "browser")
        return self


class RefusedBrowserCheck(BrowserCheck):
    """What a browser check is to a daemon that runs no scripts."""

    allowed: ClassVar[bool] = False


def prepare(check: BrowserCheck) -> Probe:
    """Return the probe that runs the script once."""
    revealed = {name: value.reveal() if isinstance(value, Secret) else value for name, value in check.env.items()}
    package = str(Path(__file__).resolve().parents[2])
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": package, **revealed}
    task = {
        "script": str(check.browser),
        "url": check.url,
        "seconds": _SHARE * check.timeout / SECOND,
        "keep": str(check.keep.resolve() / check.id) if check.keep is not None else None,
        "chromium": check.chromium,
    }
    words = (sys.executable, "-m", "monitor.probes.browser_run", json.dumps(task))

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("transfer")
        code, said = await run(words, environment)
        frame.close()
        if (failure := _failure(code, said)) is not None:
            raise failure
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


def _failure(code: int, said: bytes) -> ProbeFailure | None:
    """Return what the process says in its last line, None when the script returned."""
    try:
        last = json.loads(said.decode(errors="replace").strip().splitlines()[-1])
        reason, detail = str(last["reason"]), str(last["detail"])
    except (ValueError, KeyError, TypeError, IndexError):
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
        "browser_failed": "the script raised: a locator was not found, an expectation did not hold",
        "browser_missing": "unknown: the browser does not start, or the script does not load",
        "browser_timeout": "the script did not return within four fifths of the time-out",
    },
)
