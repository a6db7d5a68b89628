"""The four ways to find the active site, from real probes: DNS answer, response header, body and certificate."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from monitor.engine.site_observer import SiteObserver
from monitor.ledger.product_sites import recorded_failovers
from monitor.views.sites import sites_json
from sla.sites import ChangeKind
from tests.monitor.test_product_sites import RecordingFacts
from tests.support.certificates import Issued, context_with_chain, issue_certificate
from tests.support.dns_switch import DnsSwitch
from tests.support.http_target import HttpTarget
from tests.support.probed_portfolio import ProbedPortfolio, clock_from_now, probed_portfolio
from tests.support.servers import http_response, read_request, send_nothing, serve_tcp

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.clocks import ManualClock

SITES = {"gold": "192.0.2.1", "dr": "192.0.2.2"}
Switch = tuple[dict[str, dict[str, Any]], "Callable[[str], None]"]


@contextlib.asynccontextmanager
async def dns_answer(_: Path) -> AsyncIterator[Switch]:
    """Yield the `active` check of each site, and a function that moves the product to a site: by DNS."""
    with DnsSwitch(SITES["gold"]).serving() as dns:
        resolver = f"127.0.0.1:{dns.port}"
        checks = {
            site: {"dns": "sso.example.org", "resolver": resolver, "expect": {"answer": [address]}}
            for site, address in SITES.items()
        }
        yield checks, lambda site: setattr(dns, "address", SITES[site])


@contextlib.asynccontextmanager
async def response(_: Path, *, header: bool) -> AsyncIterator[Switch]:
    """Yield the same for a server that has its site in a response header, or in the body."""
    active = ["gold"]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        body = json.dumps({"cluster": {"site": active[-1]}}).encode()
        writer.write(http_response(X_Site=active[-1]) if header else http_response(body))
        await writer.drain()

    async with serve_tcp(handler) as port:
        url = f"http://127.0.0.1:{port}/health"
        expectations = {
            site: {"header": {"X-Site": site}} if header else {"json": {"$.cluster.site": site}} for site in SITES
        }
        yield {site: {"http": url, "expect": expect} for site, expect in expectations.items()}, active.append


@contextlib.asynccontextmanager
async def certificate(folder: Path) -> AsyncIterator[Switch]:
    """Yield the same for servers with a certificate of their own, for one name."""
    authority = issue_certificate("authority", 60)
    (folder / "ca.pem").write_bytes(authority.pem)
    contexts, fingerprints = {}, {}
    for site in SITES:
        issued = issue_certificate("sso", 60, authority, host="127.0.0.1")
        contexts[site] = context_with_chain(folder, issued)
        fingerprints[site] = fingerprint(issued)
    active = ["gold"]
    front = contexts["gold"]

    def select(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = contexts[active[-1]]

    front.sni_callback = select
    async with serve_tcp(send_nothing, front) as port:
        options = {"target": f"127.0.0.1:{port}", "ca": str(folder / "ca.pem")}
        yield {site: {"tls": {**options, "sha256": fingerprints[site]}} for site in SITES}, active.append


def fingerprint(issued: Issued) -> str:
    """Return the SHA-256 fingerprint of a certificate."""
    return hashlib.sha256(issued.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


Checks = dict[str, dict[str, Any]]


def write_config(
    folder: Path, active: Checks, health: str, direct: Checks | None = None, readiness: dict[str, Any] | None = None
) -> Path:
    """Write a product with two sites."""
    sites = []
    for name, check in active.items():
        checks = {"active": {"id": f"{name}-active", **check}}
        sites.append({"id": name, **checks} | ({"direct": {"id": f"{name}-direct", **direct[name]}} if direct else {}))
    product = {"id": "sso", "objective": "99%", "sites": sites, "failover": {"within": "15m"}}
    product |= {"checks": [{"id": "health", "http": health}]} | ({"readiness": readiness} if readiness else {})
    config = folder / "ninewatch.yaml"
    config.write_text(json.dumps({"listen": "127.0.0.1:0", "products": [product]}))
    return config


async def observe_at(portfolio: ProbedPortfolio[ManualClock], observer: SiteObserver) -> str | None:
    """Probe twice, a minute apart, and return the active site."""
    for _ in range(2):
        await portfolio.probe()
        portfolio.clock.jump(60)
    observer.update()
    sso = portfolio.ledger.products["sso"]
    active: str | None = sites_json(portfolio.ledger, sso, portfolio.clock.now())["active"]
    return active


@pytest.mark.parametrize(
    "indicator",
    [
        dns_answer,
        lambda folder: response(folder, header=True),
        lambda folder: response(folder, header=False),
        certificate,
    ],
    ids=["dns answer", "response header", "body value", "certificate"],
)
async def test_site_is_found_and_its_changes_are_recorded(
    indicator: Callable[[Path], contextlib.AbstractAsyncContextManager[Switch]], tmp_path: Path
) -> None:
    with HttpTarget().serving() as target:
        async with indicator(tmp_path) as (checks, switch):
            config = write_config(tmp_path, checks, target.url("/health"))
            async with probed_portfolio(config, clock_from_now()) as portfolio:
                facts = RecordingFacts(portfolio.ledger)
                observer = SiteObserver(portfolio.ledger, facts, portfolio.clock)  # type: ignore[arg-type]
                actives = []
                for site in ("gold", "dr", "gold"):
                    switch(site)
                    actives.append(await observe_at(portfolio, observer))
                failovers = recorded_failovers(portfolio.ledger, portfolio.clock.now(), "sso")
    assert actives == ["gold", "dr", "gold"]
    assert [failover.change.kind for failover in failovers] == [ChangeKind.FAILOVER, ChangeKind.FAILBACK]


class Site:
    """A listener at an address of loopback, which a test closes and opens again."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.host, self.port, self.names = host, port, list[str]()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._handle, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await read_request(reader)).decode()
        self.names += [line.partition(":")[2].strip() for line in head.splitlines() if line.lower().startswith("host:")]
        writer.write(http_response(b"ok"))
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def two_sites() -> AsyncIterator[tuple[Site, Site]]:
    """Run two sites on one port of two addresses."""
    gold = Site("127.0.1.1")
    await gold.open()
    dr = Site("127.0.1.2", gold.port)
    await dr.open()
    try:
        yield gold, dr
    finally:
        await gold.close()
        await dr.close()


async def test_each_site_is_probed_directly_by_its_address_with_the_name_of_the_product(tmp_path: Path) -> None:
    """The standby site answers although it is not the active one; without an answer the item is unmet."""
    async with dns_answer(tmp_path) as (checks, _), two_sites() as (gold, dr):
        url = f"http://sso.example.org:{gold.port}/health"
        direct = {site: {"http": url, "resolve_to": at.host} for site, at in (("gold", gold), ("dr", dr))}
        config = write_config(tmp_path, checks, f"http://127.0.1.1:{gold.port}/", direct, {"checklist": "dr-tiers"})
        async with probed_portfolio(config, clock_from_now()) as portfolio:
            assert await portfolio.probe() == {"sso/dr-active": "dns_answer"}
            assert portfolio.item_states("sso")[1] == "met", "both sites answer directly"
            assert (gold.names[-1], dr.names[-1]) == (f"sso.example.org:{gold.port}",) * 2
            await dr.close()
            portfolio.clock.jump(60)
            assert (await portfolio.probe())["sso/dr-direct"] == "connect_refused"
            assert portfolio.item_states("sso")[1] == "unmet"
            await dr.open()
            portfolio.clock.jump(60)
            assert "sso/dr-direct" not in await portfolio.probe()
            assert portfolio.item_states("sso")[1] == "met"
