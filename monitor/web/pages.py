"""The status pages: rendered on the server, complete without a script, in slices between which probes can start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.ledger.release_gate import release_gate
from monitor.views import incident_line, page_frame, product_summary, recent_days
from monitor.views.agreement import agreement_view
from monitor.views.budget import budget_view
from monitor.views.budget_policy import budget_policy_view
from monitor.views.check_line import check_line
from monitor.views.downtime_split import downtime_split_view, split_in_slices
from monitor.views.impact import affected_clients
from monitor.views.product_context import product_context
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, WebContext
from monitor.web.errors import Refusal
from sla.interval import Interval
from sla.window import WINDOWS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from monitor.config.model import Product
    from monitor.ledger.check_entry import CheckEntry
    from sla.incident import Incident
    from sla.measured import Measured

routes = web.RouteTableDef()

INCIDENTS = 20
_WORST_FIRST = ("down", "unknown", "up")


@routes.get("/")
@role(Role.READ)
async def portfolio(request: web.Request) -> web.Response:
    """Show all products and the newest incidents."""
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    ledger, now = context.ledger, context.clock.now()
    rows, still_open = [], incident_line.open_incidents(ledger)
    contractual: dict[str, Measured] = {}
    for product in ledger.portfolio.products:
        rows.append(_row(context, product, _own_window(context, product, now), still_open, now))
        contractual[product.id] = ledger.contractual(product.id, Interval(now - product.window, now))
        await slices.yield_if_spent()
    badges = [each.badge for each in rows]
    rows.sort(key=lambda each: _WORST_FIRST.index(each.badge.style))
    values = {
        "rows": rows,
        "contractual": contractual,
        "headline": product_summary.headline(badges),
        "counts": product_summary.counts(badges),
        "provisional": product_summary.PROVISIONAL if any(each.provisional for each in contractual.values()) else "",
    }
    return await _page(context, "portfolio.html.j2", slices, ledger.entries.values(), ledger.incidents, values, now)


@routes.get("/products/{id}")
@role(Role.READ)
async def product(request: web.Request) -> web.Response:
    """Show one product: figures, days, checks and incidents."""
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    ledger, now = context.ledger, context.clock.now()
    found = ledger.products.get(request.match_info["id"])
    if found is None:
        raise Refusal(404, "unknown product", "open the list of all products")
    own, zone = _own_window(context, found, now), ledger.portfolio.zone
    values: dict[str, Any] = {"row": _row(context, found, own, incident_line.open_incidents(ledger), now)}
    values["budget"] = budget_view(own, ledger.forecast(found.id, now), zone)
    values["policy"] = budget_policy_view(release_gate(ledger, found, now), zone)
    values["verdict"] = product_summary.verdict_text(own)
    history = ledger.compositions[found.id]
    values["notes"] = [
        each for each in (product_summary.watched_text(own, zone), product_summary.guessed_text(history, own)) if each
    ]
    values["provisional"] = product_summary.PROVISIONAL if own.provisional else ""
    values["rule"] = product_summary.rule_sentence(found)
    values["silent"] = found.burn_obstacles
    values["agreed"] = lines = agreement_view(ledger, found, now)
    values["agreed_verdict"] = product_summary.verdict_text(lines.measured)
    await slices.yield_if_spent()
    split = await split_in_slices(ledger, found, Interval(now - found.window, now), slices)
    values["blame"] = downtime_split_view(split, {name: each.name for name, each in ledger.products.items()})
    values["readiness"] = product_summary.standings(found.readiness_at(now), zone)
    values["days"] = []
    for span in recent_days.midnights(now, zone):
        values["days"].append(recent_days.day(ledger.compositions[found.id], span, zone))
        await slices.yield_if_spent()
    values["days_text"] = _days_text(values["days"])
    values["windows"] = []
    for length in WINDOWS.values():
        values["windows"].append(_window(ledger.measured(found.id, Interval(now - length, now), now), length))
        await slices.yield_if_spent()
    entries = list(ledger.of(found.id))
    values["checks"] = [check_line(entry, now) for entry in entries]
    incidents = [each for each in ledger.incidents if each.product == found.id]
    values["context"] = held = await product_context(ledger, found, now, slices)
    values["affected"] = []
    for each in incidents[:INCIDENTS]:
        values["affected"].append(affected_clients(ledger, each, held.dependent_clients, now))
        await slices.yield_if_spent()
    return await _page(context, "product.html.j2", slices, entries, incidents, values, now)


@routes.get("/static/{name}")
@role(Role.PUBLIC)
async def static(request: web.Request) -> web.Response:
    """Serve the style sheet, the script and the icon, under names that change with their content."""
    asset = request.app[CONTEXT].assets.static.get(request.match_info["name"])
    if asset is None:
        raise Refusal(404, "unknown file", "reload the page that links to it")
    return asset.response()


def _own_window(context: WebContext, product: Product, now: int) -> Measured:
    return context.ledger.measured(product.id, Interval(now - product.window, now), now)


def _row(
    context: WebContext, product: Product, own: Measured, still_open: Counter[str], now: int
) -> product_summary.Row:
    state, readiness = context.ledger.state(product.id, now), product.readiness_at(now)
    return product_summary.row(product, state, own, readiness, still_open[product.id])


def _days_text(days: list[recent_days.Day]) -> str:
    down = sum(1 for each in days if each.style == "down")
    blind = sum(1 for each in days if each.style == "none")
    return f"{len(days)} days: {down} with downtime, {blind} without data; the table below lists them"


def _window(measured: Measured, length: int) -> SimpleNamespace:
    proof = measured.proof
    return SimpleNamespace(
        length=length,
        bounds=measured.availability,
        coverage=measured.coverage,
        downtime=measured.downtime,
        proven=None if proof is None else proof.availability,
        verdict=measured.verdict,
    )


async def _page(
    context: WebContext,
    template: str,
    slices: TimeSlices,
    entries: Iterable[CheckEntry],
    incidents: list[Incident],
    values: dict[str, Any],
    now: int,
) -> web.Response:
    """Render the template with the values of the page, in slices."""
    ledger = context.ledger
    frame = page_frame.page_frame(ledger, context.health, entries, now)
    page = SimpleNamespace(
        **{name: getattr(frame, name) for name in frame.__slots__},
        **values,
        assumption=product_summary.ASSUMPTION,
        lasted=incident_line.DURATION_NOTE,
        incidents=[incident_line.incident_line(ledger, each, now) for each in incidents[:INCIDENTS]],
        more_incidents=len(incidents) if len(incidents) > INCIDENTS else 0,
    )
    parts = []
    for part in context.assets.stream(template, page=page, site_title=ledger.portfolio.title):
        parts.append(part)
        await slices.yield_if_spent()
    return web.Response(text="".join(parts), content_type="text/html", charset="utf-8")
