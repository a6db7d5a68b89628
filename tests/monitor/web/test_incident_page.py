"""The page of one outage: what the probes saw, who did what when, and the template of the post-mortem."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from monitor.access.scopes import Scope
from monitor.notification import Kind, Notification
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from monitor.views.post_mortem import escape
from sla.evidence import deployment_fact
from sla.interval import MINUTE, SECOND
from sla.page_response import Response
from sla.product_incident import Severity
from tests.monitor.web.test_pages import Outline, outline
from tests.support.alerting import BAD, GOOD, ledger_with_receivers
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.messages import HOSTILE
from tests.support.status_pages import PAGE, public_ledger
from tests.support.stores import MemoryStore
from tests.support.writable_server import WritableServer, open_alert, writable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.monitor.web.conftest import RunningServer

VALUE = {"amount": 600, "basis": "20 case workers who wait"}
CLIENTS = [{"name": "Case workers", "count": 20, "risk": "high"}]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    forms = product("forms", 2, "99%", name="Common <b>Forms", value_per_hour=VALUE, clients=CLIENTS, rule="all")
    async with writable(ledger_with_receivers(forms, receivers=[]), tmp_path) as running:
        yield running


async def page_of(server: WritableServer, name: str) -> Outline:
    answer = await server.page("GET", f"/incidents/{name}")
    assert answer.status == 200, answer.text
    return Outline(answer.text)


async def test_one_outage_has_one_page_with_all_its_checks(server: WritableServer) -> None:
    key = await open_alert(server)
    server.harness.observe(GOOD, BAD, BAD, key="forms/check-1")
    page = await page_of(server, key)
    assert "Common <b>Forms is down open" in page.text
    assert "health http_status , check-1 http_status ." in page.text
    seen = page.text.count("expected status 200, got 503")
    assert seen == 8  # of two checks: now, the first and the last probe, and the timeline
    members = server.harness.ledger.product_incidents[key].members
    assert len(members) == 2
    for member in members:
        answer = await server.page("GET", f"/incidents/{member}")
        assert (answer.status, answer.headers["Location"]) == (303, f"/incidents/{key}")


async def test_page_keeps_its_address_across_a_restart(tmp_path: Path) -> None:
    store, clock = MemoryStore(), ManualClock()
    async with writable(ledger_with_receivers(product("forms"), receivers=[]), tmp_path, clock, store=store) as server:
        key = await open_alert(server)
        (member,) = server.harness.ledger.product_incidents[key].members
        assert (await server.page("GET", f"/incidents/{key}")).status == 200
    clock.jump(60)
    async with writable(ledger_with_receivers(product("forms"), receivers=[]), tmp_path, clock, store=store) as server:
        assert "forms is down open" in (await page_of(server, key)).text
        server.harness.observe(GOOD, GOOD)
        await server.harness.written()
        assert [alert.key for alert in server.harness.alerting.open_alerts()] == []
        assert "forms was down resolved" in (await page_of(server, key)).text
        answer = await server.page("GET", f"/incidents/{member}")
        assert (answer.status, answer.headers["Location"]) == (303, f"/incidents/{key}")


async def test_lists_link_to_the_page_of_the_outage(server: WritableServer) -> None:
    key = await open_alert(server)
    for path in ("/", "/products/forms"):
        assert f'<a href="/incidents/{key}"' in (await server.page("GET", path)).text


async def test_resolved_outage_has_duration_downtime_cost_and_clients(server: WritableServer) -> None:
    key = await open_alert(server)
    server.harness.observe(*[BAD] * 57, GOOD, GOOD)
    text = (await page_of(server, key)).text
    assert "Common <b>Forms was down resolved" in text
    assert "Duration 59s first bad to first good probe" in text
    assert text[text.index("Downtime") :].startswith("Downtime 59s between 58s and 1m")
    cost = "Cost 9.83 CAD between 9.67 CAD and 9.92 CAD; assumes 600.00 CAD per hour: 20 case workers who wait"
    assert text[text.index("Cost") :].startswith(cost)
    assert "Affected clients (20) Case workers (20)" in text
    assert "health answered correctly again" in text
    assert text.index("health failed: http_status") < text.index("The incident closed")


async def test_timeline_has_alerts_acknowledgement_silence_deployment_and_public_update(tmp_path: Path) -> None:
    async with writable(public_ledger(), tmp_path) as server:
        (outage,) = server.harness.ledger.product_incidents.values()
        body = {"title": "Forms fail", "components": ["forms"], "impact": "outage", "text": "We look."}
        writer = server.token(Scope.FACTS_WRITE, Scope.ALERTS_WRITE, name="ana")
        for path, values in (
            (f"status-pages/{PAGE}/incidents", body),
            (f"alerts/{outage.id}/acknowledge", {"by": "Ana Ng"}),
            ("silences", {"product": outage.product, "for": "1h", "reason": "known <i>cause"}),
        ):
            answer = await server.ask("POST", f"/api/v1/{path}", writer, json=values)
            assert answer.status in (200, 201), answer.text
        server.harness.state(deployment_fact(outage.opened, "Bo", outage.product, outage.opened - MINUTE, "v7"))
        text = (await page_of(server, outage.id)).text
    for event in (
        "Public update by ana (investigating) on citizens: Forms fail We look.",
        "Acknowledged by Ana Ng via api",
        "Silenced by ana known <i>cause",
        "Deployment of v7 by Bo",
    ):
        assert event in text
    assert text.index("Deployment of v7") < text.index("failed: http_status") < text.index("Public update")
    assert "First public update" in text


def record_alert(server: WritableServer, key: str) -> None:
    """Write what the record of a daemon has about the alert."""
    opened = server.harness.ledger.product_incidents[key].opened
    row = Notification(key, "ops", 0, Kind.OPENED, 1, opened, opened, "page", "forms", "{}", done=opened)
    other = Notification("other", "ops", 0, Kind.OPENED, 1, opened, opened, "page", "forms", "{}")
    response = Response(key, opened, "forms", Severity.PAGE, "P1", 15 * MINUTE, opened + 90 * SECOND, "Ana", "link")
    with contextlib.closing(SqliteStore(server.record, 0)) as store:
        store.write(Batch(notifications=(row, other), responses=(response,)))


async def test_recorded_alerts_are_on_the_page_and_their_receivers_only_for_people_who_may_see_them(
    server: WritableServer,
) -> None:
    key = await open_alert(server)
    assert "The record cannot be read" in (await page_of(server, key)).text
    record_alert(server, key)
    text = (await page_of(server, key)).text
    assert "The record cannot be read" not in text
    assert text.count("Alert sent (opened, page): 1 of 1 receivers confirmed it") == 1
    assert "Acknowledged 1m 30s after the announcement; target 15m" in text
    assert "confirmed it ops" not in text
    server.harness.ledger.portfolio = server.harness.ledger.portfolio.model_copy(update={"login": await proxy()})
    operator = {"X-Forwarded-User": "Ana", "X-Forwarded-Groups": "ops", "Accept": "text/html"}
    answer = await server.ask("GET", f"/incidents/{key}", headers=operator)
    assert "confirmed it ops" in Outline(answer.text).text
    assert "/actions?product=forms#alerts" in answer.text
    assert "/actions?product=forms#corrections" in answer.text


async def proxy() -> object:
    """Return the block of a login by proxy headers."""
    roles = {"proxy": {"from": ["127.0.0.0/8"], "roles": {"viewer": ["*"], "operator": ["ops"]}}}
    return ledger_with_receivers(product("forms"), receivers=[], login=roles).portfolio.login


async def test_post_mortem_is_a_markdown_download_with_the_facts_and_no_markup_of_the_target(
    server: WritableServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor.probe_result import ProbeResult
    from tests.support import alerting

    monkeypatch.setitem(alerting.RESULTS, BAD, ProbeResult(BAD, "http_status", 503, {}, HOSTILE))
    key = await open_alert(server)
    server.harness.observe(GOOD, GOOD)
    answer = await server.ask("GET", f"/incidents/{key}/post-mortem.md")
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="post-mortem-{key}.md"'
    assert f"| Incident | {key} |" in answer.text
    assert "| Duration | 2s |" in answer.text
    assert "## Timeline" in answer.text
    assert "\\[link\\]\\(https\\://evil.example\\) \\<b\\>\\&" in answer.text
    assert "<b>" not in answer.text.replace("\\<b", "")
    assert "| Action | Owner | Due |" in answer.text


@pytest.mark.fault(46)
def test_text_of_a_target_is_no_link_in_markdown() -> None:
    assert escape("see WWW.evil.example, www2.evil.example") == "see WWW\\.evil.example, www2.evil.example"
    assert escape("http://evil.example\n# mail a@b.example") == "http\\://evil.example \\# mail a\\@b.example"


async def test_incident_of_a_seeded_history_has_a_page_of_its_own(server: WritableServer) -> None:
    await open_alert(server)
    server.harness.ledger.product_incidents.clear()
    (incident,) = server.harness.ledger.open_incidents("forms")
    assert "health of Common <b>Forms fails open" in (await page_of(server, incident.id)).text


async def test_unknown_incident_is_404_with_a_remedy(publish: object) -> None:
    from tests.monitor.web.conftest import small_ledger

    running: RunningServer = await publish(small_ledger())  # type: ignore[operator]
    for path in ("/incidents/000000000000", "/incidents/000000000000/post-mortem.md"):
        response = await running.get(path, headers={"Accept": "text/html"})
        assert (response.status, "Unknown incident" in response.text) == (404, True)
    (incident,) = running.ledger.open_incidents("css")
    assert "css" in (await outline(running, f"/incidents/{incident.id}")).text
