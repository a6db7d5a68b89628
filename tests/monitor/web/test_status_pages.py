"""Public status pages: states, figures and staleness over HTTP, and that nothing private is published."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.config.access import AccessBlock
from monitor.config.agreement import Agreement
from monitor.config.model import HostPort
from monitor.views.formatting import moment
from monitor.web.server import build
from sla.interval import DAY, MINUTE
from tests.monitor.web.test_pages import Outline
from tests.support.ledgers import NOW, history, ledger_of, probe_all
from tests.support.status_pages import (
    PAGE,
    SECRET,
    maintenance,
    private_product,
    public_ledger,
    status_page,
    with_incidents,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]


async def page_text(server: RunningServer, path: str = f"/status/{PAGE}", **headers: str) -> str:
    answer = await server.get(path, headers={"Accept": "text/html", **headers})
    assert answer.status == 200
    return Outline(answer.text).text


async def test_page_has_one_sentence_and_the_state_of_each_component(publish: Publish) -> None:
    text = await page_text(await publish(public_ledger()))
    assert "Outage of 1 of 3 services: Online forms" in text
    assert re.search(r"Sign-in Operational .* Messages No current data .* Online forms Applications Outage", text)


async def test_private_texts_are_not_published_at_any_public_address(publish: Publish) -> None:
    subscribe = {"receiver": f"{SECRET}-mail", "contact": "Privacy officer"}
    ledger = public_ledger(page=status_page(subscribe=subscribe), maintenance=[maintenance()])
    past, current = with_incidents(ledger)
    assert SECRET in repr(ledger.portfolio)
    assert SECRET in repr(current)
    server = await publish(ledger)
    for path in public_paths(server, [current.id, past.id]):
        answer = await server.get(path)
        assert (answer.status, SECRET in answer.text, "99.837" in answer.text) == (200, False, False), path


def public_paths(server: RunningServer, incidents: list[str]) -> list[str]:
    """Return the address of everything that the server publishes about the page, from its route table."""
    application = build(server.ledger, server.health, server.clock)
    resources = [route.resource for route in application.router.routes() if route.method == "GET" and route.resource]
    formats = [resource.canonical for resource in resources if resource.canonical.startswith("/status/")]
    components = ["sign-in", "forms", "mail"]
    paths = []
    for text in formats:
        if "{logo}" in text or "{token}" in text:
            continue  # a file of the configuration; a page for one subscriber
        for name in incidents if "{id}" in text else components if "{component}" in text else [""]:
            paths.append(text.format(page=PAGE, id=name, component=name))
    assert len(paths) >= 4
    return paths


async def test_planned_maintenance_has_its_time_and_no_reason(publish: Publish) -> None:
    ledger = public_ledger(maintenance=[maintenance()])
    text = await page_text(await publish(ledger))
    planned = moment((NOW + DAY) // MINUTE * MINUTE, ledger.portfolio.zone).local
    assert f"Sign-in, Online forms, Messages: {planned}" in text.partition("Planned maintenance")[2]


async def test_days_without_data_are_neither_up_nor_down(publish: Publish) -> None:
    server = await publish(public_ledger(page=status_page(components=[COMPONENT])))
    answer = await server.get(f"/status/{PAGE}")
    days = re.findall(r'<g class="(\w+)">', answer.text)
    assert (len(days), days.count("down"), days[0], days[-1]) == (90, 1, "none", "up")
    assert "99.963% available, at least 44." in answer.text
    assert "no data" in Outline(answer.text).text


COMPONENT = {"id": "sign-in", "name": "Sign-in", "product": f"{SECRET}-sso"}


async def test_component_without_any_observation_has_no_figure(publish: Publish) -> None:
    page = status_page(components=[{"id": "new", "name": "New service", "product": f"{SECRET}-other"}])
    text = await page_text(await publish(public_ledger(page=page)))
    assert "No current data: the state of the services is not known" in text
    assert "no figure: no data" in text
    assert "There is no observation yet." in text
    assert "%" not in text.partition("Percentages")[0]


@pytest.mark.parametrize(
    ("figures", "expected_text"), [("raw", "maintenance included"), ("contractual", "after the excl")]
)
async def test_published_availability_is_the_configured_one(publish: Publish, figures: str, expected_text: str) -> None:
    server = await publish(excluding_ledger(figures))
    text = await page_text(server)
    assert expected_text in text
    assert ("100.000% available, at least" in text) == (figures == "contractual")


def excluding_ledger(figures: str) -> Ledger:
    """Return a ledger with an outage during maintenance that the agreement excludes."""
    outage = (NOW - 2 * DAY, NOW - 2 * DAY + 20 * MINUTE, "deadline")
    product = private_product(
        "sso",
        maintenance=[maintenance(NOW - 2 * DAY - 30 * MINUTE)],
        agreement=Agreement.model_validate({"excludes": ["maintenance"]}),
    )
    ledger = ledger_of(product, status_pages=[status_page(components=[COMPONENT], figures=figures)])
    key = next(iter(ledger.entries))
    ledger.restore(list(history(key, NOW - 89 * DAY, NOW, [outage])), [], [])
    return ledger


@pytest.mark.fault(51)
async def test_page_is_grey_with_the_reason_when_its_data_is_old(publish: Publish) -> None:
    server = await publish(public_ledger())
    assert 'class="live"' in (await server.get(f"/status/{PAGE}")).text
    server.clock.jump(3_600)
    answer = await server.get(f"/status/{PAGE}")
    assert 'class="stale"' in answer.text
    text = Outline(answer.text).text
    assert "The data on this page is old. The last observation is from" in text
    assert "1h before this page was made" in text
    assert "No current data: the state of the services is not known" in text


async def test_maintenance_in_progress_is_a_state_of_its_own(publish: Publish) -> None:
    server = await publish(public_ledger(maintenance=[maintenance()]))
    at = NOW + DAY + 30 * MINUTE
    probe_all(server.ledger, server.ledger.entries_of(f"{SECRET}-sso"), at - 10 * MINUTE, at)
    server.clock.jump((at - NOW) / 1_000_000)
    text = await page_text(server)
    assert "Sign-in Under maintenance" in text
    assert "Messages No current data" in text
    assert "in progress" in text


async def test_page_is_public_when_the_other_pages_need_a_token(publish: Publish, tmp_path: Path) -> None:
    ledger = public_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"access": AccessBlock(read="token")})
    server = await publish(ledger, record=tmp_path / "r.db")
    assert (await server.get("/")).status == 401
    assert (await server.get(f"/status/{PAGE}")).status == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
async def test_host_of_a_page_gets_public_pages_only(publish: Publish, address: str) -> None:
    ledger = public_ledger(page=status_page(host="Status.Example.org"))
    ledger.portfolio = ledger.portfolio.model_copy(update={"listen": HostPort(address, 9999)})
    server = await publish(ledger)
    headers = {"Host": "status.example.org:443", "Accept": "text/html"}
    home = await server.get("/", headers=headers)
    assert "Outage of 1 of 3 services" in home.text
    for link in re.findall(r'(?:href|src)="(/[^"]+)"', home.text):
        assert (await server.get(link, headers=headers)).status == 200, link
    for path in ("/metrics", "/api/v1/products", f"/products/{SECRET}-sso", "/runbook", "/livez", "/status/other"):
        answer = await server.get(path, headers=headers)
        assert (answer.status, SECRET in answer.text) == (404, False), path
    assert (await server.get("/", headers={"Host": "other.example.org"})).status in (401, 421)


async def test_unknown_page_and_logo_are_404(publish: Publish) -> None:
    server = await publish(public_ledger())
    for path in ("/status/none", f"/status/{PAGE}/logo.svg", f"/status/{PAGE}/logo.exe", "/status"):
        answer = await server.get(path, headers={"Accept": "text/html"})
        assert (answer.status, SECRET in answer.text) == (404, False), path


async def test_logo_is_served_and_cannot_run_scripts(publish: Publish, tmp_path: Path) -> None:
    image = tmp_path / f"{SECRET}.svg"
    image.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    server = await publish(public_ledger(page=status_page(logo=str(image))))
    assert f'<img src="/status/{PAGE}/logo.svg" alt="" class="logo">' in (await server.get(f"/status/{PAGE}")).text
    answer = await server.get(f"/status/{PAGE}/logo.svg")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_page_has_landmarks_and_headings_in_order(publish: Publish) -> None:
    answer = await (await publish(public_ledger())).get(f"/status/{PAGE}")
    page = Outline(answer.text)
    names = [name for name, _ in page.tags]
    assert [names.count(name) for name in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    levels = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attrs.get("aria-label") for attrs in page.attributes_of("svg") if attrs.get("role") == "img")
    assert 'style="' not in answer.text
    assert "refresh" not in answer.text


async def test_requests_share_a_view_for_a_few_seconds(publish: Publish) -> None:
    server = await publish(public_ledger())
    first = await server.get(f"/status/{PAGE}")
    server.clock.jump(4)
    assert (await server.get(f"/status/{PAGE}")).text == first.text
    server.clock.jump(2)
    assert (await server.get(f"/status/{PAGE}")).text != first.text
