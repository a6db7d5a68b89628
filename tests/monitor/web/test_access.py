"""Every route declares its role, and a token permits what its scopes say and no more."""

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
from monitor.web.access import Role, declared
from monitor.web.server import build
from sla.interval import HOUR
from tests.monitor.web.conftest import small_ledger
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]


def whole(record: Path) -> web.Application:
    """Return the application with every part that a daemon can have."""
    ledger, clock = small_ledger(), ManualClock(NOW)
    beats = Heartbeats(ledger, lambda *_: None, clock)
    return build(ledger, Health(), clock, beats, record=record)


def test_every_route_declares_its_role(tmp_path: Path) -> None:
    routes = list(whole(tmp_path / "r.db").router.routes())
    assert [str(route) for route in routes if declared(route.handler) is None] == []
    assert len(routes) > 20


def test_no_route_that_writes_is_open_to_everyone(tmp_path: Path) -> None:
    """What is no GET needs a scope for writing, or a proof of its own."""
    routes = whole(tmp_path / "r.db").router.routes()
    writing = [(route, declared(route.handler)) for route in routes if route.method not in ("GET", "HEAD")]
    allowed = (Role.OWN, Role.ALERTS_WRITE, Role.FACTS_WRITE, Role.DRILLS_WRITE, Role.GATE_WRITE)
    assert [str(route) for route, found in writing if found is None or found.role not in allowed] == []
    assert writing


async def test_a_route_without_a_role_is_closed(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.web import liveness

    async def open_door(_: web.Request) -> web.Response:
        return web.Response(text="in")

    table = web.RouteTableDef()
    table.get("/forgotten")(open_door)
    monkeypatch.setattr(liveness, "routes", [*liveness.routes, *table])
    site = await publish(small_ledger())
    answer = await site.get("/forgotten")
    assert (answer.status, answer.text.partition(";")[0]) == (403, "this endpoint is closed")
    assert (await site.get("/livez")).status == 200


def token_of(record: Path, *scopes: Scope, expires: int | None = None, name: str = "ci") -> str:
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
    site = await publish(small_ledger(), record=tmp_path / "r.db")
    assert (await site.get(path)).status == 200
    assert (await site.get(path, headers=bearer("wrong"))).status == 200


@pytest.mark.parametrize("path", READING)
async def test_where_reading_needs_a_token_only_one_of_its_scope_reads(
    closed: RunningServer, tmp_path: Path, path: str
) -> None:
    reading, other = token_of(tmp_path / "r.db", Scope.READ), token_of(tmp_path / "r.db", Scope.FACTS_WRITE, name="x")
    answers = [await closed.get(path, headers=each) for each in ({}, bearer(other), bearer(reading))]
    assert [each.status for each in answers] == [401, 403, 200]
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="ninewatch"'
    assert 'error="insufficient_scope", scope="read"' in answers[1].headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_supervisor_needs_no_token(closed: RunningServer, path: str) -> None:
    assert (await closed.get(path)).status == 200


@pytest.mark.parametrize("how", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["//api/v1/products", "/api/v1/products/", "/./api/v1/products", "/static/../metrics"])
async def test_no_other_way_to_write_a_path_reads(closed: RunningServer, path: str, how: str) -> None:
    from yarl import URL

    async with closed.session.request(how, URL(closed.base + path, encoded=True)) as answer:
        assert answer.status in (401, 404)


async def test_a_token_is_refused_from_the_moment_it_expires_or_is_revoked(
    closed: RunningServer, tmp_path: Path
) -> None:
    record = tmp_path / "r.db"
    short, long = token_of(record, Scope.READ, expires=NOW + HOUR), token_of(record, Scope.READ, name="long")
    assert [(await closed.get("/", headers=bearer(each))).status for each in (short, long)] == [200, 200]
    closed.clock.jump(3_600)
    assert [(await closed.get("/", headers=bearer(each))).status for each in (short, long)] == [401, 200]
    token = TokenFile.of(record).find(long)
    assert token is not None
    TokenFile.of(record).revoke(token, "Ada", NOW + HOUR)
    answer = await closed.get("/", headers=bearer(long))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ninewatch", error="invalid_token"'


async def test_wrong_expired_and_revoked_tokens_get_the_same_answer(closed: RunningServer, tmp_path: Path) -> None:
    record = tmp_path / "r.db"
    expired, revoked = token_of(record, Scope.READ, expires=NOW - 1), token_of(record, Scope.READ, name="gone")
    token = TokenFile.of(record).find(revoked)
    assert token is not None
    TokenFile.of(record).revoke(token, "Ada", NOW)
    texts = {(await closed.get("/api/v1/products", headers=bearer(each))).text for each in (expired, revoked, "nw_x")}
    assert len(texts) == 1


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic {}", "{}", "Token {}", "Bearer {}x", "Bearer {} {}", "bearer\u00a0{}"]
)
async def test_a_token_that_is_sent_in_another_way_is_none(closed: RunningServer, tmp_path: Path, value: str) -> None:
    text = token_of(tmp_path / "r.db", Scope.READ)
    assert (await closed.get("/", headers={"Authorization": value.format(text, text)})).status == 401


