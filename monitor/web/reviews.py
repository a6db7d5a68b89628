"""/api/v1: the review cycles of objectives, and reviews with the figures on which they are based."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from monitor.access.scopes import Scope
from monitor.views.reviews import review_cycles, reviewed_figures
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.openapi_alerts import Operation
from monitor.web.openapi_schemas import INSTANT, NUMBER, TEXT, body_of, list_of, object_of, ref
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, one_line, principal_for_change, record_fact
from sla.objective_review import DECISIONS, ObjectiveReview

routes = web.RouteTableDef()

_FIGURES: Final = {"type": "object"}
_DECISION: Final = {"enum": list(DECISIONS)}
SCHEMAS: Final[dict[str, Any]] = {
    "ObjectiveReview": object_of(
        id=TEXT, product=TEXT, decision=_DECISION, author=TEXT, reason=TEXT, made=INSTANT, figures=_FIGURES
    ),
    "ReviewCycle": object_of(
        product=TEXT,
        owner=TEXT,
        every_seconds=NUMBER,
        due=INSTANT,
        overdue={"type": "boolean"},
        last={"anyOf": [ref("ObjectiveReview"), {"type": "null"}]},
    ),
}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/reviews": (
        "Review cycles of the products' objectives, each with its owner, its last review and the next due instant",
        list_of(ref("ReviewCycle")),
        {"product": "only the cycle of this product", "overdue": "true: only cycles whose review is overdue"},
    ),
}
OPERATIONS: Final = (
    Operation(
        "post",
        "/api/v1/products/{id}/reviews",
        "Record a review of a product's objectives, with the figures of this instant",
        Scope.FACTS_WRITE,
        ref("ObjectiveReview"),
        {
            "id": "5be0c1d2a3f4",
            "product": "forms",
            "decision": "keep",
            "author": "pipeline",
            "reason": "met for a year, and clients need no more",
            "made": "2026-11-20T18:00:00Z",
            "figures": {},
        },
        status=201,
        request=body_of("decision", "reason", decision=_DECISION, reason=TEXT),
        request_example={"decision": "keep", "reason": "met for a year, and clients need no more"},
    ),
)


@routes.get("/api/v1/reviews")
@role(Role.READ)
async def list_cycles(request: web.Request) -> web.Response:
    """List the review cycles, in the order of the configuration."""
    check_query(request, "product", "overdue")
    product, overdue = request.query.get("product"), request.query.get("overdue", "false")
    if overdue not in ("true", "false"):
        raise Refusal(400, "overdue is neither true nor false", "use overdue=true, or omit it")
    context = request.app[CONTEXT]
    cycles = review_cycles(context.ledger, context.clock.now())
    selected = [c for c in cycles if product in (None, c.product) and (overdue == "false" or c.overdue)]
    return as_json([cycle.as_json() for cycle in selected])


@routes.post("/api/v1/products/{id}/reviews")
@role(Role.FACTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Record a review with its decision, its reason and the product's figures of this instant."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "decision", "reason")
    context = request.app[CONTEXT]
    product = context.ledger.products.get(request.match_info["id"])
    if product is None:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    check_product(client, product.id)
    decision, reason = body.get("decision"), one_line(body.get("reason"), "reason")
    if not isinstance(decision, str) or decision not in DECISIONS:
        remedy = f'use {{"decision": "keep"}}; known decisions: {", ".join(DECISIONS)}'
        raise Refusal(400, "the decision is unknown", remedy)
    now = context.clock.now()
    figures = await reviewed_figures(context.ledger, product, now, TimeSlices(context.clock))
    review = ObjectiveReview(now, client.name, product.id, decision, reason, figures)
    await record_fact(request, review.fact())
    return as_json(review.as_json(), status=201)
