"""`ninewatch alert`: test, list, retry and silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.commands.alert_sink import listening
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import HOUR, MINUTE, SECOND
from sla.silence import RETRY, silences
from tests.support.messages import message, receiver, row, send
from tests.support.sinks import Reply, Sink

NOW = SystemClock().now()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


@pytest.fixture
def config(tmp_path: Path, sink: Sink) -> Path:
    path = tmp_path / "ninewatch.yaml"
    check = {"id": "health", "http": "https://example.org/"}
    products = [{"id": "forms", "objective": "99.9%", "checks": [check]}]
    receivers = [{"id": "ops", "webhook": sink.url()}]
    path.write_text(json.dumps({"store": str(tmp_path / "record.db"), "receivers": receivers, "products": products}))
    return path


def write_record(config: Path, *notifications: Any) -> Path:
    path = config.parent / "record.db"
    store = SqliteStore(path, NOW)
    store.write(Batch(notifications=notifications))
    store.close()
    return path


def run(*args: str | int | Path) -> Result:
    return CliRunner().invoke(cli, ["alert", *map(str, args)])


def test_test_message_is_sent_and_its_confirmation_reported(config: Path, sink: Sink) -> None:
    result = run("test", "ops", "-c", config)
    assert (result.exit_code, result.output) == (0, f"ops: delivered to {sink.url()}\n")
    (body,) = sink.bodies()
    assert (body["event"], body["severity"], body["incident"], body["product"]) == ("test", "note", None, None)
    assert body["key"].startswith("test:ops:")
    assert sink.received[0].headers["idempotency-key"] == body["key"] + "test"


def test_rejected_test_message_is_an_error_with_its_reason(config: Path, sink: Sink) -> None:
    sink.reply = Reply(403, body=b"wrong token")
    result = run("test", "ops", "-c", config)
    assert result.exit_code == 1
    assert result.output == 'ops: not delivered: status 403: "wrong token"\n'


def test_unknown_receiver_is_reported_with_the_configured_ones(config: Path) -> None:
    result = run("test", "opps", "-c", config)
    assert result.exit_code != 0
    assert 'unknown receiver "opps"; configured receivers: ops' in str(result.exception)


def test_waiting_notifications_are_listed_first_with_their_error(config: Path) -> None:
    failed = replace(row(), due=NOW + HOUR, attempts=3, error="status 503")
    delivered = replace(row(key="delivered"), done=NOW - MINUTE, attempts=1)
    write_record(config, failed, delivered)
    lines = run("list", "-c", config).output.splitlines()
    assert [line.split()[0] for line in lines] == ["waiting", "delivered"]
    assert "attempt 3 failed: status 503" in lines[0]
    assert "4f0c1d2e3a4b" in lines[0]
    actual = [json.loads(line) for line in run("list", "--json", "-c", config).output.splitlines()]
    assert [
        (notification["key"], notification["attempts"], notification["delivered"] is None) for notification in actual
    ] == [
        ("4f0c1d2e3a4b", 3, True),
        ("delivered", 1, False),
    ]


def test_record_without_notifications_is_reported(config: Path) -> None:
    write_record(config)
    assert run("list", "-c", config).output == "no notifications\n"


@pytest.mark.parametrize(("args", "receiver"), [((), ""), (("ops",), "ops")])
def test_retry_is_written_as_a_fact(config: Path, args: tuple[str, ...], receiver: str) -> None:
    path = write_record(config)
    assert run("retry", *args, "--by", "Ada", "-c", config).exit_code == 0
    (fact,) = Journal.of(path).read()
    assert (fact.kind, fact.author, fact.content()) == (RETRY, "Ada", {"receiver": receiver})


def test_silence_is_a_fact_with_author_and_reason_and_can_be_ended(config: Path) -> None:
    path = write_record(config)
    args = ("silence", "forms", "--for", "2h", "--reason", "known", "--by", "Ada", "-c", config)
    assert run(*args).exit_code == 0
    (silence,) = silences(Journal.of(path).read())
    assert (silence.product, silence.reason, silence.author) == ("forms", "known", "Ada")
    assert abs(silence.until - silence.made - 2 * HOUR) < SECOND
    output = run("list", "-c", config).output
    assert output.startswith(f"silence   {silence.id}: forms until ")
    ended = run("silence", "--end", silence.id, "--by", "Ada", "-c", config)
    assert (ended.exit_code, ended.output) == (0, f"ended silence {silence.id}\n")
    assert silences(Journal.of(path).read()) == []
    second_result = run("silence", "--end", silence.id, "--by", "Ada", "-c", config)
    assert "no silence is in force" in str(second_result.exception)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("forms", "--for", "2h"), "--reason is empty"),
        (("forms", "--reason", "x"), "specify the duration"),
        (("forms", "--for", "2h", "--until", "2031-01-01T00:00Z", "--reason", "x"), "specify the duration"),
        (("forms", "--until", "2001-01-01T00:00Z", "--reason", "x"), "is in the past"),
        (("--for", "2h", "--reason", "x"), "specify exactly one of PRODUCT"),
        (("forms", "--all", "--for", "2h", "--reason", "x"), "specify exactly one of PRODUCT"),
        (("frms", "--for", "2h", "--reason", "x"), 'unknown product "frms"'),
        (("forms", "--for", "soon", "--reason", "x"), "soon"),
    ],
)
def test_invalid_silence_is_rejected(config: Path, args: tuple[str, ...], problem: str) -> None:
    path = write_record(config)
    result = run("silence", *args, "--by", "Ada", "-c", config)
    assert result.exit_code != 0
    assert problem in str(result.exception)
    assert Journal.of(path).read() == []


def test_nothing_is_written_without_a_record(config: Path) -> None:
    result = run("silence", "--all", "--for", "2h", "--reason", "x", "--by", "Ada", "-c", config)
    assert "no record at " in str(result.exception)
    assert not (config.parent / "record.db.journal.jsonl").exists()


async def test_sink_prints_and_confirms_messages() -> None:
    output: list[str] = []
    async with listening(0, 0, output.append) as (http, smtp):
        hook = receiver(webhook=f"http://127.0.0.1:{http}/hook")
        block = {"to": "ops@example.org", "from": "nw@example.org", "server": f"127.0.0.1:{smtp}", "security": "none"}
        for configured in (hook, receiver(email=block)):
            assert not (await send(configured, message())).error
    posted, mailed = output
    assert posted.startswith("--- POST /hook\n")
    assert json.loads(posted.partition("\n")[2])["event"] == "opened"
    assert mailed.startswith(
        "--- mail to ops@example.org: [PAGE] Common Forms is down\n[PAGE] Common Forms is down\nSince"
    )


def test_port_in_use_is_reported_with_a_remedy(sink: Sink) -> None:
    result = run("sink", "--http-port", sink.port, "--smtp-port", 0)
    assert "choose another port" in str(result.exception)
