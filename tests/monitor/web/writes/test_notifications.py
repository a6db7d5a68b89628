"""Notifications over HTTP: list, retry, and test messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sla.silence import RETRY
from tests.monitor.web.writes.conftest import ledger_of_sink
from tests.support.sinks import Reply, Sink
from tests.support.writable_server import WritableServer, open_alert, writable


async def test_waiting_notification_is_listed_with_its_last_error_and_retried(tmp_path: Path, sink: Sink) -> None:
    sink.reply = Reply(503, body=b"busy")
    async with writable(ledger_of_sink(sink), tmp_path, deliver=True) as server:
        key, token = await open_alert(server), server.token()
        await server.harness.until(lambda: any(row.attempts for row in server.harness.alerting.outbox.waiting()))
        (waiting,) = (await server.ask("GET", "/api/v1/notifications?state=waiting&receiver=ops", token)).body
        assert (waiting["key"], waiting["event"], waiting["error"]) == (key, "opened", 'status 503: "busy"')
        assert (waiting["attempts"], waiting["delivered"]) == (1, None)
        assert (await server.ask("GET", "/api/v1/notifications?state=waiting&product=sso", token)).body == []
        response = await server.ask("POST", "/api/v1/notifications/retry", token, json={"receiver": "ops"})
        assert (response.status, response.body) == (202, {"receiver": "ops", "waiting": 1})
        (fact,) = server.journal
        assert (fact.kind, fact.author, fact.content()) == (RETRY, "pipeline", {"receiver": "ops"})
        sink.reply = Reply()
        await server.harness.update()
        await server.harness.delivered()


@pytest.mark.parametrize("body", [{"receiver": "nobody"}, {"receiver": 7}, {"receiver": ["ops"]}])
async def test_retry_for_an_unknown_receiver_is_rejected(server: WritableServer, body: dict[str, Any]) -> None:
    response = await server.ask("POST", "/api/v1/notifications/retry", server.token(), json=body)
    assert (response.status, response.body["remedy"]) == (404, "configured receivers: ops")


@pytest.mark.parametrize("query", ["state=late", "limit=0", "limit=x", "limit=\u0661", "sort=due"])
async def test_invalid_filter_of_notifications_is_rejected(server: WritableServer, query: str) -> None:
    assert (await server.ask("GET", f"/api/v1/notifications?{query}", server.token())).status == 400


async def test_test_message_is_sent_immediately(server: WritableServer, sink: Sink) -> None:
    response = await server.ask("POST", "/api/v1/receivers/ops/test", server.token())
    assert (response.status, response.body) == (200, {"receiver": "ops", "delivered": True})
    (body,) = sink.bodies()
    assert (body["event"], body["severity"], body["links"]["acknowledge"]) == ("test", "note", None)
    assert server.journal == []


@pytest.mark.parametrize(
    ("reply", "expected_error"), [(Reply(403, body=b"wrong"), 'status 403: "wrong"'), (Reply(500), "500")]
)
async def test_test_message_that_the_receiver_rejects_is_502(
    server: WritableServer, sink: Sink, reply: Reply, expected_error: str
) -> None:
    sink.reply = reply
    response = await server.ask("POST", "/api/v1/receivers/ops/test", server.token())
    assert response.status == 502
    assert expected_error in response.body["error"]
    assert (await server.ask("POST", "/api/v1/receivers/none/test", server.token(name="b"))).status == 404
