"""The page of all products: what needs attention comes first, and the address selects, orders and groups."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from monitor.config.maintenance import Maintenance
from monitor.delivery_status import Deliveries, DeliveryState, DeliveryStatus, QuorumLoss
from monitor.vantage_status import ReferenceStatus, VantageStatus
from sla.interval import DAY, HOUR, MINUTE
from sla.readiness import Checklist, ChecklistItem
from sla.window import format_instant
from tests.monitor.web.test_pages import Outline, outline
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import BAD_RESULT, NOW, history, ledger_of, probe_all, product
from tests.support.writable_server import open_alert, writable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]

DRILL = Checklist("drills", "Drills", "", (ChecklistItem("restore", "Restore is drilled", "", "", Fraction(99, 100)),))
EXPIRED = {"checklist": DRILL, "attested": [{"item": "restore", "by": "Ada", "until": "2020-01-01"}]}


def portfolio() -> Ledger:
    """Return products that are down, spent, above their ceiling, unknown, and two without any finding."""
    ledger = ledger_of(
        product("calm", name="Calm", team="B", tags=["public", "forms"]),
        product("down", name="Down service", objective="99%", team="B"),
        product("spent", name="Spent service", objective="99.99%", team="A", tags=["public"]),
        product("capped", name="Capped service", team="A", readiness=EXPIRED),
        product("unknown", name="Unknown service"),
        product("spare", name="Spare"),
    )
    outage = [(NOW - 20 * DAY, NOW - 20 * DAY + 30 * MINUTE, "deadline")]
    for name in ("calm", "down", "spent", "capped", "spare"):
        outages = outage if name == "spent" else []
        ledger.restore(history(f"{name}/health", NOW - 31 * DAY, NOW - 5 * MINUTE, outages), [], [])
        bad = {"result": BAD_RESULT} if name == "down" else {}
        probe_all(ledger, ledger.entries_of(name), NOW - 4 * MINUTE, NOW, **bad)
    return ledger


@pytest.fixture
async def server(publish: Publish) -> RunningServer:
    return await publish(portfolio())


async def table(server: RunningServer, query: str) -> list[str]:
    """Return the products in the table of the page, in their order."""
    response = await server.get(f"/?{query}")
    assert response.status == 200
    _, _, body = response.text.partition('<table class="cards portfolio">')
    rows, _, _ = body.partition("</table>")
    return [part.partition('"')[0] for part in rows.split('<a href="/products/')[1:]]


async def test_attention_lists_every_cause_the_worst_first(server: RunningServer) -> None:
    text = (await outline(server, "/")).text
    needs = text[text.index("Needs attention") : text.index("Products Search")]
    expected = [
        "Down service down for 4m: http_status incident",
        "Unknown service state unknown: no observation yet",
        "Spent service budget overspent by 26m 40s",
        "Capped service objective 99.9% is above the claim ceiling 99% evidence expired: Restore is drilled",
    ]
    places = [needs.find(part) for part in expected]
    assert -1 not in places, needs
    assert places == sorted(places)
    assert "Calm" not in needs


async def test_unknown_state_names_the_checks_without_an_observation(publish: Publish) -> None:
    ledger = ledger_of(product("half", 2, rule="all"), product("old"))
    first, _ = ledger.entries_of("half")
    probe_all(ledger, [first], NOW - 4 * MINUTE, NOW)
    probe_all(ledger, ledger.entries_of("old"), NOW - 50 * MINUTE, NOW - 40 * MINUTE)
    text = (await outline(await publish(ledger), "/")).text
    assert "half state unknown: no valid observation of 1 of 2 checks" in text
    assert "old state unknown: last observation 40m ago" in text


async def test_sentence_counts_the_causes_and_the_products_without_any(server: RunningServer) -> None:
    assert (
        "Down service is down, 1 product is unknown, 1 budget is spent, 1 objective is above its claim ceiling, "
        "1 product has expired evidence; 2 of 6 products need no attention." in (await outline(server, "/")).text
    )


async def test_calm_portfolio_says_so_and_has_no_list(publish: Publish) -> None:
    ledger = ledger_of(product("calm"))
    ledger.restore(history("calm/health", NOW - 31 * DAY, NOW, []), [], [])
    text = (await outline(await publish(ledger), "/")).text
    assert "Nothing needs attention" in text
    assert "Needs attention" not in text


async def test_budget_that_runs_out_is_a_forecast(publish: Publish) -> None:
    ledger = ledger_of(product("ill"))
    outage = [(NOW - HOUR, NOW - 57 * MINUTE, "deadline")]
    ledger.restore(history("ill/health", NOW - 31 * DAY, NOW, outage), [], [])
    text = (await outline(await publish(ledger), "/")).text
    assert "1 budget is forecast to run out." in text
    assert "at the burn rate of the last day" in text


async def test_silent_references_and_blind_vantages_need_attention(publish: Publish) -> None:
    server = await publish(portfolio())
    far = ReferenceStatus("dns-a", "tcp", "192.0.2.1:53", near=False, system=False, at=NOW, good=False)
    server.health.vantages = (VantageStatus("local", None, NOW, {"ip4": True}, (far,)),)
    assert "References of local no answer from dns-a" in (await outline(server, "/")).text
    server.health.vantages = (VantageStatus("local", None, NOW, {"ip4": False}, (far,)),)
    text = (await outline(server, "/")).text
    assert "Vantage local cannot observe: no far reference answers over IPv4" in text
    assert "1 vantage cannot observe" in text


async def test_silent_vantages_and_lost_quorums_need_attention(publish: Publish) -> None:
    server = await publish(portfolio())
    assert "Other vantages" not in (await outline(server, "/")).text
    east = DeliveryStatus("east", DeliveryState.SILENT, NOW - MINUTE, NOW - HOUR, 2, ("a/b",), problem="east: no file")
    west = DeliveryStatus("west", DeliveryState.DELIVERING, NOW - HOUR, NOW, 2, ())
    server.health.deliveries = Deliveries((east, west), (QuorumLoss("a/b", NOW - 2 * MINUTE, ("local",), 2),))
    text = (await outline(server, "/")).text
    assert "1 quorum cannot be reached, 1 vantage does not deliver in time" in text
    lost = "an outage of a/b has not been detectable for 2m: a/b: only local can vote, 2 votes are needed"
    assert f"Quorum of the vantages {lost}" in text
    assert "Vantage east silent for 1m: no observations arrive, the last one: 2026-09-21T13:13:20Z" in text
    others = text[text.index("Other vantages") :]
    assert "east silent" in others
    assert "east: no file 1 of 2" in others
    assert "west delivering" in others
    for path in ("/", "/products/calm"):
        assert "too few vantages deliver: an outage of a/b would not be detected" in (await outline(server, path)).text


async def test_page_without_an_acknowledgement_needs_attention_until_one_is_made(tmp_path: Path) -> None:
    ledger = ledger_with_receivers(product("forms"), receivers=[{"webhook": "http://127.0.0.1:1/"}])
    async with writable(ledger, tmp_path) as server:
        key, token = await open_alert(server), server.token()
        page = (await server.page("GET", "/")).text
        assert "page not acknowledged for" in page
        assert f'<a href="/incidents/{key}">acknowledge' in page
        assert (await server.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token)).status == 200
        await server.harness.update()
        assert "page not acknowledged" not in (await server.page("GET", "/")).text


async def test_products_are_grouped_by_team_the_worst_group_first(server: RunningServer) -> None:
    assert await table(server, "") == ["down", "calm", "unknown", "spare", "capped", "spent"]
    page = await outline(server, "/")
    assert [attrs.get("scope") for attrs in page.attributes_of("th")].count("rowgroup") == 3
    assert "No team 2 products" in page.text
    assert await table(server, "group=none") == ["down", "unknown", "calm", "capped", "spare", "spent"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=SERVICE+down", ["down"]),
        ("q=public", ["calm", "spent"]),
        ("q=calm+forms", ["calm"]),
        ("q=nothing", []),
        ("team=A", ["capped", "spent"]),
        ("team=No+team", ["unknown", "spare"]),
        ("tag=forms", ["calm"]),
        ("tag=public&team=A", ["spent"]),
        ("state=unknown", ["unknown"]),
        ("sort=name&group=none", ["calm", "capped", "down", "spare", "spent", "unknown"]),
        ("sort=budget&group=none&state=up", ["spent", "calm", "capped", "spare"]),
        ("sort=availability&group=none&q=service", ["spent", "down", "capped", "unknown"]),
    ],
)
async def test_address_selects_and_orders_the_products(server: RunningServer, query: str, expected: list[str]) -> None:
    assert await table(server, query) == expected
    page = await outline(server, f"/?{query}")
    assert ("No product matches" in page.text) == (expected == [])


async def test_form_shows_the_selection_and_works_without_a_script(server: RunningServer) -> None:
    response = await server.get("/?q=%3Cb%3E&team=A&sort=name")
    page = Outline(response.text)
    (form,) = page.attributes_of("form")
    assert (form["method"], form["action"]) == ("get", "/")
    assert page.attributes_of("input")[0]["value"] == "<b>"
    assert {option["value"] for option in page.attributes_of("option") if "selected" in option} == {"A", "name"}
    assert "form-action 'self'" in response.headers["Content-Security-Policy"]
    assert "Reset" in page.text


@pytest.mark.parametrize(
    ("query", "problem"),
    [("sort=size", "unknown sort"), ("group=x", "unknown group"), ("state=bad", "unknown state"), ("x=1", "unknown")],
)
async def test_unknown_parameter_or_value_is_refused_with_a_remedy(
    server: RunningServer, query: str, problem: str
) -> None:
    response = await server.get(f"/?{query}")
    assert (response.status, response.text.startswith(problem)) == (400, True)
    page = Outline((await server.get(f"/?{query}", headers={"Accept": "text/html"})).text)
    assert "Open the page without parameters" in page.text
    assert [attrs["href"] for attrs in page.attributes_of("a")] == ["#main", "/", "/"]


async def test_next_maintenance_is_shown_and_orders(publish: Publish) -> None:
    soon, later = (
        {"start": format_instant(NOW + days * DAY)[:16], "end": format_instant(NOW + days * DAY + HOUR)[:16]}
        for days in (1, 2)
    )
    blocks = {
        name: (Maintenance.model_validate({**times, "zone": "UTC", "reason": "patch"}),)
        for name, times in (("a", later), ("b", soon))
    }
    server = await publish(ledger_of(*(product(name, maintenance=blocks.get(name, ())) for name in ("a", "b", "c"))))
    assert (await outline(server, "/")).text.count("next maintenance 2") == 2
    assert await table(server, "sort=maintenance&group=none") == ["b", "a", "c"]
