"""The documented requests that mark a deployment, from GitHub Actions and Argo CD, are accepted by a running daemon."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from monitor.clock import SystemClock
from sla.window import format_instant
from tests.integration.test_write_access import create_token
from tests.support.daemon_process import environment, run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import needs, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.daemon_process import DaemonProcess

DOCUMENT = (Path(__file__).parents[2] / "docs" / "readiness.md").read_text("utf-8")
DOCUMENTED_ADDRESS = "https://ninewatch.example.org"
VALUES = {  # of the contexts `github` and `secrets`, and of an Argo CD application
    "github.sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    "github.server_url": "https://github.com",
    "github.repository": "bcgov/forms",
    "github.run_id": "1658821493",
    ".app.status.operationState.syncResult.revision": "9f1c2ab0c1d9f4b2c6c6f1a2b8f2e4d0a7b1c3d5",
}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Run a daemon with the product of the document."""
    with HttpTarget().serving() as target:
        config = tmp_path / "ninewatch.yaml"
        config.write_text(
            f"listen: 127.0.0.1:0\nstore: {tmp_path / 'n.db'}\nproducts:\n  - id: forms\n    objective: 99.9%\n"
            "    readiness: {checklist: five-nines, deployments: 1, settle: 1s}\n    checks:\n"
            f'      - {{id: health, http: "{target.url("/health")}", interval: 1s, timeout: 1s, hold: 60s}}\n'
        )
        with running_daemon(config) as running:
            # Time before the first two probes is no certain uptime.
            wait_for("certain uptime", lambda: running.api("/products/forms/availability")["up_seconds"] > 0)
            yield running


def documented(first_line: str) -> Any:
    """Return the content of the document's code block that begins with a line, a YAML text."""
    (text,) = re.findall(rf"^```text\n({re.escape(first_line)}.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(text)


def filled(template: str, token: str) -> str:
    """Return the text with the values of its expressions, as the pipeline inserts them."""
    values = VALUES | {"secrets.NINEWATCH_TOKEN": token}
    return re.sub(r"\$?\{\{ ?(\S+?) ?\}\}", lambda match: values[match[1]], template)


def is_met(daemon: DaemonProcess) -> bool:
    """Return whether the marked deployment meets the item: its settling time was without downtime."""
    items = daemon.api("/products/forms/readiness")["items"]
    item = next(item for item in items if item["id"] == "zero-downtime-deployment")
    return (item["state"], *(evidence["detail"] for evidence in item["evidence"])) == (
        "met",
        "1 of the last 1 deployments without downtime",
    )


@pytest.mark.slow
@needs("sh", "curl")
def test_step_of_github_actions_marks_a_deployment(daemon: DaemonProcess) -> None:
    token = create_token(daemon.config, "actions", "--scope", "facts:write", "--product", "forms")
    (step,) = documented("- run: |")
    script = filled(step["run"], token).replace(DOCUMENTED_ADDRESS, daemon.address)
    command = ["sh", "-e", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["product"], json.loads(done.stdout)["by"]) == ("forms", "actions")
    version = VALUES["github.sha"]
    wait_for("the evidence", lambda: is_met(daemon))
    assert f" {version} (actions)" in run_to_exit("deploy", "list", "forms", "-c", daemon.config)[1]
    wrong = script.replace(token, "nw_wrong")
    refused = subprocess.run(["sh", "-e", "-c", wrong], capture_output=True, timeout=60, env=environment(), check=False)
    assert refused.returncode != 0, "the step of the pipeline fails"


@pytest.mark.slow
def test_webhook_of_argo_cd_marks_a_deployment(daemon: DaemonProcess) -> None:
    """Argo CD sends the headers of the service and the body of the template, and no content type of its own."""
    token = create_token(daemon.config, "argo", "--scope", "facts:write")
    before = format_instant(SystemClock().now())
    config = {key: yaml.safe_load(text) for key, text in documented("service.webhook.ninewatch: |").items()}
    service, template = config["service.webhook.ninewatch"], config["template.ninewatch-deployment"]
    webhook = template["webhook"]["ninewatch"]
    headers = {header["name"]: header["value"].replace("$ninewatch-token", token) for header in service["headers"]}
    url = service["url"].replace(DOCUMENTED_ADDRESS, daemon.address) + webhook["path"]
    request = urllib.request.Request(  # noqa: S310 - the daemon's address
        url, filled(webhook["body"], token).encode(), headers, method=webhook["method"]
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 201
    version = VALUES[".app.status.operationState.syncResult.revision"]
    wait_for("the evidence", lambda: is_met(daemon))
    assert f" {version} (argo)" in run_to_exit("deploy", "list", "forms", "-c", daemon.config)[1]
    past = daemon.api("/products/forms/readiness", at=before)["items"]
    assert [item["evidence"] for item in past if item["id"] == "zero-downtime-deployment"] == [[]]
    (trigger,) = config["trigger.on-sync-running"]
    assert trigger["send"] == ["ninewatch-deployment"]
