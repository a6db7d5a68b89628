"""The daemon as people run it: tokens created next to it, changes through its API, and the link of a real message."""

from __future__ import annotations

import json
import signal
import stat
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.storage.reader import facts_of
from sla.acknowledgement import acknowledgements
from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import fetch, wait_for
from tests.support.sinks import Reply, Sink


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as served:
        yield served


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def write_config(folder: Path, target: HttpTarget, sink: Sink) -> Path:
    path = folder / "ninewatch.yaml"
    path.write_text(
        f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\npublic_url: https://status.example.org\n"
        f'receivers:\n  - {{id: ops, webhook: "{sink.url()}"}}\n'
        "products:\n  - id: forms\n    objective: 99%\n    checks:\n"
        f'      - {{id: health, http: "{target.url("/health")}", interval: 200ms, timeout: 150ms}}\n'
    )
    return path


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: Any) -> None:
        return None


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def post(url: str, token: str = "", body: Any = None, form: dict[str, str] | None = None) -> tuple[int, str]:
    """Send a POST and return status and body."""
    data = urllib.parse.urlencode(form).encode() if form else b"" if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with _DIRECT.open(urllib.request.Request(url, data, headers, method="POST"), timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def create_token(config: Path, *arguments: str) -> str:
    status, out, err = run_to_exit("token", "create", *arguments, "--by", "Ada", "-c", config)
    assert status == 0, err
    return out.strip()


def local(daemon: DaemonProcess, link: str) -> str:
    """Return the link as it is reached here: `public_url` is the address behind a proxy."""
    assert link.startswith("https://status.example.org/acknowledge/")
    return daemon.address + link.removeprefix("https://status.example.org")


def test_token_is_valid_until_it_is_revoked_in_a_running_daemon(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = write_config(tmp_path, target, sink)
    with running_daemon(config) as daemon:
        silences = f"{daemon.address}/api/v1/silences"
        body = {"product": "forms", "for": "1h", "reason": "load test"}
        assert post(silences, "", body)[0] == 401
        token = create_token(config, "pipeline", "--scope", "alerts:write")
        status, text = post(silences, token, body)
        assert (status, json.loads(text)["author"]) == (201, "pipeline")
        target.status["/health"] = 503
        (alert,) = wait_for("an alert", lambda: daemon.api("/alerts"))
        assert alert["acknowledged"] is None
        acknowledge = f"{daemon.address}/api/v1/alerts/{alert['key']}/acknowledge"
        assert post(acknowledge, token, {"by": "Ana Ng"})[0] == 200
        assert post(f"{daemon.address}/api/v1/receivers/ops/test", token)[0] == 200
        assert [body["event"] for body in sink.bodies()] == ["test"]  # the silence holds the page back
        assert run_to_exit("token", "revoke", "pipeline", "--by", "Ada", "-c", config)[0] == 0
        assert post(silences, token, body)[0] == 401
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert token not in daemon.output()
    (acknowledgement,) = acknowledgements(facts_of(tmp_path / "ninewatch.db"))
    assert (acknowledgement.key, acknowledgement.by, acknowledgement.author, acknowledgement.via) == (
        alert["key"],
        "Ana Ng",
        "pipeline",
        "api",
    )
    output = run_to_exit("history", "forms", "-c", config)[1]
    assert "silenced until" in output
    assert "(pipeline)" in output


def test_link_acknowledges_a_page_before_and_after_a_restart(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = write_config(tmp_path, target, sink)
    with running_daemon(config) as daemon:
        target.status["/health"] = 503
        (opened,) = sink.wait_for_event("opened")
        link = opened["links"]["acknowledge"]
        assert fetch(local(daemon, link))[0] == 200
        assert daemon.api("/alerts")[0]["acknowledged"] is None
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    assert stat.S_IMODE((tmp_path / "ninewatch.db.link-key").stat().st_mode) == 0o600
    with running_daemon(config) as daemon:
        wait_for("the alert", lambda: daemon.api("/alerts"))
        status, _ = post(local(daemon, link), form={"action": "acknowledge", "by": "Ana Ng"})
        assert status == 303
        (alert,) = daemon.api("/alerts")
        assert (alert["key"], alert["acknowledged"]["by"], alert["acknowledged"]["via"]) == (
            opened["key"], "Ana Ng", "link",
        )  # fmt: skip
        assert post(local(daemon, link)[:-2], form={"action": "acknowledge", "by": "Eve"})[0] == 403
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert link.rpartition("/")[2] not in daemon.output()
        assert "Traceback" not in daemon.output()
    assert "acknowledged by Ana Ng (via link)" in run_to_exit("history", "forms", "-c", config)[1]


def test_delivered_and_waiting_notifications_are_listed(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = write_config(tmp_path, target, sink)
    sink.reply = Reply(500, body=b"broken")
    token = create_token(config, "reader", "--scope", "alerts:read")

    def list_entries(query: str) -> Any:
        status, body = fetch(f"{daemon.address}/api/v1/notifications?{query}", {"Authorization": f"Bearer {token}"})
        assert status == 200, body
        return [row for row in json.loads(body) if row["attempts"]]

    with running_daemon(config) as daemon:
        target.status["/health"] = 503
        (waiting,) = wait_for("an attempt", lambda: list_entries("state=waiting"))
        assert (waiting["event"], waiting["delivered"]) == ("opened", None)
        assert "500" in waiting["error"]
        sink.reply = Reply()
        (delivered,) = wait_for("the delivery", lambda: list_entries("state=delivered"))
        assert (delivered["key"], delivered["error"]) == (waiting["key"], "")
        assert delivered["delivered"] is not None
