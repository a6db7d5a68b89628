"""Alerts on the pages and in the API: the runbook, firing alerts, and alerts that cannot fire."""

from __future__ import annotations

import html
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.exporters.rules import BASE, Options, alerts
from monitor.generate import ROOT
from monitor.web.context import HEADERS
from monitor.web.runbook import runbook_html
from sla.interval import MINUTE
from tests.monitor.web.test_pages import Outline
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, ledger_of, probe_all, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer

ALERTS = list(alerts(Options(products=["any"])))
CANNOT_FIRE = "NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4, and at an objective of 90% over 30d"


async def test_every_alert_has_an_anchor_in_the_served_runbook(server: RunningServer) -> None:
    response = await server.get("/runbook")
    assert (response.status, response.raw.content_type) == (200, "text/html")
    assert response.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    page = Outline(response.text)
    anchors = [attrs["id"] for attrs in page.attributes_of("h2")]
    assert sorted(map(str, anchors)) == sorted(alert.name for alert in ALERTS)
    for alert in ALERTS:
        path, _, anchor = alert.annotations["runbook_url"].removeprefix(BASE).partition("#")
        assert path == "/runbook"
        assert anchor in anchors


async def test_runbook_has_valid_links_and_no_external_resources(
    server: RunningServer,
) -> None:
    page = Outline((await server.get("/runbook")).text)
    ids = {attrs.get("id") for _, attrs in page.tags}
    internal_links = [str(attrs["href"]) for attrs in page.attributes_of("a") if str(attrs["href"]).startswith("#")]
    assert internal_links
    assert {link.removeprefix("#") for link in internal_links} <= ids
    assert not page.attributes_of("script")
    assert not [attrs for _, attrs in page.tags if "style" in attrs]
    assert all(str(attrs["href"]).startswith("/static/") for attrs in page.attributes_of("link"))


async def test_pages_linked_from_alerts_exist(server: RunningServer) -> None:
    for alert in ALERTS:
        path = alert.annotations["page_url"].removeprefix(BASE).replace("{{ $labels.product }}", "css")
        assert (await server.get(path)).status == 200


def test_unusable_link_is_rejected_when_the_runbook_is_generated() -> None:
    assert '<h2 id="Alert">' in runbook_html("# R\n\n## Alert\nsee [it](#alert), [more](https://example.org)\n")
    with pytest.raises(ValueError, match=r"links to probes\.md"):
        runbook_html("# R\n\n## Alert\nsee [it](probes.md)\n")


async def test_alert_that_cannot_fire_is_shown_in_the_api_and_on_the_page(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("low", objective="90%"), product("high", objective="99.9%"))
    probe_all(ledger, ledger.entries.values(), NOW - 60 * MINUTE, NOW, GOOD_RESULT)
    server = await publish(ledger)
    products = {product["id"]: product for product in await (await server.get("/api/v1/products")).json()}
    assert [text.startswith(CANNOT_FIRE) for text in products["low"]["alerts_that_cannot_fire"]] == [True]
    assert products["high"]["alerts_that_cannot_fire"] == []
    fast, *others = (await (await server.get("/api/v1/products/low")).json())["burn_alerts"]
    assert (fast["alert"], fast["threshold"], fast["firing"]) == ("NinewatchBudgetBurnsFast", None, False)
    assert fast["cannot_fire"].startswith(CANNOT_FIRE)
    assert [(other["threshold"], other["cannot_fire"]) for other in others] == [(6.0, None), (1.0, None)]
    assert CANNOT_FIRE in html.unescape((await server.get("/products/low")).text)
    assert "cannot fire" not in (await server.get("/products/high")).text


async def test_burn_alert_firing_is_true_when_burning_and_null_when_unknown(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("burning"), product("unseen"))
    probe_all(ledger, ledger.entries_of("burning"), NOW - 60 * MINUTE, NOW, BAD_RESULT)
    server = await publish(ledger)
    burning = (await (await server.get("/api/v1/products/burning")).json())["burn_alerts"]
    unseen = (await (await server.get("/api/v1/products/unseen")).json())["burn_alerts"]
    assert [alert["firing"] for alert in burning] == [True, True, True]
    assert [alert["firing"] for alert in unseen] == [None, None, None]


def test_wheel_contains_the_runbook(tmp_path: Path) -> None:
    """An installation without docs/ serves the runbook too."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        body = packed.read("monitor/web/templates/runbook_body.html").decode()
    assert all(f'<h2 id="{alert.name}">' in body for alert in ALERTS)
