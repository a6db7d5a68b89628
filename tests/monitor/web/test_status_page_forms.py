"""The forms of public incidents at /actions: filled with the facts of an outage, published by an operator."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.monitor.web.test_actions import PROXY, Operator, link_of
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW
from tests.support.status_pages import PAGE, SECRET, public_ledger
from tests.support.writable_server import writable

if TYPE_CHECKING:
    from pathlib import Path

FORM = f"status-pages/{PAGE}/incidents"


@pytest.fixture
async def ana(tmp_path: Path) -> AsyncIterator[Operator]:
    async with writable(public_ledger(login=PROXY), tmp_path, ManualClock(NOW)) as server:
        yield Operator(server)


async def test_form_is_filled_with_the_outage_and_publishes_it(ana: Operator) -> None:
    page = (await ana.open()).text
    assert re.findall(r'name="component\.(\w+)" value="on" checked', page) == ["forms"]
    draft = re.search(r"<textarea[^>]*required>(We are investigating[^<]*)</textarea>", page)
    assert draft is not None
    assert draft[1] == (
        "We are investigating a problem with Online forms. It began at 2026-09-21 07:04 PDT. "
        "Next update by {next_update}."
    )
    fields = {"title": "Forms fail", "component.forms": "on", "impact": "outage", "text": draft[1]}
    refused = await ana.send(FORM, **fields)
    assert (refused.status, "text contains the placeholder {next_update}" in refused.text) == (400, True)
    answer = await ana.send(FORM, **fields, next_update="30m")
    assert (answer.status, answer.headers["Location"].endswith("#public")) == (303, True)
    shown = (await ana.open(f"/status/{PAGE}")).text
    assert "Next update by 2026-09-21 07:43 PDT." in shown
    assert SECRET not in shown


async def test_update_is_published_and_resolves_the_incident(ana: Operator) -> None:
    fields = {"title": "Forms fail", "component.forms": "on", "component.mail": "on", "impact": "degraded"}
    assert (await ana.send(FORM, **fields, text="We look.")).status == 303
    page = await ana.open()
    assert "Investigating, Online forms, Messages" in page.text
    answer = await ana.send(link_of(page, "updates"), phase="resolved", text="It works.\r\n\r\nThank you.")
    assert answer.status == 303
    assert "No incident is public." in (await ana.open()).text
    assert "<p>Thank you.</p>" in (await ana.open(f"/status/{PAGE}")).text
    assert {fact.author for fact in ana.server.journal} == {"Ana Ng"}


async def test_viewer_and_pages_of_other_sites_cannot_publish(ana: Operator) -> None:
    viewer = Operator(ana.server, groups="staff")
    fields = {"title": "x", "component.forms": "on", "text": "x"}
    assert (await viewer.send(FORM, **fields)).status == 403
    assert (await ana.send(FORM, origin="cross-site", **fields)).status == 403
    assert ana.server.journal == []


async def test_page_of_one_product_shows_its_status_pages_only(ana: Operator) -> None:
    assert "Public incidents" in (await ana.open(f"/actions?product={SECRET}-sso")).text
    assert "Public incidents" not in (await ana.open(f"/actions?product={SECRET}-other")).text
