"""The process that a browser check's script runs in: `python -m monitor.protocols.browser_process`.

The task is JSON in the environment, not among the arguments, which everybody on the machine may read.
Its output is JSON: {"reason": "", "detail": ""} when the script returned. What the script prints goes nowhere, so that
it can neither bury the verdict nor pass for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


_QUERY = re.compile(r"(https?://[^\s?#]*)[?#][^\s\"'<>]*")  # of a URL, which may hold a key
_PAUSE = 0.05  # seconds between two tries at a picture
_AGAIN = 0.5  # seconds until the end is said once more to a script, or an event loop, that caught it


class _TimeIsUp(BaseException):
    """The script's share of the time-out is over; no Exception, which a script may catch and go on."""


def main(task: dict[str, Any]) -> tuple[str, str]:
    """Run the task; return the reason and the detail of its failure, both empty when the script returned."""
    from playwright.sync_api import Error, sync_playwright

    try:
        script = runpy.run_path(task["script"])["run"]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is somebody else's file
        return "browser_missing", f"the script does not load: {type(error).__name__}: {error}"
    options = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to be root with its sandbox
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=task["chromium"], args=options)
        except Error as error:
            return "browser_missing", error.message.splitlines()[0]
        with contextlib.closing(browser):
            context = browser.new_context()
            if task["trace"]:
                context.tracing.start(screenshots=True, snapshots=True)
            return _run(script, context, task)


def _run(script: Any, context: BrowserContext, task: dict[str, Any]) -> tuple[str, str]:
    page = context.new_page()
    page.set_default_timeout(1000 * task["seconds"])
    signal.signal(signal.SIGALRM, _expire)
    signal.setitimer(signal.ITIMER_REAL, task["seconds"], _AGAIN)
    try:
        if task["url"] is not None:
            page.goto(task["url"])
        script(page)
    except BaseException as error:  # noqa: BLE001 - whatever the script raises is its verdict, sys.exit included
        signal.setitimer(signal.ITIMER_REAL, 0)
        reason = "browser_timeout" if isinstance(error, _TimeIsUp) else "browser_failed"
        said = _QUERY.sub(r"\1", " ".join(str(error).split()))[:250]
        _keep(page, context, task)
        return reason, f"{type(error).__name__.lstrip('_')}: {said}"
    signal.setitimer(signal.ITIMER_REAL, 0)
    return "", ""


def _expire(*_: object) -> None:
    raise _TimeIsUp("the script did not return in time")


def _keep(page: Page, context: BrowserContext, task: dict[str, Any]) -> None:
    """Write the screenshot and the trace of a failure over those of the one before."""
    if task["keep"] is None:
        return
    folder = Path(task["keep"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _photograph(page, folder / "screenshot.png", task["picture"])
    if task["trace"]:
        with contextlib.suppress(Exception):
            context.tracing.stop(path=folder / "trace.zip")


def _photograph(page: Page, path: Path, seconds: float) -> None:
    """Take the picture, again and again if need be: while a page gives way to Chromium's error page, there is none."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not page.is_closed():
        with contextlib.suppress(Exception):
            page.screenshot(path=path, timeout=1000 * left)
            return
        time.sleep(_PAUSE)


def _aside() -> TextIO:
    """Return where standard output went to, which from now on leads nowhere, also for what the script starts."""
    verdict, nowhere = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return verdict


if __name__ == "__main__":
    with _aside() as verdict:
        reason, detail = main(json.loads(os.environ.pop("NINEWATCH_TASK")))
        json.dump({"reason": reason, "detail": detail}, verdict)
