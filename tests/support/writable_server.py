"""A server that accepts changes: real alerting, facts, tokens and links over a manual clock and a store in memory."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from monitor.access.link import Claim, LinkSigner, load_signer
from monitor.access.scopes import Scope
from monitor.access.subscriptions import Subscriptions
from monitor.access.tokens import TokenFile, new_token
from monitor.engine.fact_recorder import FactRecorder
from monitor.engine.probe_environment import probe_environment
from monitor.facts.journal import Journal
from monitor.web.rate_limit import RateLimit
from monitor.web.server import build, listen
from monitor.web.write_context import WriteContext
from sla.interval import HOUR
from tests.support.alerting import BAD, GOOD, AlertingHarness, run_alerting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact
    from tests.support.clocks import ManualClock
    from tests.support.stores import MemoryStore


@dataclass(frozen=True)
class Answer:
    """A complete response. `body` is its parsed JSON, None for other content."""

    status: int
    text: str
    headers: dict[str, str]
    body: Any


@dataclass
class WritableServer:
    """A server on a free port, and the parts that it changes."""

    base: str
    harness: AlertingHarness
    facts: FactRecorder
    record: Path
    signer: LinkSigner
    session: aiohttp.ClientSession

    @property
    def clock(self) -> ManualClock:
        """The clock of the server."""
        return self.harness.clock

    @property
    def journal(self) -> list[Fact]:
        """The facts on disk."""
        return Journal.of(self.record).read()

    def token(self, *scopes: Scope, name: str = "pipeline", **limits: Any) -> str:
        """Create a token. The default scope is `alerts:write`."""
        token, text = new_token(name, "Ada", scopes or (Scope.ALERTS_WRITE,), self.clock.now(), **limits)
        TokenFile.of(self.record).add(token)
        return text

    def link(self, key: str, receiver: str = "ops", product: str = "forms", expires: int | None = None) -> str:
        """Return the path of a link to acknowledge the alert, valid for an hour."""
        until = self.clock.now() + HOUR if expires is None else expires
        return f"/acknowledge/{self.signer.token(Claim(key, receiver, product, until // 1_000_000 * 1_000_000))}"

    async def ask(self, method: str, path: str, token: str = "", **options: Any) -> Answer:
        """Send a request and return the response. Redirects are not followed."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        async with self.session.request(
            method, self.base + path, headers=headers, allow_redirects=False, **options
        ) as answer:
            text = await answer.text()
            body = await answer.json() if answer.content_type == "application/json" and text else None
            return Answer(answer.status, text, dict(answer.headers), body)

    async def page(self, method: str, path: str, **fields: str) -> Answer:
        """Send a request as a browser does."""
        return await self.ask(method, path, headers={"Accept": "text/html"}, **({"data": fields} if fields else {}))


@contextlib.asynccontextmanager
async def writable(
    ledger: Ledger,
    folder: Path,
    clock: ManualClock | None = None,
    *,
    deliver: bool = False,
    store: MemoryStore | None = None,
) -> AsyncIterator[WritableServer]:
    """Serve a ledger that accepts changes while the `with` block runs. It continues the record of `store`."""
    record = folder / "ninewatch.db"
    signer, subscriptions = load_signer(record), Subscriptions.load(record)
    async with run_alerting(
        ledger, store, clock, deliver=deliver, signer=signer, subscriptions=subscriptions
    ) as harness:
        facts = FactRecorder(ledger, Journal.of(record), harness.writer, harness.clock, harness.health)
        async with probe_environment(harness.clock, harness.health) as (runner, _), aiohttp.ClientSession() as session:
            write_context = WriteContext(
                facts, harness.alerting, runner.new_attempt, RateLimit(harness.clock), signer, subscriptions
            )
            server = build(ledger, harness.health, harness.clock, record=record, write_context=write_context)
            listener = await listen(server, "127.0.0.1", 0)
            try:
                yield WritableServer(f"http://{listener.addresses[0]}", harness, facts, record, signer, session)
            finally:
                await listener.close()


async def open_alert(server: WritableServer, key: str = "forms/health") -> str:
    """Let the check of the product fail, and return the key of the product's alert."""
    server.harness.observe(GOOD, BAD, BAD, key=key)
    await server.harness.written()
    return next(alert.key for alert in server.harness.alerting.open_alerts() if alert.product == key.partition("/")[0])
