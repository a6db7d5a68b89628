"""/api/v1: response schemas, figures equal to the ledger's, and errors with a remedy."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.web import (
    admissions,
    alerts,
    api,
    changes,
    corrections,
    drills,
    gate_overrides,
    incident_notes,
    latency,
    maintenance,
    pauses,
    public_incidents,
    readiness,
    reviews,
    service_credits,
    session_api,
    silences,
    sites,
    vantages,
)
from monitor.web.openapi import PATHS
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.window import format_instant
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer


async def test_availability_equals_the_ledgers_figures(server: RunningServer) -> None:
    response = await server.get("/api/v1/products/css/availability?window=6h")
    assert await response.json() == server.ledger.measured("css", "6h", NOW).as_json(product="css")


async def test_availability_defaults_to_the_products_window(server: RunningServer) -> None:
    body = await (await server.get("/api/v1/products/css/availability")).json()
    assert body == server.ledger.measured("css", Interval(NOW - 30 * DAY, NOW), NOW).as_json(product="css")


@pytest.mark.parametrize("at", ["{utc}", "{plus}"])
async def test_window_may_end_at_any_past_instant(server: RunningServer, at: str) -> None:
    end = NOW - 30 * MINUTE
    instant = at.format(utc=format_instant(end), plus=format_instant(end).replace("Z", "+00:00"))
    response = await server.get(f"/api/v1/products/css/availability?window=1h30m&at={instant}")
    assert (await response.json())["window"] == {"start": format_instant(end - 90 * MINUTE), "end": format_instant(end)}


@pytest.mark.parametrize(
    ("query", "expected_text"),
    [
        ("window=", "window"),
        ("window=30", "window"),
        ("window=0s", "window"),
        ("window=999999999999w", "ten years"),
        ("window=" + "9" * 5000 + "d", "window"),
        ("at=yesterday", "RFC 3339"),
        ("at=2026-09-01T00:00:00", "RFC 3339"),
        ("at=2999-01-01T00:00:00Z", "future"),
        ("at=0001-01-01T00:00:00Z", "1980"),
        ("step=1ms", "unknown parameter"),
        ("window=1h&window=2h", "more than once"),
    ],
)
async def test_invalid_query_is_rejected_with_a_remedy(server: RunningServer, query: str, expected_text: str) -> None:
    response = await server.get(f"/api/v1/products/css/availability?{query}")
    body = await response.json()
    assert (response.status, set(body)) == (400, {"error", "remedy"})
    assert expected_text in body["error"] + body["remedy"]


@pytest.mark.parametrize("path", ["/products/nobody", "/products/nobody/availability", "/incidents?product=nobody"])
async def test_unknown_product_is_404_with_a_remedy(server: RunningServer, path: str) -> None:
    response = await server.get("/api/v1" + path)
    assert (response.status, (await response.json())["remedy"]) == (404, "GET /api/v1/products lists them")


async def test_incidents_are_listed_newest_first_with_stable_fields(server: RunningServer) -> None:
    incidents = await (await server.get("/api/v1/incidents")).json()
    first, second = incidents
    assert list(first) == ["id", "product", "check", "opened", "resolved", "reason", "downtime_seconds",
        "first_failure", "last_failure",
    ]  # fmt: skip
    assert all(one["opened"] > other["opened"] for one, other in pairwise(incidents))
    assert (first["product"], first["check"], first["reason"]) == ("css", "health", "http_status")
    assert (first["resolved"], first["downtime_seconds"]) == (None, 330.0)
    assert second["resolved"] == format_instant(NOW - 39 * MINUTE)
    assert first["first_failure"] == {
        "at": format_instant(NOW - 5 * MINUTE),
        "reason": "http_status",
        "status": 503,
        "detail": "503 Service Unavailable",
        "phases": {"connect": 0.003, "first_byte": 0.4},
    }
    assert first["last_failure"] == first["first_failure"] | {"at": format_instant(NOW)}
    assert second["last_failure"]["at"] == format_instant(NOW - 40 * MINUTE)
    assert (
        second["downtime_seconds"] == 600.0
    )  # 49 to 40 minutes ago is certain; half of the doubt on either side is added


@pytest.mark.parametrize(
    ("query", "count"),
    [("product=css", 2), ("product=chefs", 0), ("state=open", 1), ("state=resolved", 1), ("limit=1", 1)],
)
async def test_incidents_can_be_filtered(server: RunningServer, query: str, count: int) -> None:
    assert len(await (await server.get(f"/api/v1/incidents?{query}")).json()) == count


@pytest.mark.parametrize("query", ["state=closed", "limit=0", "limit=-1", "limit=x", "limit=\u0661", "sort=asc"])
async def test_invalid_incident_filter_is_rejected(server: RunningServer, query: str) -> None:
    assert (await server.get(f"/api/v1/incidents?{query}")).status == 400


async def test_product_has_every_window_and_every_check(server: RunningServer) -> None:
    body = await (await server.get("/api/v1/products/css")).json()
    assert list(body["windows"]) == ["1h", "6h", "24h", "7d", "30d", "90d", "365d"]
    assert body["windows"]["7d"] == server.ledger.measured("css", "7d", NOW).as_json(product="css")
    assert (body["state"], body["objective"], body["incidents_open"]) == ("down", 0.995, 1)
    (check,) = body["checks"]
    assert (check["state"], check["last"]["reason"], check["last"]["status"]) == ("down", "http_status", 503)


async def test_budget_forecast_uses_the_last_day_and_is_null_if_the_budget_lasts(server: RunningServer) -> None:
    """css is down since six minutes, in a known hour; chefs was never down."""
    pages = [await (await server.get(f"/api/v1/products/{name}")).json() for name in ("css", "chefs")]
    css, chefs = [page["budget_forecast"] for page in pages]
    assert chefs == {"pace_seconds": 86_400.0, "burn_rate": 0.0, "exhausted_at": None}
    end = server.ledger.forecast("css", NOW).exhausted_at
    assert end is not None
    assert end > NOW
    assert css["exhausted_at"] == format_instant(end)


async def test_product_without_observations_is_unknown_with_null_availability(server: RunningServer) -> None:
    server.clock.jump(400 * 86_400)
    body = await (await server.get("/api/v1/products")).json()
    assert {product["state"] for product in body} == {"unknown"}
    assert [product["availability"] for product in body] == [{"low": 0.0, "point": None, "high": 1.0}] * 2


EXAMPLES = {
    "/api/v1/products": ["/api/v1/products"],
    "/api/v1/products/{id}": ["/api/v1/products/css", "/api/v1/products/chefs"],
    "/api/v1/products/{id}/availability": ["/api/v1/products/chefs/availability?window=1h"],
    "/api/v1/products/{id}/blame": ["/api/v1/products/css/blame?window=1h"],
    "/api/v1/products/{id}/history": ["/api/v1/products/css/history", "/api/v1/products/chefs/history"],
    "/api/v1/products/{id}/readiness": ["/api/v1/products/css/readiness", "/api/v1/products/chefs/readiness"],
    "/api/v1/products/{id}/whatif": [
        "/api/v1/products/css/whatif",
        "/api/v1/products/chefs/whatif?change=failover/5m&window=90d",
    ],
    "/api/v1/products/{id}/gate": ["/api/v1/products/css/gate", "/api/v1/products/chefs/gate"],
    "/api/v1/products/{id}/continuity": ["/api/v1/products/css/continuity"],  # test_continuity.py
    "/api/v1/witnessed/{id}": [],  # test_heads.py
    "/api/v1/product-incidents": ["/api/v1/product-incidents", "/api/v1/product-incidents?product=chefs&state=open"],
    "/api/v1/heads": ["/api/v1/heads", "/api/v1/heads?from=2&limit=1"],
    "/api/v1/incidents": ["/api/v1/incidents"],
    "/api/v1/incidents/{id}": ["/api/v1/incidents/{newest}"],
    "/api/v1/configuration": ["/api/v1/configuration"],
}


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_matches_its_openapi_schema(server: RunningServer, path: str) -> None:
    description = await (await server.get("/api/v1/openapi.json")).json()
    content = description["paths"][path]["get"]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"] | {"components": description["components"]}
    newest = server.ledger.incidents[0].id
    for example in EXAMPLES[path]:
        jsonschema.validate(await (await server.get(example.format(newest=newest))).json(), schema)


async def test_openapi_description_has_every_route(server: RunningServer) -> None:
    description = await (await server.get("/api/v1/openapi.json")).json()
    actual = {(method, path) for path, methods in description["paths"].items() for method in methods}
    tables = (
        api.routes,
        changes.routes,
        admissions.routes,
        alerts.routes,
        silences.routes,
        corrections.routes,
        maintenance.routes,
        pauses.routes,
        public_incidents.routes,
        drills.routes,
        gate_overrides.routes,
        incident_notes.routes,
        latency.routes,
        readiness.routes,
        reviews.routes,
        service_credits.routes,
        session_api.routes,
        sites.routes,
        vantages.routes,
    )
    api_routes = [route for table in tables for route in table if route.path.startswith("/api/")]
    actual_routes = {(route.method.lower(), re.sub(r":[^}]*", "", route.path)) for route in api_routes}
    assert actual_routes - {("get", "/api/v1/openapi.json")} == actual


async def test_time_before_the_record_is_unknown(server: RunningServer) -> None:
    body = await (await server.get("/api/v1/products/chefs/availability?window=2h")).json()
    assert body["unknown_seconds"] == HOUR / 1_000_000
