"""/api/v1 and the page of a product with a checklist: attest, mark, revoke; state, ceiling and promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.access.scopes import Scope
from sla.interval import DAY, MINUTE, SECOND, Interval
from sla.window import format_instant
from tests.support.ledgers import NOW, history, ledger_of, product
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

READINESS = "/api/v1/products/forms/readiness"
ATTESTATIONS = "/api/v1/products/forms/attestations"
DEPLOYMENTS = "/api/v1/products/forms/deployments"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    forms = product("forms", 1, "99.99%", readiness={"checklist": "five-nines"})
    mail = product("mail", 1, "99.9%", plan={"expected": "99.8%", "chance": "25%"})
    ledger = ledger_of(forms, mail)
    async with writable(ledger, tmp_path) as served:
        yield served


async def item(server: WritableServer, name: str) -> dict[str, Any]:
    items = (await server.ask("GET", READINESS)).body["items"]
    actual: dict[str, Any] = next(item for item in items if item["id"] == name)
    return actual


async def test_attested_item_is_met_until_it_expires_and_raises_the_ceiling(server: WritableServer) -> None:
    """Expiry is a matter of the clock: nothing else changes."""
    before = (await server.ask("GET", READINESS)).body
    assert (before["ceiling"], before["promise"]["ceiling"], before["promise"]["supported"]) == (0.9995, 0.9995, None)
    assert before["limit"] == (
        "objective 99.99%; this design can claim 99.95% at most, because there is no disaster recovery"
    )
    until = server.clock.now() + 30 * DAY
    body = {"item": "disaster-recovery", "by": "Ana", "note": "drill of May", "until": format_instant(until)}
    created = await server.ask("POST", ATTESTATIONS, server.token(Scope.FACTS_WRITE, name="audit"), json=body)
    assert (created.status, created.body["by"], created.body["until"]) == (201, "Ana via audit", format_instant(until))
    assert (await item(server, "disaster-recovery"))["state"] == "met"
    assert (await server.ask("GET", READINESS)).body["ceiling"] == 0.99995
    page = (await server.page("GET", "/products/forms")).text
    assert "What can we promise?" in page
    assert "attestation by Ana via audit, until " in page
    server.clock.jump(30 * DAY / SECOND)
    assert (await item(server, "disaster-recovery"))["state"] == "expired"
    page = (await server.page("GET", "/products/forms")).text
    assert "can claim 99.95% at most, because there is no disaster recovery" in page
    assert "With evidence for" in page


async def test_attestation_is_answered_with_the_end_that_the_item_allows(server: WritableServer) -> None:
    body = {"item": "disaster-recovery", "by": "Ana", "until": "9999-12-31T23:59:59Z"}
    created = await server.ask("POST", ATTESTATIONS, server.token(Scope.FACTS_WRITE), json=body)
    (evidence,) = (await item(server, "disaster-recovery"))["evidence"]
    assert created.body["until"] == evidence["until"] < "2999"


async def test_marked_deployment_is_evidence_until_it_is_revoked(server: WritableServer) -> None:
    token = server.token(Scope.FACTS_WRITE, name="pipeline")
    at = format_instant(server.clock.now() - DAY)
    created = await server.ask(
        "POST", DEPLOYMENTS, token, json={"version": "1.2", "at": at, "link": "https://ci.example/7"}
    )
    assert (created.status, created.body["at"], created.body["by"]) == (201, at, "pipeline")
    (evidence,) = (await item(server, "zero-downtime-deployment"))["evidence"]
    assert evidence["detail"].startswith("0 of the last 5 deployments without downtime; 1.2 on ")
    path = f"/api/v1/evidence/{created.body['id']}/revoke"
    limited = server.token(Scope.FACTS_WRITE, name="limited", products=("mail",))
    assert (await server.ask("POST", path, limited, json={"reason": "x"})).status == 403
    assert (await server.ask("POST", DEPLOYMENTS, limited, json={"version": "2"})).status == 403
    assert (await server.ask("POST", path, token, json={})).status == 400
    assert (await server.ask("POST", path, token, json={"reason": "rolled back"})).status == 200
    assert (await item(server, "zero-downtime-deployment"))["evidence"] == []
    assert (await server.ask("POST", path, token, json={"reason": "again"})).status == 409
    assert (await server.ask("POST", "/api/v1/evidence/nothing/revoke", token, json={"reason": "x"})).status == 404
    assert [fact.kind for fact in server.journal] == ["deployment", "evidence_revocation"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (DEPLOYMENTS, {}, 400),
        (DEPLOYMENTS, {"version": "1", "at": "soon"}, 400),
        (DEPLOYMENTS, {"version": "1", "at": "2999-01-01T00:00:00Z"}, 400),
        (DEPLOYMENTS, {"version": "1", "link": ""}, 400),
        (DEPLOYMENTS, {"version": "1", "colour": "red"}, 400),
        (DEPLOYMENTS.replace("forms", "none"), {"version": "1"}, 404),
        (ATTESTATIONS, {"item": "disaster", "by": "Ana"}, 400),
        (ATTESTATIONS, {"item": "decoupled"}, 400),
        (ATTESTATIONS, {"item": "decoupled", "by": "Ana", "until": "2001-01-01T00:00:00Z"}, 400),
        (ATTESTATIONS.replace("forms", "mail"), {"item": "decoupled", "by": "Ana"}, 400),
    ],
)
async def test_mistake_is_rejected_and_nothing_is_recorded(
    server: WritableServer, path: str, body: dict[str, str], status: int
) -> None:
    response = await server.ask("POST", path, server.token(Scope.FACTS_WRITE), json=body)
    assert (response.status, set(response.body)) == (status, {"error", "remedy"})
    assert server.journal == []


async def test_product_without_a_checklist_has_a_promise_without_a_ceiling(server: WritableServer) -> None:
    body = (await server.ask("GET", "/api/v1/products/mail/readiness")).body
    assert (body["items"], body["ceiling"], body["limit"], body["promise"]["ceiling"]) == ([], None, None, None)
    assert body["promise"]["plan"] == {"expected": 0.998, "chance": 0.25}
    page = (await server.page("GET", "/products/mail")).text
    assert "no checklist" in page
    assert "25.0% chance to meet the objective" in page
    for query, status in (("?at=soon", 400), ("?at=2999-01-01T00:00:00Z", 400), ("?x=1", 400)):
        assert (await server.ask("GET", f"{READINESS}{query}")).status == status
    assert (await server.ask("GET", "/api/v1/products/none/readiness")).status == 404


async def test_metrics_have_the_ceiling_and_the_items_by_state(server: WritableServer) -> None:
    metrics = (await server.ask("GET", "/metrics")).text
    assert 'ninewatch_readiness_ceiling_ratio{product="forms"} 0.9995' in metrics
    assert 'ninewatch_readiness_items{product="forms",state="unmet"} 7' in metrics
    assert 'ninewatch_readiness_items{product="mail"' not in metrics
    body = {"item": "disaster-recovery", "by": "Ana"}
    assert (await server.ask("POST", ATTESTATIONS, server.token(Scope.FACTS_WRITE), json=body)).status == 201
    metrics = (await server.ask("GET", "/metrics")).text
    assert 'ninewatch_readiness_ceiling_ratio{product="forms"} 0.99995' in metrics
    assert 'ninewatch_readiness_items{product="forms",state="met"} 1' in metrics


async def test_page_lists_outages_and_explains_proof_above_measured_availability(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """One of two checks was down: all of the product's downtime, and half of its probes."""
    start, outage = NOW - 20 * DAY, NOW - 10 * DAY
    span = (outage, outage + 59 * MINUTE, "deadline")
    ledger = ledger_of(
        product("forms", 2, depends_on=("login",), readiness={"checklist": "five-nines"}), product("login")
    )
    runs = [*history("forms/health", start, NOW, [span]), *history("forms/check-1", start, NOW, [])]
    ledger.restore([*runs, *history("login/health", start, NOW, [span])], [], [])
    text = (await (await publish(ledger)).get("/products/forms")).text
    assert "Proven is above measured here because it counts the probes of all 2 checks together" in text
    assert "up in 0 of 1 outages of dependencies</span>" in text
    assert '<ul class="sub"><li>login was down for 59m from ' in text
    assert "<li>no survived outage of login</li></ul>" in text
    measured = ledger.measured("forms", Interval(NOW - 30 * DAY, NOW), NOW)
    assert measured.confidence_bound is not None
    assert measured.availability.point is not None
    assert measured.confidence_bound.availability > measured.availability.point
    other = (await (await publish(ledger_with_one_check())).get("/products/login")).text
    assert "Proven is above measured" not in other


def ledger_with_one_check() -> Ledger:
    """Return a ledger of a product with one check that was down for an hour."""
    start, outage = NOW - 20 * DAY, NOW - 10 * DAY
    ledger = ledger_of(product("login"))
    ledger.restore([*history("login/health", start, NOW, [(outage, outage + 59 * MINUTE, "deadline")])], [], [])
    return ledger
