"""The part of the API that writes: acknowledgements, silences, corrections, retries and test messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.web.openapi import description
from monitor.web.openapi_alerts import OPERATIONS
from monitor.web.openapi_alerts import SCHEMAS as ALERT_SCHEMAS
from monitor.web.openapi_analysis import SCHEMAS as ANALYSIS_SCHEMAS
from monitor.web.openapi_schemas import SCHEMAS
from sla.acknowledgement import ACKNOWLEDGEMENT, acknowledgements
from sla.interval import HOUR
from sla.silence import RETRY, SILENCE, SILENCE_END, silences
from sla.window import format_instant, parse_instant
from tests.support.alerting import BAD, GOOD, ledger_with_receivers
from tests.support.ledgers import product
from tests.support.sinks import Reply, Sink
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def ledger(sink: Sink) -> Ledger:
    products = (
        product("forms", 1, "99%", name="Common Forms", readiness={"checklist": "five-nines"}),
        product("sso", 1, "99%"),
    )
    return ledger_with_receivers(*products, receivers=[{"id": "ops", "webhook": sink.url()}])


@pytest.fixture
async def server(tmp_path: Path, sink: Sink) -> AsyncIterator[WritableServer]:
    async with writable(ledger(sink), tmp_path) as served:
        yield served


async def fails(server: WritableServer, key: str = "forms/health") -> str:
    """Let the product fail, and return the key of the alert."""
    server.harness.observe(GOOD, BAD, BAD, key=key)
    await server.harness.written()
    return next(alert.key for alert in server.harness.alerting.open_alerts() if alert.product == key.partition("/")[0])


async def test_acknowledgement_has_the_person_and_the_token(server: WritableServer) -> None:
    key, token = await fails(server), server.token()
    response = await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token, json={"by": "Ana Ng"})
    assert response.status == 200
    now = format_instant(server.clock.now())
    assert response.body == {
        "key": key, "product": "forms", "incident": key, "at": now, "by": "Ana Ng", "via": "api", "author": "pipeline",
    }  # fmt: skip
    (fact,) = server.journal
    assert (fact.kind, fact.author, fact.product, fact.made) == (
        ACKNOWLEDGEMENT,
        "pipeline",
        "forms",
        server.clock.now(),
    )
    assert acknowledgements(server.harness.ledger.facts.all) == acknowledgements([fact])
    (alert,) = (await server.ask("GET", "/api/v1/alerts")).body
    assert (alert["key"], alert["severity"], alert["acknowledged"]) == (key, "page", response.body)


async def test_acknowledged_ticket_that_becomes_a_page_needs_another_acknowledgement(
    tmp_path: Path, sink: Sink
) -> None:
    """With one of two checks down the product is up by its rule."""
    one_of_two = product("forms", 2, "99%", rule="any")
    new_ledger = ledger_with_receivers(one_of_two, receivers=[{"id": "ops", "webhook": sink.url()}])
    async with writable(new_ledger, tmp_path) as server:
        server.harness.observe(GOOD, key="forms/check-1")
        server.harness.observe(GOOD, BAD, BAD, key="forms/health")
        await server.harness.written()
        (ticket,) = (await server.ask("GET", "/api/v1/alerts")).body
        token, path = server.token(), f"/api/v1/alerts/{ticket['key']}/acknowledge"
        server.clock.jump(1)
        assert (await server.ask("POST", path, token)).status == 200
        await server.harness.update()
        (alert,) = (await server.ask("GET", "/api/v1/alerts")).body
        assert (alert["severity"], alert["acknowledged"]["by"]) == ("ticket", "pipeline")
        server.harness.observe(BAD, BAD, key="forms/check-1")
        await server.harness.written()
        (alert,) = (await server.ask("GET", "/api/v1/alerts")).body
        assert (alert["severity"], alert["acknowledged"]) == ("page", None)
        assert (await server.ask("POST", path, token)).status == 200
        (alert,) = (await server.ask("GET", "/api/v1/alerts")).body
        assert alert["acknowledged"]["by"] == "pipeline"


async def test_acknowledgement_without_a_person_has_the_tokens_name(server: WritableServer) -> None:
    key = await fails(server)
    response = await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", server.token(name="robot"))
    assert (response.status, response.body["by"], response.body["author"]) == (200, "robot", "robot")


@pytest.mark.parametrize("spelling", ["cert:forms/health:{at}", "cert:forms%2Fhealth:{at}"])
async def test_alert_key_may_contain_a_slash(server: WritableServer, spelling: str) -> None:
    from dataclasses import replace

    from monitor.probe_result import ProbeResult
    from sla.interval import DAY
    from tests.support.ledgers import observe

    expiry = server.clock.now() // 1_000_000 + 3 * DAY // 1_000_000
    result = replace(ProbeResult(GOOD), certificate_expiry=float(expiry))
    observe(server.harness.ledger, server.harness.ledger.entries["forms/health"], server.clock.now(), result)
    await server.harness.update()
    path = f"/api/v1/alerts/{spelling.format(at=expiry)}/acknowledge"
    response = await server.ask("POST", path, server.token())
    assert (response.status, response.body["key"], response.body["incident"]) == (
        200,
        f"cert:forms/health:{expiry}",
        None,
    )


async def test_resolved_and_unknown_alerts_cannot_be_acknowledged(server: WritableServer) -> None:
    key, token = await fails(server), server.token()
    server.harness.observe(GOOD, GOOD, GOOD)
    await server.harness.written()
    response = await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token)
    assert (response.status, response.body["error"]) == (409, "the alert is resolved")
    for unknown in ("nothing", "..", "%2e%2e/%2e%2e/etc/passwd", "a/b/c"):
        assert (await server.ask("POST", f"/api/v1/alerts/{unknown}/acknowledge", token)).status in (404, 405)
    assert server.journal == []


@pytest.mark.parametrize(
    ("body", "expected_error"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"\xff", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'{"who": "Ana"}', 'unknown key "who"'),
        (b'{"by": ""}', "by is not a text"),
        (b'{"by": 7}', "by is not a text"),
        (b'{"by": ["a"]}', "by is not a text"),
        (b'{"by": "a\\nb"}', "by is not a text"),
        (b'{"by": "a\\u202eb"}', "by is not a text"),
    ],
)
async def test_invalid_body_is_rejected_with_a_remedy(server: WritableServer, body: bytes, expected_error: str) -> None:
    key, token = await fails(server), server.token()
    response = await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token, data=body)
    assert (response.status, set(response.body)) == (400, {"error", "remedy"})
    assert expected_error in response.body["error"]
    assert server.journal == []


async def test_too_long_body_is_rejected(server: WritableServer) -> None:
    response = await server.ask("POST", "/api/v1/silences", server.token(), data=b'{"reason": "' + b"x" * 100_000)
    assert (response.status, response.body["error"]) == (413, "the body is longer than 65536 bytes")


async def test_silence_is_added_listed_and_ended_with_its_authors(server: WritableServer) -> None:
    first, second = server.token(name="pipeline"), server.token(name="operator")
    created = await server.ask(
        "POST", "/api/v1/silences", first, json={"product": "forms", "for": "2h", "reason": "load"}
    )
    assert created.status == 201
    end = format_instant(server.clock.now() + 2 * HOUR)
    assert created.body == {
        "id": created.body["id"], "product": "forms", "key": None, "until": end, "reason": "load", "author": "pipeline",
        "made": format_instant(server.clock.now()),
    }  # fmt: skip
    assert (await server.ask("GET", "/api/v1/silences")).body == [created.body]
    assert (await server.ask("GET", "/api/v1/silences?product=sso")).body == []
    await fails(server)
    assert server.harness.rows() == []  # the silence is in force when the response arrives
    ended = await server.ask("DELETE", f"/api/v1/silences/{created.body['id']}", second)
    assert (ended.status, ended.body["until"]) == (200, format_instant(server.clock.now()))
    assert (await server.ask("GET", "/api/v1/silences")).body == []
    assert {(fact.kind, fact.author) for fact in server.journal} == {(SILENCE, "pipeline"), (SILENCE_END, "operator")}
    assert (await server.ask("DELETE", f"/api/v1/silences/{created.body['id']}", second)).status == 404


@pytest.mark.parametrize(
    ("body", "covers"),
    [
        ({"key": "blind:local:7"}, {("blind:local:7", "")}),
        ({"all": True}, {("blind:local:7", ""), ("x", "forms"), ("y", "sso")}),
        ({"product": "sso"}, {("y", "sso")}),
    ],
)
async def test_silence_covers_a_key_a_product_or_all_alerts(
    server: WritableServer, body: dict[str, Any], covers: set[tuple[str, str]]
) -> None:
    until = format_instant(server.clock.now() + HOUR)
    response = await server.ask(
        "POST", "/api/v1/silences", server.token(), json={**body, "until": until, "reason": "x"}
    )
    assert (response.status, parse_instant(response.body["until"])) == (201, server.clock.now() + HOUR)
    (silence,) = silences(server.journal)
    alerts = {("blind:local:7", ""), ("x", "forms"), ("y", "sso")}
    assert {alert for alert in alerts if silence.covers(*alert, server.clock.now())} == covers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"product": "forms", "for": "2h"}, 400),
        ({"product": "forms", "reason": "x"}, 400),
        ({"product": "forms", "for": "2h", "until": "2999-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"product": "forms", "for": "soon", "reason": "x"}, 400),
        ({"product": "forms", "for": 7, "reason": "x"}, 400),
        ({"product": "forms", "for": "999999w", "reason": "x"}, 400),
        ({"product": "forms", "until": "2020-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"product": "forms", "until": "0001-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"product": "forms", "until": "2026-12-01T00:00:00", "reason": "x"}, 400),
        ({"product": "nobody", "for": "2h", "reason": "x"}, 404),
        ({"product": ["forms"], "for": "2h", "reason": "x"}, 404),
        ({"product": "", "for": "2h", "reason": "x"}, 404),
        ({"product": "forms", "key": "a", "for": "2h", "reason": "x"}, 400),
        ({"product": "forms", "all": True, "for": "2h", "reason": "x"}, 400),
        ({"product": "forms", "all": False, "for": "2h", "reason": "x"}, 400),
        ({"all": "yes", "for": "2h", "reason": "x"}, 400),
        ({"key": "", "for": "2h", "reason": "x"}, 400),
        ({"all": True, "for": "2h", "reason": "a\nb"}, 400),
        ({"all": True, "for": "2h", "reason": "x", "author": "root"}, 400),
    ],
)
async def test_invalid_silence_is_rejected(server: WritableServer, body: dict[str, Any], status: int) -> None:
    response = await server.ask("POST", "/api/v1/silences", server.token(), json=body)
    assert (response.status, set(response.body)) == (status, {"error", "remedy"})
    assert server.journal == []


WRITES = [
    (operation.method.upper(), operation.path.format(key="k", id="ops"))
    for operation in OPERATIONS
    if operation.scope is not None
]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_operation_with_a_scope_is_rejected_without_it(server: WritableServer, method: str, path: str) -> None:
    key = await fails(server)
    path = path.replace("/k/", f"/{key}/")
    facts = any(name in path for name in ("corrections", "deployments", "attestations", "evidence"))
    other = Scope.ALERTS_WRITE if facts else Scope.FACTS_WRITE
    tokens = "", "wrong", server.token(Scope.READ, other)
    assert [(await server.ask(method, path, token)).status for token in tokens] == [401, 401, 403]
    assert server.journal == []


async def test_correction_is_added_and_revoked_with_its_author(server: WritableServer) -> None:
    token = server.token(Scope.FACTS_WRITE, name="audit")
    body = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "probe account locked"}
    created = await server.ask("POST", "/api/v1/products/forms/corrections", token, json=body)
    assert (created.status, created.body["author"], created.body["reason"]) == (201, "audit", "probe account locked")
    (actual,) = server.harness.ledger.facts.corrections.of("forms")
    assert (format_instant(actual.interval.start), actual.author) == (body["start"], "audit")
    path = f"/api/v1/corrections/{created.body['id']}/revoke"
    assert (await server.ask("POST", path, token, json={})).status == 400
    limited = server.token(Scope.FACTS_WRITE, name="limited", products=("sso",))
    assert (await server.ask("POST", path, limited, json={"reason": "x"})).status == 403
    result = await server.ask("POST", path, token, json={"reason": "it was the service"})
    assert (result.status, result.body["revokes"]) == (200, created.body["id"])
    assert server.harness.ledger.facts.corrections.of("forms") == ()
    assert (await server.ask("POST", path, token, json={"reason": "again"})).status == 409
    assert {fact.kind for fact in server.journal} == {"correction", "revocation"}


@pytest.mark.parametrize(
    "change",
    [
        {"start": "2026-09-01T02:00:00Z"},
        {"start": "2026-09-01T01:00:00Z"},
        {"end": "2999-01-01T00:00:00Z"},
        {"start": "1960-01-01T00:00:00Z"},
        {"start": "2026-09-01T00:00:00"},
        {"start": None},
        {"end": 7},
        {"reason": ""},
    ],
)
async def test_invalid_correction_is_rejected(server: WritableServer, change: dict[str, Any]) -> None:
    token = server.token(Scope.FACTS_WRITE)
    body = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "x", **change}
    assert (await server.ask("POST", "/api/v1/products/forms/corrections", token, json=body)).status == 400
    good = {**body, "start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "x"}
    assert (await server.ask("POST", "/api/v1/products/nobody/corrections", token, json=good)).status == 404
    assert server.journal == []


async def test_gate_is_overridden_and_the_override_ended_with_author_and_reason(server: WritableServer) -> None:
    token, path = server.token(Scope.GATE_WRITE, name="release"), "/api/v1/products/forms/gate"
    body = {"answer": "hold", "for": "4h", "reason": "holiday freeze"}
    created = await server.ask("POST", f"{path}/override", token, json=body)
    assert (created.status, created.body["author"], created.body["product"]) == (201, "release", "forms")
    assert created.body["until"] == format_instant(server.clock.now() + 4 * HOUR)
    gate_body = (await server.ask("GET", path)).body
    assert (gate_body["gate"], gate_body["override"]) == (
        "hold",
        {k: v for k, v in created.body.items() if k != "product"},
    )
    server.clock.jump(1)
    result = await server.ask("POST", f"{path}/override/end", token, json={"reason": "over"})
    assert (result.status, result.body["id"], result.body["until"]) == (
        200,
        created.body["id"],
        format_instant(server.clock.now()),
    )
    assert (await server.ask("GET", path)).body["override"] is None
    assert (await server.ask("POST", f"{path}/override/end", token, json={"reason": "again"})).status == 404
    assert {(fact.kind, fact.author) for fact in server.journal} == {
        ("gate_override", "release"),
        ("gate_override_end", "release"),
    }


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"answer": "perhaps"}, 400),
        ({"answer": None}, 400),
        ({"answer": ["go"]}, 400),
        ({"reason": " "}, 400),
        ({"for": None}, 400),
        ({"until": "2026-12-01T00:00:00Z"}, 400),
        ({"author": "root"}, 400),
    ],
)
async def test_invalid_gate_override_is_rejected(server: WritableServer, change: dict[str, Any], status: int) -> None:
    token, body = server.token(Scope.GATE_WRITE), {"answer": "go", "for": "4h", "reason": "x", **change}
    response = await server.ask("POST", "/api/v1/products/forms/gate/override", token, json=body)
    assert (response.status, set(response.body)) == (status, {"error", "remedy"})
    assert server.journal == []


async def test_gate_of_another_product_is_not_overridden(server: WritableServer) -> None:
    body = {"answer": "go", "for": "4h", "reason": "x"}
    limited = server.token(Scope.GATE_WRITE, products=("sso",))
    facts = server.token(Scope.FACTS_WRITE, name="facts")
    path = "/api/v1/products/{}/gate/override"
    statuses = [
        (await server.ask("POST", path.format(product), token, json=body)).status
        for product, token in (("forms", limited), ("nothing", limited), ("forms", facts), ("sso", limited))
    ]
    assert statuses == [403, 404, 403, 201]


async def test_token_with_read_scope_cannot_change_anything(server: WritableServer) -> None:
    token = server.token(Scope.ALERTS_READ)
    assert (await server.ask("GET", "/api/v1/notifications?state=waiting", token)).status == 200
    statuses = {(await server.ask(method, path, token)).status for method, path in WRITES if method != "GET"}
    assert statuses == {403}


async def test_token_limited_to_products_changes_only_these_products(server: WritableServer) -> None:
    token = server.token(products=("sso",))
    forms, sso = await fails(server), await fails(server, "sso/health")
    everything = {"all": True, "for": "1h", "reason": "x"}
    for body in (everything, everything | {"all": None, "product": "forms"}, everything | {"all": None, "key": forms}):
        sent = {name: value for name, value in body.items() if value is not None}
        assert (await server.ask("POST", "/api/v1/silences", token, json=sent)).status == 403
    rejected = [
        ("POST", f"/api/v1/alerts/{forms}/acknowledge"),
        ("POST", "/api/v1/notifications/retry"),
        ("POST", "/api/v1/receivers/ops/test"),
    ]
    assert {(await server.ask(*request, token)).status for request in rejected} == {403}
    assert server.journal == []
    assert (await server.ask("POST", f"/api/v1/alerts/{sso}/acknowledge", token)).status == 200
    keyed = {"key": sso, "for": "1h", "reason": "x"}
    assert (await server.ask("POST", "/api/v1/silences", token, json=keyed)).status == 201
    response = (await server.ask("GET", "/api/v1/notifications?state=waiting", token)).body
    assert {notification["product"] for notification in response} == {"sso"}


async def test_token_limited_to_products_cannot_end_a_silence_of_another_product(server: WritableServer) -> None:
    body = {"product": "forms", "for": "1h", "reason": "x"}
    created = await server.ask("POST", "/api/v1/silences", server.token(name="all"), json=body)
    limited = server.token(name="limited", products=("sso",))
    assert (await server.ask("DELETE", f"/api/v1/silences/{created.body['id']}", limited)).status == 403
    assert len((await server.ask("GET", "/api/v1/silences")).body) == 1


async def test_changes_with_one_token_are_rate_limited(server: WritableServer) -> None:
    token, other = server.token(), server.token(name="other")
    body = {"all": True, "for": "1h", "reason": "x"}
    statuses = [(await server.ask("POST", "/api/v1/silences", token, json=body)).status for _ in range(12)]
    assert statuses == [201] * 10 + [429] * 2
    assert (await server.ask("POST", "/api/v1/silences", other, json=body)).status == 201


async def test_fact_that_cannot_be_written_is_rejected_and_has_no_effect(server: WritableServer) -> None:
    server.record.with_name("ninewatch.db.journal.jsonl").mkdir()
    body = {"all": True, "for": "1h", "reason": "x"}
    response = await server.ask("POST", "/api/v1/silences", server.token(), json=body)
    assert (response.status, response.body["error"]) == (503, "the record cannot be written")
    assert str(server.record.parent) not in response.text
    assert (await server.ask("GET", "/api/v1/silences")).body == []


async def test_waiting_notification_is_listed_with_its_last_error_and_retried(tmp_path: Path, sink: Sink) -> None:
    sink.reply = Reply(503, body=b"busy")
    async with writable(ledger(sink), tmp_path, deliver=True) as server:
        key, token = await fails(server), server.token()
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


async def test_page_of_another_site_cannot_write_through_a_browser(server: WritableServer) -> None:
    """A browser sends no `Authorization` by itself, and no response permits it for another origin."""
    body = '{"all": true, "for": "1h", "reason": "x"}'
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain", "Cookie": "a=b"}
    response = await server.ask("POST", "/api/v1/silences", headers=headers, data=body)
    assert (response.status, [name for name in response.headers if name.lower().startswith("access-control")]) == (
        401,
        [],
    )
    preflight = await server.ask("OPTIONS", "/api/v1/silences", headers=headers)
    assert (preflight.status, preflight.headers["Allow"]) == (405, "GET,HEAD,POST".replace(",", ", "))
    rebound = await server.ask("POST", "/api/v1/silences", server.token(), headers={"Host": "evil.example"}, data=body)
    assert rebound.status == 421


async def test_server_without_a_daemon_rejects_changes(tmp_path: Path, publish: Any, sink: Sink) -> None:
    from monitor.access.tokens import TokenFile, new_token

    served = await publish(ledger(sink), record=tmp_path / "r.db")
    token, text = new_token("ci", "Ada", [Scope.ALERTS_WRITE], served.clock.now())
    TokenFile.of(tmp_path / "r.db").add(token)
    response = await served.get("/api/v1/silences", "POST", headers={"Authorization": f"Bearer {text}"}, json={})
    assert (response.status, (await response.json())["error"]) == (503, "this server accepts no changes")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_examples_match_their_schemas(operation: Any) -> None:
    components = {"components": {"schemas": SCHEMAS | ANALYSIS_SCHEMAS | ALERT_SCHEMAS}}
    jsonschema.validate(operation.example, operation.response | components)
    if operation.request is not None:
        jsonschema.validate(operation.request_example, operation.request | components)


async def test_responses_match_the_openapi_description(server: WritableServer) -> None:
    key, token = await fails(server), server.token(Scope.ALERTS_WRITE, Scope.FACTS_WRITE, Scope.GATE_WRITE)
    past = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z"}
    correction = (
        await server.ask("POST", "/api/v1/products/forms/corrections", token, json={**past, "reason": "x"})
    ).body
    silence = (await server.ask("POST", "/api/v1/silences", token, json={"all": True, "for": "1h", "reason": "x"})).body
    deployed = await server.ask("POST", "/api/v1/products/forms/deployments", token, json={"version": "1"})
    query = {"/api/v1/notifications": "?state=waiting"}
    for operation in OPERATIONS:
        server.clock.jump(2)  # a token may make one change per second
        names = {"receivers": "ops", "silences": silence["id"], "products": "forms", "corrections": correction["id"]}
        names["evidence"] = deployed.body["id"]
        path = operation.path.format(
            key=key, id=names[operation.path.split("/")[3]] if "{id}" in operation.path else ""
        )
        body = operation.request_example if operation.request is not None else None
        body = {**body, **past} if body is not None and "start" in body else body
        options = {} if body is None else {"json": body}
        response = await server.ask(operation.method.upper(), path + query.get(operation.path, ""), token, **options)
        assert response.status == operation.status, operation.path
        described = description()["paths"][operation.path][operation.method]["responses"][str(operation.status)]
        schema = described["content"]["application/json"]["schema"]
        jsonschema.validate(response.body, schema | {"components": description()["components"]})


async def test_page_is_marked_by_the_author_of_the_request(server: WritableServer) -> None:
    key, token = await fails(server), server.token(name="Ana Ng")
    answer = await server.ask("POST", f"/api/v1/alerts/{key}/mark", token, json={"mark": "useful"})
    assert (answer.status, answer.body["mark"], answer.body["by"]) == (200, "useful", "Ana Ng")
    assert (server.journal[-1].kind, server.journal[-1].author) == ("page_mark", "Ana Ng")
    assert (await server.ask("POST", f"/api/v1/alerts/{key}/mark", token, json={"mark": "fine"})).status == 400
    assert (await server.ask("POST", "/api/v1/alerts/none/mark", token, json={"mark": "noise"})).status == 404
