"""docs/tutorial.md: each step does what it says, with the commands of the document on free ports."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.support.daemon_process import environment
from tests.support.processes import free_port, run_program, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/tutorial.md").read_text()
EXAMPLE = (ROOT / "examples/tutorial.yaml").read_text()


def documented(beginning: str) -> str:
    """Return the command of the document that begins with the text."""
    (command,) = re.findall(rf"^{re.escape(beginning)}.*$", DOCUMENT, re.MULTILINE)
    return str(command)


def arguments(command: str) -> list[str]:
    """Return the arguments with this Python in place of the programs."""
    program, *rest = shlex.split(command)
    return [sys.executable, *(["-m", "monitor"] if program == "ninewatch" else []), *rest]


def test_shown_configuration_is_the_example() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert yaml.safe_load(shown) == yaml.safe_load(EXAMPLE)


def test_broken_website_is_notified_and_its_repair_too(tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in ("8080", "8001", "9996")}
    (tmp_path / "examples").mkdir()
    config = re.sub(r":(8080|8001|9996)\b", lambda match: f":{ports[match[1]]}", EXAMPLE)
    (tmp_path / "examples/tutorial.yaml").write_text(config)
    variables = environment({"PYTHONPATH": str(ROOT)})

    def completed(command: str) -> tuple[int, str]:
        """Run a command of the document to its end, and return its exit status and output."""
        done = subprocess.run(
            arguments(command), cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    def start(stack: ExitStack, name: str, command: str, *more: str) -> Path:
        """Start a command of the document, and return the file with its output."""
        log = tmp_path / f"{name}.log"
        stack.enter_context(run_program(log, [*arguments(command), *more], env=variables, cwd=tmp_path))
        return log

    website = documented("python3 -m http.server").replace("8080", ports["8080"])
    with ExitStack() as stack:
        sink = start(
            stack, "sink", documented("ninewatch alert sink"), "--http-port", ports["8001"], "--smtp-port", "0"
        )
        wait_for("the sink", lambda: "receiving at" in sink.read_text())
        with ExitStack() as first:
            start(first, "website", website)
            assert completed(documented("ninewatch check-config"))[0] == 0
            start(stack, "daemon", documented("ninewatch run"))
            wait_for("the website to be up", lambda: completed(documented("ninewatch status"))[0] == 0)
        wait_for("the page", lambda: "opened" in sink.read_text())
        assert "connect_refused" in sink.read_text()
        status, output = completed(documented("ninewatch status"))
        assert (status, output.splitlines()[1].split()[0]) == (1, "down")
        assert "delivered" in completed(documented("ninewatch alert list"))[1]
        start(stack, "website-again", website)
        wait_for("the recovery", lambda: "resolved" in sink.read_text())
        assert "My website" in completed(documented("ninewatch report"))[1]
