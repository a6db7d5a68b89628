"""The process that a browser check's script runs in: `python -m monitor.protocols.browser_run TASK`, which is JSON.

Its last line of output is JSON: {"reason": "", "detail": ""} when the script returned. `T20`: that line is its product.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


class _TimeIsUp(Exception):  # noqa: N818 - it is the script that ends, not we
    """The script's share of the time-out is over."""


def main(task: dict[str, Any]) -> tuple[str, str]:
    """Run the task; return the reason and the detail of its failure, both empty when the script returned."""
    from playwright.sync_api import Error, sync_playwright

    try:
        script = runpy.run_path(task["script"])["run"]
    except Exception as error:  # noqa: BLE001 - it is somebody else's file
        return "browser_missing", f"the script does not load: {type(error).__name__}: {error}"
    options = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to be root with its sandbox
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=task["chromium"], args=options)
        except Error as error:
            return "browser_missing", error.message.splitlines()[0]
        with contextlib.closing(browser):
            context = browser.new_context()
            context.tracing.start(screenshots=True, snapshots=True)
            return _run(script, context, task)


def _run(script: Any, context: BrowserContext, task: dict[str, Any]) -> tuple[str, str]:
    page = context.new_page()
    page.set_default_timeout(1000 * task["seconds"])
    signal.signal(signal.SIGALRM, _expire)
    signal.setitimer(signal.ITIMER_REAL, task["seconds"])
    try:
        if task["url"] is not None:
            page.goto(task["url"])
        script(page)
    except Exception as error:  # noqa: BLE001 - whatever the script raises is its verdict
        reason = "browser_timeout" if isinstance(error, _TimeIsUp) else "browser_failed"
        said = " ".join(str(error).split())[:250]
        detail = f"{type(error).__name__}: {said}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        _keep(page, context, task["keep"])
        return reason, detail
    signal.setitimer(signal.ITIMER_REAL, 0)
    return "", ""


def _expire(*_: object) -> None:
    raise _TimeIsUp("the script did not return in time")


def _keep(page: Page, context: BrowserContext, where: str | None) -> None:
    """Write the screenshot and the trace of a failure over those of the one before."""
    if where is None:
        return
    folder = Path(where)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(Exception):
        page.screenshot(path=folder / "screenshot.png", timeout=2_000)
    with contextlib.suppress(Exception):
        context.tracing.stop(path=folder / "trace.zip")


if __name__ == "__main__":
    reason, detail = main(json.loads(sys.argv[1]))
    sys.stdout.write("\n" + json.dumps({"reason": reason, "detail": detail}) + "\n")
