"""Every route with every role: people with a session, people behind a proxy, API tokens, and clients without either."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from monitor.access.roles import SCOPES, UserRole, lowest_role, role_of
from monitor.access.scopes import Scope
from monitor.web.access import Role, declaration_of
from monitor.web.server import build
from sla.interval import SECOND
from tests.monitor.web.test_login import browser_of
from tests.support.alerting import ledger_with_receivers
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, product
from tests.support.openid_provider import openid_provider
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from monitor.ledger.ledger import Ledger

_CHANGES = {Role.ALERTS_READ, Role.ALERTS_WRITE, Role.FACTS_WRITE, Role.DRILLS_WRITE}
PERMITTED = {
    "public": {Role.PUBLIC},
    "viewer": {Role.PUBLIC, Role.READ, Role.CALENDAR_READ},
    "operator": {Role.PUBLIC, Role.READ, Role.CALENDAR_READ} | _CHANGES,
    "admin": set(Role) - {Role.CHECKED_BY_HANDLER},
}
NAMES = {"public": [], "viewer": ["viewers"], "operator": ["operators"], "admin": ["admins"]}
ROLES = {"viewer": ["viewers"], "operator": ["operators"], "admin": ["admins"]}
PROXY = {"proxy": {"from": ["127.0.0.0/8"], "roles": ROLES}}


def ledger(login: dict[str, Any]) -> Ledger:
    return ledger_with_receivers(product("forms"), receivers=[], login=login)


async def admitted(session: aiohttp.ClientSession, server: WritableServer, headers: dict[str, str]) -> dict[Role, set]:
    """Send a request to every route, and return the results by the route's role: whether it was admitted."""
    results: dict[Role, set[tuple[str, bool]]] = {}
    application = build(server.harness.ledger, server.harness.health, server.clock)
    for route in application.router.routes():
        declaration = declaration_of(route.handler)
        assert declaration is not None, route
        assert route.resource is not None
        if declaration.role is Role.CHECKED_BY_HANDLER or route.resource.canonical.startswith("/login"):
            continue  # the handler verifies the client itself, or starts a sign-in
        path = re.sub(r"\{[^}]*\}", "forms", route.resource.canonical)
        async with session.request(route.method, server.base + path, headers=headers, allow_redirects=False) as answer:
            is_stream = answer.content_type == "text/event-stream"  # which does not end
            text = "" if is_stream and route.method == "GET" and answer.status == 200 else await answer.text()
        lacks_permission = not text or "your role" in text or "lacks the scope" in text  # HEAD has no text
        refused = answer.status == 401 or (answer.status == 403 and lacks_permission)
        assert answer.status < 500 or answer.status == 503, (route, answer.status, text)
        results.setdefault(declaration.role, set()).add((f"{route.method} {path}", not refused))
    return results


def check(results: dict[Role, set[tuple[str, bool]]], role: str) -> None:
    wrong = [
        (route_role.value, route)
        for route_role, answers in results.items()
        for route, was_admitted in answers
        if was_admitted != (route_role in PERMITTED[role])
    ]
    assert wrong == []
    assert sum(len(answers) for answers in results.values()) > 50
    assert set(results) >= {Role.PUBLIC, Role.READ, Role.GATE_WRITE, *_CHANGES}


SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("role", PERMITTED)
async def test_every_route_with_a_session(tmp_path: Path, role: str) -> None:
    clock = ManualClock(NOW)
    async with openid_provider(lambda: clock.now() // SECOND) as provider:
        login = provider.login(roles={"claim": "realm_access.roles", **ROLES})
        async with writable(ledger(login), tmp_path, clock) as server, browser_of(server) as browser:
            provider.roles = NAMES[role]
            assert (await browser.sign_in()).status == (403 if role == "public" else 200)
            check(await admitted(browser.session, server, SAME_ORIGIN), role)


@pytest.mark.parametrize("role", PERMITTED)
async def test_every_route_behind_a_proxy(tmp_path: Path, role: str) -> None:
    async with writable(ledger(PROXY), tmp_path) as server:
        headers = {"X-Forwarded-User": "ana", "X-Forwarded-Groups": f"other, {','.join(NAMES[role])}", **SAME_ORIGIN}
        check(await admitted(server.session, server, headers), role)


@pytest.mark.parametrize("role", PERMITTED)
async def test_every_route_with_a_token(tmp_path: Path, role: str) -> None:
    async with writable(ledger(PROXY), tmp_path) as server:
        scopes = SCOPES[UserRole(role)] if role != "public" else frozenset()
        headers = {"Authorization": f"Bearer {server.token(*scopes)}"} if scopes else {}
        check(await admitted(server.session, server, headers), role)


def test_every_scope_belongs_to_a_role() -> None:
    assert SCOPES[UserRole.VIEWER] < SCOPES[UserRole.OPERATOR] < SCOPES[UserRole.ADMIN] == set(Scope)
    assert {scope.value for scope in Scope} == {role.value for role in Role} - {"public", "handler"}
    assert [lowest_role(scope) for scope in (Scope.READ, Scope.FACTS_WRITE, Scope.GATE_WRITE)] == list(UserRole)


def test_highest_role_wins() -> None:
    assert role_of({"viewer": ["*"], "admin": ["sre"]}, []) is UserRole.VIEWER
    assert role_of({"viewer": ["*"], "admin": ["sre"]}, ["sre"]) is UserRole.ADMIN
    assert role_of({"operator": ["ops"]}, ["Ops", "viewer"]) is None


@contextlib.asynccontextmanager
async def behind_proxy(folder: Path, network: str = "127.0.0.1/32") -> AsyncIterator[WritableServer]:
    async with writable(ledger({"proxy": {"from": [network], "roles": ROLES}}), folder) as server:
        yield server


FORGED: list[list[tuple[str, str]]] = [
    [],
    [("X-Forwarded-Groups", "admins")],
    [("X-Forwarded-User", "ana")],
    [("X-Forwarded-User", ""), ("X-Forwarded-Groups", "admins")],
    [("X-Forwarded-User", "ana"), ("X-Forwarded-User", "eve"), ("X-Forwarded-Groups", "admins")],
    [("X-Forwarded-User", "a" * 101), ("X-Forwarded-Groups", "admins")],
    [("X-Forwarded-User", "a\tb"), ("X-Forwarded-Groups", "admins")],
]


@pytest.mark.parametrize("headers", FORGED, ids=str)
async def test_incomplete_or_ambiguous_proxy_headers_are_refused(
    tmp_path: Path, headers: list[tuple[str, str]]
) -> None:
    async with behind_proxy(tmp_path) as server, server.session.get(server.base, headers=headers) as answer:
        assert answer.status == 401


async def test_headers_from_another_network_are_ignored(tmp_path: Path) -> None:
    headers = {"X-Forwarded-User": "ana", "X-Forwarded-Groups": "admins"}
    async with behind_proxy(tmp_path, "192.0.2.0/24") as server:
        assert (await server.ask("GET", "/", headers=headers)).status == 401
    async with behind_proxy(tmp_path) as server:
        assert (await server.ask("GET", "/", headers=headers)).status == 200


async def test_change_behind_a_proxy_must_come_from_a_page_of_this_server(tmp_path: Path) -> None:
    headers = {"X-Forwarded-User": "Ana Ng", "X-Forwarded-Groups": "operators"}
    body = {"product": "forms", "for": "1h", "reason": "load test"}
    async with behind_proxy(tmp_path) as server:
        for origin in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await server.ask("POST", "/api/v1/silences", json=body, headers={**headers, **origin})
            assert answer.status == 403
        answer = await server.ask("POST", "/api/v1/silences", json=body, headers={**headers, **SAME_ORIGIN})
        assert (answer.status, answer.body["author"]) == (201, "Ana Ng")
        assert (await server.ask("GET", "/login")).status == 404
