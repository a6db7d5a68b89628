"""Notes on incidents over HTTP and on pages: recorded facts in the timeline, in the history and in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.audit_log import AuditLog
from monitor.access.scopes import Scope
from monitor.web.incident_notes import OPERATIONS, PATHS
from monitor.web.openapi import description
from sla.incident_note import INCIDENT_NOTE, incident_notes
from tests.monitor.web.test_actions import PROXY, Operator
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_server import WritableServer, open_alert, writable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEXT = "restarted the <b>database</b>"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    ledger = ledger_with_receivers(product("forms"), product("sso"), receivers=[], login=PROXY)
    async with writable(ledger, tmp_path) as running:
        yield running


def path_of(incident: str) -> str:
    return f"/api/v1/product-incidents/{incident}/notes"


async def test_note_is_a_fact_in_the_timeline_the_history_and_the_audit_log(server: WritableServer) -> None:
    key = await open_alert(server)
    token = server.token(Scope.ALERTS_WRITE, name="chat bot")
    added = await server.ask("POST", path_of(key), token, json={"text": TEXT})
    assert (added.status, added.body["author"], added.body["incident"]) == (201, "chat bot", key)
    (fact,) = server.journal
    assert (fact.kind, fact.product, fact.content()) == (INCIDENT_NOTE, "forms", {"incident": key, "text": TEXT})
    reader = server.token(Scope.READ)
    assert (await server.ask("GET", path_of(key), reader)).body == [added.body]
    (entry,) = (await server.ask("GET", "/api/v1/products/forms/history", reader)).body
    assert entry["changes"] == [f"note on incident {key}: {TEXT}"]
    assert [row.fact for row in AuditLog.of(server.record).entries()] == [fact.id]
    page = (await Operator(server).open(f"/incidents/{key}")).text
    timeline = page[page.index('id="timeline"') :]
    assert "Note by chat bot" in timeline
    assert "restarted the &lt;b&gt;database&lt;/b&gt;" in timeline
    post_mortem = (await Operator(server).open(f"/incidents/{key}/post-mortem.md")).text
    assert "Note by chat bot: restarted the" in post_mortem


async def test_id_of_the_incident_of_a_check_leads_to_the_outage(server: WritableServer) -> None:
    key = await open_alert(server)
    (member,) = server.harness.ledger.product_incidents[key].members
    added = await server.ask("POST", path_of(member), server.token(Scope.ALERTS_WRITE), json={"text": "seen"})
    assert added.body["incident"] == key


async def test_operator_adds_a_note_by_the_form(server: WritableServer) -> None:
    key, ana = await open_alert(server), Operator(server)
    assert f'href="/actions?product=forms&amp;incident={key}#notes"' in (await ana.open(f"/incidents/{key}")).text
    assert f'<option value="{key}" selected>forms, ' in (await ana.open(f"/actions?incident={key}")).text
    answer = await ana.send("notes", incident=key, text=TEXT)
    assert (answer.status, answer.headers["Location"]) == (303, "/actions?done=notes#notes")
    assert "Note added." in (await ana.open("/actions?done=notes")).text
    (note,) = incident_notes(server.journal, key)
    assert (note.author, note.product, note.text) == ("Ana Ng", "forms", TEXT)
    refused = await ana.send("notes", incident=key)
    assert (refused.status, "Not changed:" in refused.text) == (400, True)


async def test_viewers_have_no_form_and_add_no_note(server: WritableServer) -> None:
    key, viewer = await open_alert(server), Operator(server, groups="others")
    assert "Add a note" not in (await viewer.open(f"/incidents/{key}")).text
    assert (await viewer.send("notes", incident=key, text="seen")).status == 403
    assert server.journal == []


@pytest.mark.parametrize(
    "body", [{}, {"text": " "}, {"text": "a\nb"}, {"text": 1}, {"text": "a" * 501}, {"text": "a", "author": "root"}]
)
async def test_invalid_note_is_rejected(server: WritableServer, body: dict[str, Any]) -> None:
    key = await open_alert(server)
    answer = await server.ask("POST", path_of(key), server.token(Scope.ALERTS_WRITE), json=body)
    assert (answer.status, set(answer.body)) == (400, {"error", "remedy"})
    assert server.journal == []


async def test_unknown_incidents_and_other_products_are_rejected(server: WritableServer) -> None:
    key = await open_alert(server)
    writer = server.token(Scope.ALERTS_WRITE, Scope.READ)
    assert (await server.ask("POST", path_of("none"), writer, json={"text": "a"})).status == 404
    assert (await server.ask("GET", path_of("none"), writer)).status == 404
    limited = server.token(Scope.ALERTS_WRITE, products=("sso",))
    assert (await server.ask("POST", path_of(key), limited, json={"text": "a"})).status == 403
    assert server.journal == []


async def test_responses_match_the_openapi_description(server: WritableServer) -> None:
    key = await open_alert(server)
    components = {"components": description()["components"]}
    (operation,), ((_, listed, _),) = OPERATIONS, PATHS.values()
    writer = server.token(Scope.ALERTS_WRITE, Scope.READ)
    added = await server.ask("POST", path_of(key), writer, json=operation.request_example)
    for body in (added.body, operation.example):
        jsonschema.validate(body, operation.response | components)
    jsonschema.validate((await server.ask("GET", path_of(key), writer)).body, listed | components)
