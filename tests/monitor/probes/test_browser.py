"""The browser kind: the outcome of a script in Debian's Chromium, and the artifacts of a failure."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from monitor.config.regex import regex
from monitor.probes import browser
from monitor.probes.browser import DisabledBrowserCheck
from sla.observation import Outcome
from tests.support.addresses import closed_port
from tests.support.probing import attempt, load_check
from tests.support.processes import needs
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

PAGE = http_response(b"<title>Forms</title><h1>Welcome</h1>", Content_Type="text/html")

GOOD = "def run(page):\n    page.get_by_role('heading', name='Welcome').wait_for()\n"
SLOW = "def run(page):\n    while True:\n        page.wait_for_timeout(50)\n"
LOUD = GOOD + "    print('x' * 200_000)\n"
PARTING = "import atexit\n" + GOOD + "    atexit.register(print, 'bye')\n"
LEAVING = "import sys\ndef run(page):\n    sys.exit(1)\n"
STUBBORN = """
def run(page):
    while True:
        try:
            page.wait_for_timeout(50)
        except Exception:
            pass
"""
FAILING = "def run(page):\n    print('said')\n    assert page.title() == 'Elsewhere', page.title()\n"


@pytest.mark.slow
@pytest.mark.needs_chromium
@needs("chromium")
@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        (GOOD, Outcome.GOOD, ""),
        (FAILING, Outcome.BAD, "browser_failed"),
        (SLOW, Outcome.BAD, "browser_timeout"),
        (STUBBORN, Outcome.BAD, "browser_timeout"),
        (LOUD, Outcome.GOOD, ""),
        (PARTING, Outcome.GOOD, ""),
        (LEAVING, Outcome.BAD, "browser_failed"),
        ("raise SystemExit(1)", Outcome.UNKNOWN, "browser_missing"),
        ("1 / 0", Outcome.UNKNOWN, "browser_missing"),
        ("def ran(page): pass", Outcome.UNKNOWN, "browser_missing"),
    ],
)
async def test_outcome_is_that_of_the_script(script: str, outcome: Outcome, reason: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(script)
    async with serve_tcp(respond_with(PAGE)) as port:
        check_keys = {
            "browser": str(tmp_path / "script.py"),
            "url": f"http://127.0.0.1:{port}/",
            "keep": str(tmp_path / "k"),
        }
        seconds = 5 if reason == "browser_timeout" else 60
        result = (await attempt({**check_keys, "timeout": f"{seconds}s"}, seconds + 20)).result
    assert (result.outcome, result.reason) == (outcome, reason), result.detail
    profile = tmp_path / "k" / "check"
    assert profile.exists() is (outcome is Outcome.BAD)
    if reason == "browser_failed":  # after a timeout there is little time left for the screenshot
        assert (profile / "screenshot.png").read_bytes().startswith(b"\x89PNG")
        assert zipfile.is_zipfile(profile / "trace.zip")


@pytest.mark.slow
@pytest.mark.needs_chromium
@needs("chromium")
async def test_details_and_traces_contain_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Details contain no query, because it may be a secret that is not declared. A trace would contain typed text."""
    monkeypatch.setenv("PASSWORD", "hunter2-canary")
    (tmp_path / "script.py").write_text(GOOD)
    check_keys = {
        "browser": str(tmp_path / "script.py"),
        "url": f"http://127.0.0.1:{closed_port()}/log-in?key=canary",
        "keep": str(tmp_path / "k"),
        "env": {"PASSWORD": {"env": "PASSWORD"}},
        "timeout": "60s",
    }
    result = (await attempt(check_keys, 80)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "browser_failed")
    assert "/log-in" in result.detail
    assert "canary" not in result.detail
    assert [path.name for path in (tmp_path / "k" / "check").iterdir()] == ["screenshot.png"]


@pytest.mark.parametrize(
    ("unknown_text", "outcome", "reason"),
    [
        (None, Outcome.BAD, "browser_failed"),
        ("^Assertion.*refused", Outcome.UNKNOWN, "browser_undecided"),
        ("elsewhere", Outcome.BAD, "browser_failed"),
    ],
)
def test_failure_with_a_matching_message_is_unknown(unknown_text: str | None, outcome: Outcome, reason: str) -> None:
    output = b'{"reason": "browser_failed", "detail": "AssertionError: the account was refused"}'
    failure = browser._failure(0, output, None if unknown_text is None else regex(unknown_text))
    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.slow
@pytest.mark.needs_chromium
async def test_missing_browser_gives_unknown(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(GOOD)
    check_keys: dict[str, Any] = {"browser": str(tmp_path / "script.py"), "chromium": "/nowhere/chromium"}
    result = (await attempt(check_keys, 30)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "browser_missing")


def test_missing_or_forbidden_script_is_rejected(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    with pytest.raises(ValidationError, match="no script"):
        load_check({"browser": str(script)})
    script.write_text(GOOD)
    with pytest.raises(ValidationError, match="--allow-exec"):
        DisabledBrowserCheck.model_validate({"id": "b", "browser": str(script)})
