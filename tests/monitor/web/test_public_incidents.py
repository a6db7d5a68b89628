"""Public incidents over HTTP: opened and updated by a person with a token, shown on the page, and never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.facts.history import fact_text
from monitor.web.openapi import description
from monitor.web.openapi_status_pages import OPERATIONS
from sla.interval import MINUTE
from sla.public_incident import PUBLIC_INCIDENT
from sla.window import format_instant
from tests.monitor.web.test_pages import Outline
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW
from tests.support.status_pages import PAGE, SECRET, public_ledger
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

PATH = f"/api/v1/status-pages/{PAGE}/incidents"
BODY: dict[str, Any] = {"title": "Forms <b>fail</b>", "components": ["forms"], "impact": "outage", "text": "We look."}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    ledger = public_ledger()
    async with writable(ledger, tmp_path, ManualClock(NOW)) as running:
        yield running


async def shown(server: WritableServer, path: str = "") -> str:
    answer = await server.page("GET", f"/status/{PAGE}{path}")
    assert answer.status == 200
    return Outline(answer.text).text


async def opened(server: WritableServer, **changes: Any) -> dict[str, Any]:
    answer = await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE, name="ana"), json=BODY | changes)
    assert answer.status == 201
    matches(answer.body)
    incident: dict[str, Any] = answer.body
    return incident


def matches(body: dict[str, Any]) -> None:
    jsonschema.validate(body, OPERATIONS[0].response | description())


async def test_incident_is_opened_updated_and_resolved(server: WritableServer) -> None:
    incident = await opened(server, next_update="30m")
    (outage,) = server.harness.ledger.product_incidents.values()
    assert (incident["product_incident"], incident["time_to_first_word_seconds"]) == (outage.id, 540.0)
    due = format_instant(NOW + 30 * MINUTE)
    assert incident["next_update_due"] == due
    text = await shown(server)
    assert "Current incidents Forms <b>fail</b> Investigating Affected: Online forms." in text
    assert "Next update by" in text
    assert SECRET not in text
    server.clock.jump(31 * 60)
    assert "The next update was due at" in await shown(server)
    update = {"phase": "resolved", "text": "It works.\n\nSorry for the trouble."}
    token = server.token(Scope.FACTS_WRITE, name="ben")
    answer = await server.ask("POST", f"{PATH}/{incident['id']}/updates", token, json=update)
    matches(answer.body)
    assert (answer.status, answer.body["phase"], answer.body["next_update_due"]) == (201, "resolved", None)
    assert [update["author"] for update in answer.body["updates"]] == ["ana", "ben"]
    assert [fact_text(fact) for fact in server.journal] == [
        "public incident on citizens: Forms <b>fail</b> (investigating)",
        f"public incident {incident['id']}: resolved",
    ]
    text = await shown(server)
    assert "Current incidents" not in text
    assert "Past incidents September 2026 Forms <b>fail</b> Resolved" in text
    assert "Sorry for the trouble." in await shown(server, f"/incidents/{incident['id']}")
    assert "Forms <b>fail</b>" in await shown(server, "/history")
    again = await server.ask("POST", f"{PATH}/{incident['id']}/updates", token, json=update)
    assert (again.status, again.body["error"]) == (409, "the incident is resolved")


async def test_stated_impact_is_shown_if_it_is_worse_than_the_measured_state(server: WritableServer) -> None:
    assert "Sign-in Operational" in await shown(server)
    await opened(server, components=["sign-in"], impact="degraded")
    await opened(server, components=["forms"], impact="degraded")
    text = await shown(server)
    assert "Sign-in Degraded" in text
    assert "Online forms Applications Outage" in text


async def test_list_has_all_incidents_of_the_page_newest_first(server: WritableServer) -> None:
    first = await opened(server)
    server.clock.jump(1)
    second = await opened(server, title="Second", components=["sign-in"])
    assert second["time_to_first_word_seconds"] is None
    listed = (await server.ask("GET", PATH)).body
    assert [incident["id"] for incident in listed] == [second["id"], first["id"]]
    for incident in listed:
        matches(incident)
    assert (await server.ask("GET", "/api/v1/status-pages/other/incidents")).status == 404


async def test_draft_is_the_template_with_the_known_facts(server: WritableServer) -> None:
    draft = f"/api/v1/status-pages/{PAGE}/draft"
    body = (await server.ask("GET", f"{draft}?components=forms&next_update=30m")).body
    assert body["text"] == (
        "We are investigating a problem with Online forms. It began at 2026-09-21 07:04 PDT. "
        "Next update by 2026-09-21 07:43 PDT."
    )
    unknown = (await server.ask("GET", f"{draft}?components=sign-in&phase=resolved")).body["text"]
    assert unknown == "The problem with Sign-in is resolved. It began at {began} and lasted {duration}."
    answer = await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=BODY | {"text": unknown})
    assert (answer.status, answer.body["error"]) == (400, "text contains the placeholder {began}")
    for query in ("components=none", "components=forms&phase=over", "components=forms&next_update=soon", "x=1"):
        assert (await server.ask("GET", f"{draft}?{query}")).status == 400, query
    assert server.journal == []


INVALID: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "a\nb"},
    {"components": []},
    {"components": ["mail", "none"]},
    {"components": "forms"},
    {"impact": "total"},
    {"phase": "over"},
    {"text": ""},
    {"text": "x" * 2001},
    {"text": "a\u202eb"},
    {"next_update": "soon"},
    {"next_update": "2020-01-01T00:00:00Z"},
    {"incident": "none"},
    {"phase": "resolved", "next_update": "30m", "x": 1},
]


@pytest.mark.parametrize("change", INVALID, ids=str)
async def test_invalid_incident_is_refused_with_a_remedy(server: WritableServer, change: dict[str, Any]) -> None:
    answer = await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=BODY | change)
    assert (answer.status, set(answer.body)) == (400, {"error", "remedy"})
    assert server.journal == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
async def test_change_needs_the_scope_and_the_products(server: WritableServer, operation: Any) -> None:
    incident = await opened(server)
    tokens = "", server.token(Scope.READ, Scope.ALERTS_WRITE, Scope.DRILLS_WRITE, Scope.GATE_WRITE)
    limited = server.token(Scope.FACTS_WRITE, name="limited", products=(f"{SECRET}-sso",))
    path, body = operation.path.format(page=PAGE, id=incident["id"]), operation.request_example
    statuses = [(await server.ask("POST", path, token, json=body)).status for token in (*tokens, limited)]
    assert statuses == [401, 403, 403]
    assert len(server.journal) == 1


async def test_unknown_incident_cannot_be_updated(server: WritableServer) -> None:
    token = server.token(Scope.FACTS_WRITE)
    assert (await server.ask("POST", f"{PATH}/none/updates", token, json={"text": "x"})).status == 404
    incident = await opened(server)
    path = f"{PATH}/{incident['id']}/updates"
    assert (await server.ask("POST", path, token, json={"text": ""})).status == 400
    body = {"phase": "resolved", "text": "Done", "next_update": "5m"}
    assert (await server.ask("POST", path, token, json=body)).body["error"] == "a resolved incident has no next update"
    assert (await server.ask("POST", path, token, json={"text": "Still"})).body["phase"] == "investigating"
    assert [fact.kind for fact in server.journal].count(PUBLIC_INCIDENT) == 1


def test_examples_match_their_schemas() -> None:
    for operation in OPERATIONS:
        jsonschema.validate(operation.example, operation.response | description())
        jsonschema.validate(operation.request_example, operation.request)
