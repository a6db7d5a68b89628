"""Messages of each receiver, compared with `golden/KIND.json`.

After an intended change, run `NINEWATCH_GOLDEN=write pytest tests/monitor/receivers/test_golden.py`, then read the
diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.delivery import Target, deliver_once
from monitor.receivers.registry import KINDS
from tests.monitor.receivers.test_email import Mailbox, serve_mail
from tests.support.messages import HEARTBEAT, attempt_maker, receiver, samples, send, write_secret
from tests.support.sinks import Received, Sink

GOLDEN = Path(__file__).parent / "golden"
KEY = "R0UTINGKEY"
RECORDED_HEADERS = ("authorization", "content-type", "idempotency-key")

# Kind -> its configuration, sending to the sink.
CONFIGURATIONS: dict[str, Callable[[Sink, Path], dict[str, Any]]] = {
    "webhook": lambda sink, _: {"webhook": sink.url()},
    "slack": lambda sink, folder: {"slack": write_secret(folder, "url", sink.url("/services/T0/B0/secret"))},
    "teams": lambda sink, folder: {"teams": write_secret(folder, "url", sink.url("/workflows/secret"))},
    "rocketchat": lambda sink, folder: {"rocketchat": write_secret(folder, "url", sink.url("/hooks/secret"))},
    "pagerduty": lambda sink, folder: {"pagerduty": write_secret(folder, "key", KEY), "server": sink.url("")},
    "jira": lambda sink, folder: {
        "jira": write_secret(folder, "key", KEY),
        "server": sink.url("/jsm/ops/integration/v2"),
    },
    "alertmanager": lambda sink, _: {"alertmanager": [sink.url("")]},
    "ntfy": lambda sink, folder: {"ntfy": sink.url("/forms-alerts"), "token": write_secret(folder, "token", "tk_1")},
    "gcnotify": lambda sink, folder: {
        "gcnotify": {
            "key": write_secret(folder, "key", KEY),
            "template": "8b3a8a6e-1c1f-4f6e-9a53-0d4f1b2c3d4e",
            "email": "on-call@example.org",
        },
        "server": sink.url(""),
    },
    "pagerduty_heartbeat": lambda sink, folder: {
        "pagerduty_heartbeat": write_secret(folder, "key", KEY),
        "server": sink.url(""),
    },
    "healthchecks": lambda sink, folder: {"healthchecks": write_secret(folder, "url", sink.url("/ping/uuid"))},
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


def recorded_request(request: Received) -> dict[str, Any]:
    """Return the part of a request that a golden file contains."""
    try:
        body = request.json()
    except ValueError:
        body = request.body.decode()
    headers = {name: request.headers[name] for name in RECORDED_HEADERS if name in request.headers}
    return {"method": request.method, "path": request.path, "headers": headers, "body": body}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
@pytest.mark.fault(46)
async def test_messages_of_a_receiver_equal_its_golden_file(kind: str, sink: Sink, tmp_path: Path) -> None:
    actual = {}
    heartbeat = {"heartbeat": HEARTBEAT} if KINDS[kind].receiver.heartbeats else {}
    for name, message in ((samples() if KINDS[kind].receiver.alerts else {}) | heartbeat).items():
        first = len(sink.received)
        outcome = await send(receiver(**CONFIGURATIONS[kind](sink, tmp_path)), message)
        assert not outcome.error
        requests = [recorded_request(request) for request in sink.received[first:]]
        actual[name] = requests if len(requests) > 1 else requests[0]
    assert actual == golden(kind, actual)


def golden(kind: str, actual: dict[str, Any]) -> Any:
    """Return the content of a golden file, after writing it if that was asked for."""
    path = GOLDEN / f"{kind}.json"
    if os.environ.get("NINEWATCH_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(actual, indent=1, ensure_ascii=False) + "\n")
    return json.loads(path.read_text())


async def test_mails_equal_their_golden_file() -> None:
    """The mails are those that a real SMTP server got, without their date."""
    mailbox, actual = Mailbox(), {}
    async with serve_mail(mailbox) as port:
        block = {"to": "ops@example.org", "from": "ninewatch@example.org", "server": f"127.0.0.1:{port}"}
        for name, message in samples().items():
            assert not (await send(receiver(email=block | {"security": "none"}), message)).error
            mail = mailbox.mails[-1]
            headers = {header: str(value) for header, value in mail.items() if header != "Date"}
            actual[name] = {"headers": headers, "body": mail.get_content().splitlines()}
    assert actual == golden("email", actual)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library's own imports
async def test_messages_through_apprise_equal_their_golden_file(sink: Sink, tmp_path: Path) -> None:
    url, actual = write_secret(tmp_path, "url", f"json://127.0.0.1:{sink.port}/any"), {}
    for name, message in samples().items():
        assert not (await send(receiver(apprise=url), message)).error
        sent = sink.received[-1].json()
        actual[name] = {field: sent[field] for field in ("title", "message", "type")}
    assert actual == golden("apprise", actual)


def test_every_kind_has_a_golden_file() -> None:
    assert set(CONFIGURATIONS) | {"email", "apprise"} == set(KINDS)
    assert {path.stem for path in GOLDEN.iterdir()} == set(KINDS)


async def test_heartbeats_of_pagerduty_replace_each_other_under_two_keys(sink: Sink, tmp_path: Path) -> None:
    """After every heartbeat exactly one alert is open, also after a restart."""
    configured = receiver(**CONFIGURATIONS["pagerduty_heartbeat"](sink, tmp_path))
    alerts: set[str] = set()
    opened, done = [], 0
    async with attempt_maker() as runner:
        for target in (Target.of(configured), Target.of(configured)):  # the second one after a restart
            for _ in range(3):
                assert not (await deliver_once(target, HEARTBEAT, runner.new_attempt())).error
                for event in (request.json() for request in sink.received[done:]):
                    triggered = event["event_action"] == "trigger"
                    assert not (triggered and event["dedup_key"] in alerts), "would not start a new pause"
                    (alerts.add if triggered else alerts.discard)(event["dedup_key"])
                done = len(sink.received)
                opened += alerts
                assert len(alerts) == 1
    assert [key.rpartition(":")[2] for key in opened] == ["a", "b", "a", "a", "b", "a"]