async def test_neither_a_query_a_cookie_nor_a_second_header_carries_a_token(
    closed: RunningServer, tmp_path: Path
) -> None:
    text = token_of(tmp_path / "r.db", Scope.READ)
    assert (await closed.get(f"/?token={text}")).status == 401
    assert (await closed.get("/", headers={"Cookie": f"Authorization=Bearer {text}"})).status == 401
    twice = [("Authorization", f"Bearer {text}"), ("Authorization", "Bearer x")]
    assert (await closed.get("/", headers=twice)).status == 401


async def test_wrong_tokens_are_limited_and_take_nothing_from_a_right_one(
    closed: RunningServer, tmp_path: Path
) -> None:
    right = token_of(tmp_path / "r.db", Scope.READ)
    statuses = [(await closed.get("/", headers=bearer(f"nw_{number}"))).status for number in range(13)]
    assert statuses == [401] * 10 + [429] * 3
    assert (await closed.get("/", headers=bearer(right))).status == 200
    await closed.clock.advance(2)
    assert [(await closed.get("/", headers=bearer("x"))).status for _ in range(3)] == [401, 401, 429]


async def test_neither_the_log_nor_an_answer_repeats_a_token(
    closed: RunningServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong = token_of(tmp_path / "r.db", Scope.FACTS_WRITE), "nw_0123456789ab_" + "canary" * 7 + "x"
    with caplog.at_level(logging.DEBUG):
        answers = [await closed.get("/api/v1/products", headers=bearer(each)) for each in (right, wrong)]
    written = caplog.text + "".join(capsys.readouterr()) + "".join(each.text for each in answers)
    assert "canary" not in written
    assert right not in written
    assert right.rpartition("_")[2] not in written


async def test_no_token_is_accepted_while_the_file_cannot_be_used(closed: RunningServer, tmp_path: Path) -> None:
    text = token_of(tmp_path / "r.db", Scope.READ)
    path = TokenFile.of(tmp_path / "r.db").path
    path.write_text(path.read_text() + "{}\n")
    answer = await closed.get("/api/v1/products", headers=bearer(text))
    assert (answer.status, (await answer.json())["error"]) == (503, "the tokens cannot be read")
    assert str(tmp_path) not in answer.text


async def test_a_disk_that_does_not_answer_holds_one_thread_and_no_other_request(
    closed: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, entered = threading.Event(), []

    def hang(_: TokenFile) -> dict[str, object]:
        entered.append(True)
        assert gate.wait(60)
        return {}

    monkeypatch.setattr(access, "READING_SECONDS", 0.05)
    monkeypatch.setattr(TokenFile, "tokens", hang)
    statuses = [(await closed.get("/", headers=bearer("nw_x"))).status for _ in range(4)]
    assert (statuses, len(entered)) == ([503] * 4, 1)
    assert (await closed.get("/livez")).status == 200
    gate.set()


async def test_without_a_record_there_are_no_tokens(publish: Publish) -> None:
    ledger = small_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"access": AccessBlock(read="token")})
    site = await publish(ledger)
    assert (await site.get("/", headers=bearer("nw_0123456789ab_" + "A" * 43))).status == 401
