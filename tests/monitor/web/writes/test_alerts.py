"""Acknowledgements and ratings of alerts over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sla.acknowledgement import ACKNOWLEDGEMENT, acknowledgements
from sla.window import format_instant
from tests.support.alerting import BAD, GOOD, ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_server import WritableServer, open_alert, writable

if TYPE_CHECKING:
    from tests.support.sinks import Sink


async def test_acknowledgement_has_the_person_and_the_token(server: WritableServer) -> None:
    key, token = await open_alert(server), server.token()
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
    key = await open_alert(server)
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
    key, token = await open_alert(server), server.token()
    server.harness.observe(GOOD, GOOD, GOOD)
    await server.harness.written()
    response = await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token)
    assert (response.status, response.body["error"]) == (409, "the alert is resolved")
    for unknown in ("nothing", "..", "%2e%2e/%2e%2e/etc/passwd", "a/b/c"):
        assert (await server.ask("POST", f"/api/v1/alerts/{unknown}/acknowledge", token)).status in (404, 405)
    for name, body in (("acknowledge", {}), ("mark", {"mark": "noise"})):
        response = await server.ask("POST", f"/api/v1/alerts/a%0Ab/{name}", token, json=body)
        assert response.status == 404, "the key of an alert may contain a line break"
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
    key, token = await open_alert(server), server.token()
    response = await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token, data=body)
    assert (response.status, set(response.body)) == (400, {"error", "remedy"})
    assert expected_error in response.body["error"]
    assert server.journal == []


async def test_page_is_marked_by_the_author_of_the_request(server: WritableServer) -> None:
    key, token = await open_alert(server), server.token(name="Ana Ng")
    answer = await server.ask("POST", f"/api/v1/alerts/{key}/mark", token, json={"mark": "useful"})
    assert (answer.status, answer.body["mark"], answer.body["by"]) == (200, "useful", "Ana Ng")
    assert (server.journal[-1].kind, server.journal[-1].author) == ("page_mark", "Ana Ng")
    assert (await server.ask("POST", f"/api/v1/alerts/{key}/mark", token, json={"mark": "fine"})).status == 400
    assert (await server.ask("POST", "/api/v1/alerts/none/mark", token, json={"mark": "noise"})).status == 404
