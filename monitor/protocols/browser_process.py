"""Run the script of a browser check in a separate process: `python -m monitor.protocols.browser_process`.

The task is passed as JSON in the environment, because every user of the machine can read arguments. The result is
printed as JSON: {"reason": "", "detail": ""} if the script returned. The script's own output is discarded, so that it
cannot alter the result.
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


_QUERY = re.compile(r"(https?://[^\s?#]*)[?#][^\s\"'<>]*")  # the query of a URL may contain a credential
_RETRY_PAUSE = 0.05  # seconds between attempts to take the screenshot
_SIGNAL_INTERVAL = 0.5  # seconds between timeout signals, because the script or an event loop may catch the first one


class _ScriptTimeout(BaseException):
    """The script did not return in time. Not an Exception, because scripts may catch every Exception."""


def main(task: dict[str, Any]) -> tuple[str, str]:
    """Run the task, and return reason and detail of the failure; both are empty if the script returned."""
    from playwright.sync_api import Error, sync_playwright

    try:
        script = runpy.run_path(task["script"])["run"]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's file
        return "browser_missing", f"the script cannot be loaded: {type(error).__name__}: {error}"
    options = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium does not run as root with its sandbox
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
    signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, task["seconds"], _SIGNAL_INTERVAL)
    try:
        if task["url"] is not None:
            page.goto(task["url"])
        script(page)
    except BaseException as error:  # noqa: BLE001 - any exception is a failure, including sys.exit
        signal.setitimer(signal.ITIMER_REAL, 0)
        reason = "browser_timeout" if isinstance(error, _ScriptTimeout) else "browser_failed"
        message = _QUERY.sub(r"\1", " ".join(str(error).split()))[:250]
        _save_failure(page, context, task)
        return reason, f"{type(error).__name__.lstrip('_')}: {message}"
    signal.setitimer(signal.ITIMER_REAL, 0)
    return "", ""


def _raise_timeout(*_: object) -> None:
    raise _ScriptTimeout("the script did not return in time")


def _save_failure(page: Page, context: BrowserContext, task: dict[str, Any]) -> None:
    """Write screenshot and trace of a failure. They replace those of the previous failure."""
    if task["keep"] is None:
        return
    folder = Path(task["keep"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _take_screenshot(page, folder / "screenshot.png", task["picture"])
    if task["trace"]:
        with contextlib.suppress(Exception):
            context.tracing.stop(path=folder / "trace.zip")


def _take_screenshot(page: Page, path: Path, seconds: float) -> None:
    """Take the screenshot, with retries, because it fails while Chromium replaces the page with an error page."""
    end = time.monotonic() + seconds
    while (time_left := end - time.monotonic()) > 0 and not page.is_closed():
        with contextlib.suppress(Exception):
            page.screenshot(path=path, timeout=1000 * time_left)
            return
        time.sleep(_RETRY_PAUSE)


def _redirect_stdout() -> TextIO:
    """Return the original standard output, and redirect it to /dev/null for the script and its children."""
    stdout, null = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return stdout


if __name__ == "__main__":
    with _redirect_stdout() as stdout:
        reason, detail = main(json.loads(os.environ.pop("NINEWATCH_TASK")))
        json.dump({"reason": reason, "detail": detail}, stdout)
