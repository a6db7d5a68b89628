"""Every page in Chromium, in both themes: axe-core finds nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.web.access import declaration_of
from monitor.web.server import build, listen
from sla.interval import DAY, MINUTE
from sla.window import format_instant
from tests.monitor.web.test_actions import PROXY
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import NOW, product
from tests.support.serve import portfolio
from tests.support.status_pages import PAGE, maintenance, public_ledger, status_page, with_incidents
from tests.support.subscribers import link, subscriber_world
from tests.support.writable_server import open_alert, writable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Page

    from monitor.ledger.ledger import Ledger

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium]

READERS = (
    "/",
    "/products/chefs",
    "/products/notify",
    "/runbook",
    "/calendar",
    "/reports",
    "/calculator",
    "/plan",
    "/no-such-page",
    "/reports?lang=fr",
)
OPERATORS = ("/actions", "/changes", "/session", "/calendar", "/incidents/{id}", "/acknowledge/{token}")
SUBSCRIBERS = (
    "/status/{page}/subscribe",
    "/status/{page}/subscribe/requested",
    "/status/{page}/subscribe/left",
    "/status/{page}/confirm/{token}",
    "/status/{page}/subscription/{token}",
)
PUBLIC = (
    "/status/{page}",
    "/status/{page}/history",
    "/status/{page}/incidents/{id}",
    "/status/no-such-page",
    "/status/{page}?lang=fr",
)
NOT_PAGES = (
    "/api/",
    "/metrics",
    "/static/",
    "/livez",
    "/readyz",
    "/-/",
    "/ping/",
    "/probe",
    "/mcp",
    "/login",
    "/docs",
    "/events",
    "/logout",
)
ADMINISTRATOR = {"X-Forwarded-User": "Ana Ng", "X-Forwarded-Groups": "sre"}
ADMINISTRATOR_OF_API = {**ADMINISTRATOR, "Sec-Fetch-Site": "same-origin"}
KINDS = ["readers", "operators", "public", "subscribers"]
OPENED = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


@contextlib.asynccontextmanager
async def serving(ledger: Ledger) -> AsyncIterator[str]:
    """Serve a ledger that accepts no changes; yield the address."""
    clock = SystemClock()
    listener = await listen(build(ledger, Health(last_tick=clock.monotonic()), clock), "127.0.0.1", 0)
    try:
        yield f"http://{listener.addresses[0]}"
    finally:
        await listener.close()


def bilingual_page(now: int) -> Ledger:
    """Return a ledger whose status page is in English and French."""
    return public_ledger(now, page=status_page(languages=["en", "fr"]), maintenance=[maintenance(now + DAY)])


@contextlib.asynccontextmanager
async def addresses(kind: str, folder: Path) -> AsyncIterator[tuple[list[str], dict[str, str]]]:
    """Serve the pages of a kind of reader; yield their addresses and the headers of the requests."""
    now = SystemClock().now() // MINUTE * MINUTE
    if kind == "operators":
        ledger = ledger_with_receivers(product("forms"), product("sso"), receivers=[], login=PROXY)
        async with writable(ledger, folder) as server:
            await open_alert(server)
            body = {"all": True, "start": format_instant(NOW + DAY), "for": "2h", "reason": "power"}
            added = await server.ask("POST", "/api/v1/maintenance", headers=ADMINISTRATOR_OF_API, json=body)
            assert added.status == 201, added.text
            incident = server.harness.ledger.incidents[0].id
            token = server.link("forms/health").rpartition("/")[2]
            paths = [path.replace("{id}", incident).replace("{token}", token) for path in OPERATORS]
            yield [server.base + path for path in paths], ADMINISTRATOR
        return
    if kind == "subscribers":
        async with subscriber_world(folder, languages=["en", "fr"]) as world:
            manage = await world.subscribe()
            await world.request("second@example.net")
            (mail,) = await world.mails()
            forms = [path.replace("{page}", "citizens") for path in SUBSCRIBERS[:3]]
            yield [world.server.base + path for path in (*forms, link(mail, "confirm"), manage)], {}
        return
    ledger = portfolio(now) if kind == "readers" else bilingual_page(now)
    paths = list(READERS)
    if kind == "public":
        with_incidents(ledger, now)
        incident = ledger.facts.public_incidents[0].id
        paths = [path.replace("{page}", PAGE).replace("{id}", incident) for path in PUBLIC]
    async with serving(ledger) as base:
        yield [base + path for path in paths], {}


async def opened(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url)
    await page.evaluate(OPENED)
    return page


def findings(url: str, violations: Iterable[dict[str, Any]]) -> list[str]:
    return [
        f"{url}: {violation['id']}: {node['html'][:200]}" for violation in violations for node in violation["nodes"]
    ]


def test_every_page_of_the_server_is_examined() -> None:
    application = build(portfolio(NOW), Health(), SystemClock())
    files = {"svg", "json", "ics", "csv", "atom", "md"}
    pages = set()
    for route in application.router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        if route.method == "GET" and declaration_of(route.handler) and not path.startswith(NOT_PAGES) and path != "/":
            pages.add(path)
    pages = {
        path
        for path in pages
        if path.rpartition(".")[2] not in files
        and "/claims/" not in path
        and path != "/reports/file"
        and not path.endswith("{logo}")
    }
    assert pages == {"/products/{id}", *READERS[3:8], *OPERATORS, *PUBLIC[:3], *SUBSCRIBERS}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
async def test_axe_finds_nothing(browser: Browser, tmp_path: Path, kind: str, scheme: Any) -> None:
    violations = []
    async with addresses(kind, tmp_path) as (urls, headers):
        context = await browser.new_context(color_scheme=scheme, extra_http_headers=headers)
        for url in urls:
            page = await opened(context, url)
            violations += findings(url, (await Axe().run(page)).response["violations"])
            await page.close()
    assert violations == []
