"""The audit log over HTTP: every change with its origin, sign-ins, refused clients; selection and paging."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.audit_log import AuditLog
from monitor.access.scopes import Scope
from monitor.facts.journal import Journal
from monitor.web.openapi import description
from sla.fact import Fact
from sla.supplier_statement import FeedState, Statement
from tests.support.ledgers import NOW, ledger_of, product
from tests.support.sign_in import SAME_ORIGIN, start
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path


PATH = "/api/v1/changes"
SILENCE = {"product": "forms", "for": "1h", "reason": "load test"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    async with writable(ledger_of(product("forms"), product("sso")), tmp_path) as served:
        yield served


async def listed(server: WritableServer, query: str = "") -> list[dict[str, Any]]:
    token = server.token(Scope.AUDIT_READ, name="auditor")
    answer = await server.ask("GET", f"{PATH}?{query}", token)
    assert answer.status == 200, answer.text
    document = description()
    schema = document["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.body, schema | document)
    rows: list[dict[str, Any]] = answer.body["changes"]
    return rows


async def test_change_with_a_token_has_author_address_and_content_before_and_after(server: WritableServer) -> None:
    token = server.token(Scope.ALERTS_WRITE, name="pipeline")
    created = (await server.ask("POST", "/api/v1/silences", token, json=SILENCE)).body
    server.clock.jump(60)
    assert (await server.ask("DELETE", f"/api/v1/silences/{created['id']}", token)).status == 200
    end, begin = await listed(server)
    for row in (end, begin):
        assert (row["name"], row["means"], row["address"], row["recorded"]) == ("pipeline", "token", "127.0.0.1", True)
        assert row["client"]
    assert (begin["event"], begin["product"], begin["before"]) == ("silence", "forms", None)
    assert begin["after"]["reason"] == "load test"
    assert "silenced until" in begin["text"][0]
    assert end["text"] == [f"silence {created['id']} ended"]
    assert end["before"]["content"] == begin["after"]
    assert end["after"] == end["before"] | {"ended": {"at": end["at"], "author": "pipeline"}}


async def test_link_is_recorded_with_its_receiver(server: WritableServer) -> None:
    answer = await server.page("POST", server.link("some-alert"), action="useful", by="Ana Ng")
    assert answer.status == 303, answer.text
    (row,) = await listed(server)
    assert (row["event"], row["means"], row["name"], row["client"]) == ("page_mark", "link", "Ana Ng", "ops")


async def test_observed_fact_is_no_change(server: WritableServer) -> None:
    journal = Journal.of(server.record)
    journal.add(FeedState("sso", NOW, True).fact())
    journal.add(Statement("sso", "a", "Logins fail", NOW, None, None, NOW).fact(NOW))
    await server.facts.read_journal()
    assert await listed(server) == []


async def test_fact_of_the_journal_has_no_known_origin(server: WritableServer) -> None:
    Journal.of(server.record).add(Fact.of(NOW, "Eve", "silence", "forms", {"reason": "x", "until": NOW + 1, "key": ""}))
    await server.facts.read_journal()
    (row,) = await listed(server)
    assert (row["name"], row["means"], row["address"]) == ("Eve", "unknown", None)


async def test_nothing_is_recorded_if_the_audit_log_cannot_be_written(server: WritableServer) -> None:
    AuditLog.of(server.record).path.mkdir()
    answer = await server.ask("POST", "/api/v1/silences", server.token(), json=SILENCE)
    assert (answer.status, server.journal) == (503, [])
    reader = server.token(Scope.AUDIT_READ, name="auditor")
    assert (await server.ask("GET", PATH, reader)).status == 503


async def test_change_that_the_journal_did_not_accept_is_shown_as_not_recorded(server: WritableServer) -> None:
    server.facts._journal.path.mkdir()
    assert (await server.ask("POST", "/api/v1/silences", server.token(), json=SILENCE)).status == 503
    (row,) = await listed(server)
    assert (row["event"], row["product"], row["recorded"]) == ("silence", "forms", False)


async def test_selection_and_paging(server: WritableServer) -> None:
    token = server.token(Scope.ALERTS_WRITE, Scope.FACTS_WRITE, name="pipeline")
    for number in range(5):
        body = SILENCE | {"reason": f"number {number}"}
        assert (await server.ask("POST", "/api/v1/silences", token, json=body)).status == 201
        server.clock.jump(60)
    pause = {"product": "sso", "for": "1h", "reason": "replaced"}
    assert (await server.ask("POST", "/api/v1/pauses", token, json=pause)).status == 201
    assert [row["event"] for row in await listed(server, "product=sso")] == ["pause"]
    assert len(await listed(server, "event=silence&name=PIPELINE&means=token")) == 5
    assert await listed(server, "name=ana") == await listed(server, "means=link") == []
    everything, cursor, pages = await listed(server), "", []
    reader = server.token(Scope.AUDIT_READ, name="second")
    while cursor is not None:
        answer = await server.ask("GET", f"{PATH}?limit=2&cursor={cursor}", reader)
        pages.append(answer.body["changes"])
        cursor = answer.body["next"]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert [row for page in pages for row in page] == everything
    middle = everything[2]["at"]
    assert await listed(server, f"since={middle}") == everything[:3]
    assert await listed(server, f"until={middle}") == everything[3:]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=1", "means=magic", "since=yesterday", "limit=0", "x=1"])
async def test_invalid_selection_is_refused(server: WritableServer, query: str) -> None:
    answer = await server.ask("GET", f"{PATH}?{query}", server.token(Scope.AUDIT_READ))
    assert answer.status == 400
    assert answer.body["remedy"]


async def test_sign_in_sign_out_and_changes_of_a_person(tmp_path: Path) -> None:
    async with start(tmp_path) as world:
        world.provider.roles = ["operators"]
        await world.browser.sign_in()
        world.clock.jump(1)
        assert (await world.browser.silence(**SAME_ORIGIN)).status == 201
        world.clock.jump(1)
        assert (await world.browser.open("/logout", "POST", headers=SAME_ORIGIN)).status == 303
        out, silence, into = await listed(world.server)
        assert [row["event"] for row in (out, silence, into)] == ["sign_out", "silence", "sign_in"]
        assert {row["means"] for row in (out, silence, into)} == {"session"}
        assert len({(row["name"], row["client"], row["address"]) for row in (out, silence, into)}) == 1
        assert into["text"] == ["role: operator"]


async def test_refused_sign_ins_and_tokens_are_recorded_at_a_limited_rate(tmp_path: Path) -> None:
    async with start(tmp_path) as world:
        world.provider.roles = []
        assert (await world.browser.sign_in()).status == 403
        (row,) = await listed(world.server)
        assert (row["event"], row["text"]) == ("sign_in_refused", ["reason: no role"])
        for number in range(40):
            world.clock.jump(2)
            await world.server.ask("GET", "/api/v1/products", f"nw_{number}")
        refused = await listed(world.server, "event=token_refused")
        assert len(refused) == 20
        assert refused[0]["after"] == {"reason": "unknown", "method": "GET", "route": "/api/v1/products"}


async def test_address_is_that_before_the_trusted_proxy(tmp_path: Path) -> None:
    login = {"proxy": {"from": ["127.0.0.0/8"], "roles": {"admin": ["sre"]}}}
    headers = {"X-Forwarded-User": "Ana Ng", "X-Forwarded-Groups": "sre", "Sec-Fetch-Site": "same-origin"}
    async with writable(ledger_of(product("forms"), login=login), tmp_path) as server:
        for forwarded in ("203.0.113.9", "198.51.100.1, 203.0.113.9", "nonsense"):
            answer = await server.ask(
                "POST", "/api/v1/silences", json=SILENCE, headers={**headers, "X-Forwarded-For": forwarded}
            )
            assert answer.status == 201
            server.clock.jump(1)
        rows = (await server.ask("GET", PATH, headers=headers)).body["changes"]
        assert [row["address"] for row in rows] == ["127.0.0.1", "203.0.113.9", "203.0.113.9"]
        page = await server.ask("GET", "/changes", headers={**headers, "Accept": "text/html"})
        assert page.status == 200
        for text in ("Ana Ng (admin)", "203.0.113.9", "Silence", "load test"):
            assert text in page.text
        assert "form-action 'self'" in page.headers["Content-Security-Policy"]


async def test_only_administrators_and_tokens_with_the_scope_see_changes(server: WritableServer) -> None:
    assert (await server.ask("GET", PATH)).status == 401
    others = [scope for scope in Scope if scope is not Scope.AUDIT_READ]
    assert (await server.ask("GET", PATH, server.token(*others))).status == 403
    assert (await server.ask("GET", "/changes", server.token(*others, name="x"))).status == 403
