"""The README's example for Slack and e-mail, with `alert sink` in place of both."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.daemon_process import run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import run_program, wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "examples/alerting.yaml").read_text(encoding="utf-8")
RECEIVING = r"receiving at http://127\.0\.0\.1:(\d+)/ and by SMTP at 127\.0\.0\.1:(\d+)"
WORDS = r"503|expected 2xx|less than 0\.1 % of the budget"


def test_receivers_of_the_readme_are_those_of_the_example() -> None:
    (block,) = re.findall(r"```yaml\n(receivers:\n.*?)```", README, flags=re.DOTALL)
    assert block in EXAMPLE


def test_example_sends_outage_and_recovery_to_slack_and_by_mail(tmp_path: Path) -> None:
    """Only the ports and the address of the product differ from the example."""
    with ExitStack() as stack:
        target = HttpTarget()
        stack.enter_context(target.serving())
        command = [sys.executable, "-m", "monitor", "alert", "sink", "--http-port", "0", "--smtp-port", "0"]
        sink = stack.enter_context(run_program(tmp_path / "sink.log", command))
        ports = wait_for("the sink", lambda: re.search(RECEIVING, sink.log.read_text()))
        replacements = {
            "127.0.0.1:9997": "127.0.0.1:0",
            "var/alerting.db": f"{tmp_path}/record.db",
            "127.0.0.1:8001": f"127.0.0.1:{ports[1]}",
            "127.0.0.1:1025": f"127.0.0.1:{ports[2]}",
            "http://127.0.0.1:17604/app/api": target.url("/app/api"),
        }
        text = EXAMPLE
        for original, replacement in replacements.items():
            assert original in text
            text = text.replace(original, replacement)
        config = tmp_path / "alerting.yaml"
        config.write_text(text)
        for receiver in ("channel", "mail"):
            status, output, error = run_to_exit("alert", "test", receiver, "-c", config)
            assert status == 0, error
            assert output.startswith(f"{receiver}: delivered to ")
        stack.enter_context(running_daemon(config))
        target.status["/app/api"] = 503
        for text in ("[PAGE] forms is down", "[RESOLVED] forms is up again"):
            for head in ("--- POST /slack\n", "--- mail to ops@example.org: "):
                wait_for(f"{text} after {head}", lambda head=head, text=text: _arrived(sink.log, head, text))
            target.status.clear()
    assert {"503", "expected 2xx", "less than 0.1 % of the budget"} <= set(re.findall(WORDS, sink.log.read_text()))


def _arrived(log: Path, head: str, text: str) -> bool:
    """Return whether a message of this kind contains the text."""
    return any(
        text in message for message in re.split(r"^(?=--- )", log.read_text(), flags=re.MULTILINE) if head in message
    )
