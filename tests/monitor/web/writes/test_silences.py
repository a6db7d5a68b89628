"""Silences over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from sla.interval import HOUR
from sla.silence import SILENCE, SILENCE_END, silences
from sla.window import format_instant, parse_instant
from tests.support.writable_server import WritableServer, open_alert


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
    await open_alert(server)
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


async def test_token_limited_to_products_cannot_end_a_silence_of_another_product(server: WritableServer) -> None:
    body = {"product": "forms", "for": "1h", "reason": "x"}
    created = await server.ask("POST", "/api/v1/silences", server.token(name="all"), json=body)
    limited = server.token(name="limited", products=("sso",))
    assert (await server.ask("DELETE", f"/api/v1/silences/{created.body['id']}", limited)).status == 403
    assert len((await server.ask("GET", "/api/v1/silences")).body) == 1
