"""A browser that signs in to a daemon through a local OpenID Connect provider."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from sla.interval import SECOND
from tests.support.alerting import ledger_with_receivers
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, product
from tests.support.openid_provider import OpenIdProvider, openid_provider
from tests.support.writable_server import Answer, WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SILENCE = {"product": "forms", "for": "1h", "reason": "load test"}


@dataclass
class Browser:
    """A browser with cookies. Redirects are followed one by one."""

    server: WritableServer
    session: aiohttp.ClientSession

    async def open(self, address: str, method: str = "GET", **options: Any) -> Answer:
        url = self.server.base + address if address.startswith("/") else address
        headers = {"Accept": "text/html", **options.pop("headers", {})}
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **options) as answer:
            text = await answer.text()
            body = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, text, dict(answer.headers), body)

    async def follow(self, answer: Answer) -> Answer:
        while answer.status in (302, 303):
            answer = await self.open(answer.headers["Location"])
        return answer

    async def sign_in(self, path: str = "/") -> Answer:
        return await self.follow(await self.open(path))

    async def who(self) -> tuple[str | None, str | None]:
        body = (await self.open("/api/v1/session")).body
        return body["name"], body["role"]

    async def silence(self, **headers: str) -> Answer:
        """Send a change with the session."""
        return await self.open("/api/v1/silences", "POST", json=SILENCE, headers=headers)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}


@contextlib.asynccontextmanager
async def browser_of(server: WritableServer) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(server, session)


@dataclass
class World:
    provider: OpenIdProvider
    server: WritableServer
    browser: Browser
    clock: ManualClock

    def configure(self, **changed: Any) -> None:
        """Change the configuration, as a reload does."""
        portfolio = self.server.harness.ledger.portfolio
        self.server.harness.ledger.portfolio = portfolio.model_copy(update=changed)


@contextlib.asynccontextmanager
async def start(folder: Path, **changed: Any) -> AsyncIterator[World]:
    clock = ManualClock(NOW)
    async with openid_provider(lambda: clock.now() // SECOND) as provider:
        login = provider.login(**changed)
        ledger = ledger_with_receivers(product("forms"), receivers=[], login=login)
        async with writable(ledger, folder, clock) as server, browser_of(server) as browser:
            yield World(provider, server, browser, clock)
