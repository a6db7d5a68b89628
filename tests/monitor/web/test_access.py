"""Roles of routes, and the permissions of tokens."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from monitor.access.scopes import Scope
from monitor.access.tokens import TokenFile, new_token
from monitor.config.access import AccessBlock
from monitor.engine.heartbeats import Heartbeats
from monitor.health import Health
from monitor.web import access
from monitor.web.access import Role, declaration_of
from monitor.web.server import build
from sla.interval import HOUR
from tests.monitor.web.conftest import small_ledger
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]


def complete_application(record: Path) -> web.Application:
    """Return the application with every part that a daemon can have."""
    ledger, clock = small_ledger(), ManualClock(NOW)
    heartbeats = Heartbeats(ledger, lambda *_: None, clock)
    return build(ledger, Health(), clock, heartbeats, record=record)


@pytest.mark.fault(49)
def test_every_route_declares_its_role(tmp_path: Path) -> None:
    routes = list(complete_application(tmp_path / "r.db").router.routes())
    assert [str(route) for route in routes if declaration_of(route.handler) is None] == []
    assert len(routes) > 20


def test_routes_that_write_need_a_scope_or_verify_the_client(tmp_path: Path) -> None:
    routes = complete_application(tmp_path / "r.db").router.routes()
    declarations = [(route, declaration_of(route.handler)) for route in routes if route.method not in ("GET", "HEAD")]
    allowed = (Role.CHECKED_BY_HANDLER, Role.ALERTS_WRITE, Role.FACTS_WRITE, Role.DRILLS_WRITE, Role.GATE_WRITE)
    wrong = [route for route, actual in declarations if actual is None or actual.role not in allowed]
    assert [(route.method, route.resource and route.resource.canonical) for route in wrong] == [("POST", "/mcp")]
    assert declarations


async def test_route_without_a_role_is_rejected(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.web import liveness

    async def without_role(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    table = web.RouteTableDef()
    table.get("/forgotten")(without_role)
    monkeypatch.setattr(liveness, "routes", [*liveness.routes, *table])
    server = await publish(small_ledger())
    response = await server.get("/forgotten")
    assert (response.status, response.text.partition(";")[0]) == (403, "this endpoint is closed")
    assert (await server.get("/livez")).status == 200


def new_token_text(record: Path, *scopes: Scope, expires: int | None = None, name: str = "ci") -> str:
    token, text = new_token(name, "Ada", scopes, NOW, expires=expires)
    TokenFile.of(record).add(token)
    return text


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
async def closed(publish: Publish, tmp_path: Path) -> RunningServer:
    """A server whose pages need a token."""
    ledger = small_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"access": AccessBlock(read="token")})
    return await publish(ledger, record=tmp_path / "r.db")


READING = ["/", "/products/css", "/metrics", "/runbook", "/api/v1/products", "/api/v1/openapi.json"]


@pytest.mark.parametrize("path", READING)
async def test_reading_needs_no_token_unless_configured(publish: Publish, tmp_path: Path, path: str) -> None:
    server = await publish(small_ledger(), record=tmp_path / "r.db")
    assert (await server.get(path)).status == 200
    assert (await server.get(path, headers=bearer("wrong"))).status == 200


@pytest.mark.parametrize("path", READING)
async def test_read_access_by_token_requires_the_read_scope(closed: RunningServer, tmp_path: Path, path: str) -> None:
    reading, other = (
        new_token_text(tmp_path / "r.db", Scope.READ),
        new_token_text(tmp_path / "r.db", Scope.FACTS_WRITE, name="x"),
    )
    responses = [await closed.get(path, headers=headers) for headers in ({}, bearer(other), bearer(reading))]
    assert [response.status for response in responses] == [401, 403, 200]
    assert responses[0].headers["WWW-Authenticate"] == 'Bearer realm="ninewatch"'
    assert 'error="insufficient_scope", scope="read"' in responses[1].headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_health_endpoints_need_no_token(closed: RunningServer, path: str) -> None:
    assert (await closed.get(path)).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["//api/v1/products", "/api/v1/products/", "/./api/v1/products", "/static/../metrics"])
async def test_other_spellings_of_a_path_need_a_token_too(closed: RunningServer, path: str, method: str) -> None:
    from yarl import URL

    async with closed.session.request(method, URL(closed.base + path, encoded=True)) as response:
        assert response.status in (401, 404)


async def test_token_is_rejected_when_it_expires_or_is_revoked(closed: RunningServer, tmp_path: Path) -> None:
    record = tmp_path / "r.db"
    short, long = (
        new_token_text(record, Scope.READ, expires=NOW + HOUR),
        new_token_text(record, Scope.READ, name="long"),
    )
    assert [(await closed.get("/", headers=bearer(text))).status for text in (short, long)] == [200, 200]
    closed.clock.jump(3_600)
    assert [(await closed.get("/", headers=bearer(text))).status for text in (short, long)] == [401, 200]
    token = TokenFile.of(record).find(long)
    assert token is not None
    TokenFile.of(record).revoke(token, "Ada", NOW + HOUR)
    response = await closed.get("/", headers=bearer(long))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="ninewatch", error="invalid_token"'


@pytest.mark.fault(49)
async def test_wrong_expired_and_revoked_tokens_get_the_same_response(closed: RunningServer, tmp_path: Path) -> None:
    record = tmp_path / "r.db"
    expired, revoked = (
        new_token_text(record, Scope.READ, expires=NOW - 1),
        new_token_text(record, Scope.READ, name="gone"),
    )
    token = TokenFile.of(record).find(revoked)
    assert token is not None
    TokenFile.of(record).revoke(token, "Ada", NOW)
    texts = {(await closed.get("/api/v1/products", headers=bearer(text))).text for text in (expired, revoked, "nw_x")}
    assert len(texts) == 1


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic {}", "{}", "Token {}", "Bearer {}x", "Bearer {} {}", "bearer\u00a0{}"]
)
async def test_malformed_authorization_header_is_rejected(closed: RunningServer, tmp_path: Path, value: str) -> None:
    text = new_token_text(tmp_path / "r.db", Scope.READ)
    assert (await closed.get("/", headers={"Authorization": value.format(text, text)})).status == 401


async def test_token_in_query_cookie_or_second_header_is_rejected(closed: RunningServer, tmp_path: Path) -> None:
    text = new_token_text(tmp_path / "r.db", Scope.READ)
    assert (await closed.get(f"/?token={text}")).status == 401
    assert (await closed.get("/", headers={"Cookie": f"Authorization=Bearer {text}"})).status == 401
    two_headers = [("Authorization", f"Bearer {text}"), ("Authorization", "Bearer x")]
    assert (await closed.get("/", headers=two_headers)).status == 401


@pytest.mark.fault(49)
async def test_wrong_tokens_are_rate_limited_without_affecting_valid_ones(
    closed: RunningServer, tmp_path: Path
) -> None:
    valid_token = new_token_text(tmp_path / "r.db", Scope.READ)
    statuses = [(await closed.get("/", headers=bearer(f"nw_{number}"))).status for number in range(13)]
    assert statuses == [401] * 10 + [429] * 3
    assert (await closed.get("/", headers=bearer(valid_token))).status == 200
    await closed.clock.advance(2)
    assert [(await closed.get("/", headers=bearer("x"))).status for _ in range(3)] == [401, 401, 429]


async def test_log_and_responses_do_not_contain_tokens(
    closed: RunningServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    valid_token, wrong = new_token_text(tmp_path / "r.db", Scope.FACTS_WRITE), "nw_0123456789ab_" + "canary" * 7 + "x"
    with caplog.at_level(logging.DEBUG):
        responses = [await closed.get("/api/v1/products", headers=bearer(text)) for text in (valid_token, wrong)]
    content = caplog.text + "".join(capsys.readouterr()) + "".join(response.text for response in responses)
    assert "canary" not in content
    assert valid_token not in content
    assert valid_token.rpartition("_")[2] not in content


async def test_tokens_are_rejected_while_the_token_file_is_unreadable(closed: RunningServer, tmp_path: Path) -> None:
    text = new_token_text(tmp_path / "r.db", Scope.READ)
    path = TokenFile.of(tmp_path / "r.db").path
    path.write_text(path.read_text() + "{}\n")
    response = await closed.get("/api/v1/products", headers=bearer(text))
    assert (response.status, (await response.json())["error"]) == (503, "the tokens cannot be read")
    assert str(tmp_path) not in response.text


async def test_blocked_disk_blocks_one_thread_and_no_other_request(
    closed: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, entered = threading.Event(), []

    def hang(_: TokenFile) -> dict[str, object]:
        entered.append(True)
        assert gate.wait(60)
        return {}

    monkeypatch.setattr(access, "READ_TIMEOUT", 0.05)
    monkeypatch.setattr(TokenFile, "tokens", hang)
    statuses = [(await closed.get("/", headers=bearer("nw_x"))).status for _ in range(4)]
    assert (statuses, len(entered)) == ([503] * 4, 1)
    assert (await closed.get("/livez")).status == 200
    gate.set()


async def test_tokens_are_rejected_without_a_record(publish: Publish) -> None:
    ledger = small_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"access": AccessBlock(read="token")})
    server = await publish(ledger)
    assert (await server.get("/", headers=bearer("nw_0123456789ab_" + "A" * 43))).status == 401
