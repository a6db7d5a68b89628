"""The status pages, rendered on the server and complete without a script. Probes can start while a page is rendered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.ledger.product_readiness import readiness_of
from monitor.ledger.release_gate import release_gate
from monitor.views import product_summary, recent_days
from monitor.views.admissions import MAX_ROWS as MAX_ADMISSIONS
from monitor.views.admissions import admission_table
from monitor.views.agreement import agreement_view
from monitor.views.budget import budget_view
from monitor.views.budget_policy import budget_policy_view
from monitor.views.check_line import check_line
from monitor.views.continuity import continuity_rows
from monitor.views.credits import credit_lines, product_credits
from monitor.views.downtime_split import downtime_split_view, split_in_slices
from monitor.views.drill_rows import drill_rows
from monitor.views.impact import affected_among
from monitor.views.imported_history import import_notes
from monitor.views.journey_figures import journey_figures
from monitor.views.latency import objective_lines, response_times
from monitor.views.outage_line import incidents_by_outage, longest
from monitor.views.outages import outage_ids, outage_path
from monitor.views.pauses import paused_checks
from monitor.views.product_context import product_context
from monitor.views.readiness import prerequisite_lines, promise_view
from monitor.views.reviews import review_cycle, review_view
from monitor.views.sites import site_rows
from monitor.views.time_slice import TimeSlices
from monitor.views.whatif import whatif_in_parts, whatif_view
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal
from monitor.web.page import INCIDENTS, render_page
from monitor.web.page_part import refreshed
from sla.interval import DAY, Interval
from sla.window import WINDOWS

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident
    from sla.measured import Measured, MeasuredObjective

routes = web.RouteTableDef()


@routes.get("/products/{id}")
@role(Role.READ)
@refreshed
async def product(request: web.Request) -> web.Response:
    """Show one product: figures, days, checks and incidents."""
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    ledger, now = context.ledger, context.clock.now()
    product = ledger.products.get(request.match_info["id"])
    if product is None:
        raise Refusal(404, "unknown product", "open the list of all products")
    entries = list(ledger.entries_of(product.id))
    incidents = [incident for incident in ledger.incidents if incident.product == product.id]
    values = _figures(ledger, product, now)
    await slices.yield_if_spent()
    values["incident_links"] = _incident_links(ledger, incidents)
    window = ledger.own_window(product.id, now).measured
    split = await split_in_slices(ledger, product, window, slices)
    names = {name: dependency.name for name, dependency in ledger.products.items()}
    values["downtime_split"] = downtime_split_view(split, names)
    whatif = await whatif_in_parts(ledger, product, window, now, slices)
    values["whatif"] = whatif_view(whatif, ledger.portfolio.zone)
    values["days"] = days = await _days(ledger, product, now, slices)
    values["days_text"] = _days_text(days)
    values["latency"] = await response_times(ledger, product, now, slices)
    values["latency_objectives"] = objective_lines(ledger, product, now)
    values["credits"] = credit_lines(await product_credits(ledger, product, now, slices), ledger.portfolio.zone, now)
    values["suppliers"] = _suppliers(ledger, product, now)
    values["windows"] = await _windows(ledger, product, now, slices)
    paused = paused_checks(ledger, product.id, now)
    values["checks"] = [
        check_line(entry, now, paused.get(entry.check.id, ""), journey_figures(ledger, entry, now)) for entry in entries
    ]
    values["context"] = await product_context(ledger, product, now, slices)
    values["affected"], ids = [], outage_ids(ledger.product_incidents.values())
    for members in incidents_by_outage(incidents, ids)[:INCIDENTS]:
        dependents = values["context"].dependent_clients
        values["affected"].append(affected_among(dependents, ledger, longest(members, now), now))
        await slices.yield_if_spent()
    return await render_page(request, "product.html.j2", slices, entries, incidents, values, now)


@routes.get("/static/{name}")
@role(Role.PUBLIC)
async def static(request: web.Request) -> web.Response:
    """Serve the style sheet, the script and the icon, under names that change with their content."""
    asset = request.app[CONTEXT].assets.static.get(request.match_info["name"])
    if asset is None:
        raise Refusal(404, "unknown file", "reload the page that links to the file")
    return asset.response()


def _figures(ledger: Ledger, product: Product, now: int) -> dict[str, Any]:
    """Return the figures of the product's own window."""
    zone, history = ledger.portfolio.zone, ledger.compositions[product.id]
    measured, agreement = _own_window(ledger, product, now), agreement_view(ledger, product, now)
    notes = (product_summary.observed_since_note(measured, zone), product_summary.guess_note(history, measured))
    readiness, forecast = readiness_of(ledger, product.id, now), ledger.forecast(product.id, now, measured.budget)
    open_incidents = len(ledger.open_incidents(product.id))
    return {
        "row": product_summary.row_of(ledger, product, measured, readiness, open_incidents, now),
        "budget": budget_view(measured, agreement.measured, forecast, zone),
        "policy": budget_policy_view(release_gate(ledger, product, now), zone),
        "verdict": product_summary.verdict_text(measured),
        "notes": [*(note for note in notes if note), *import_notes(ledger, product.id, measured.window.start)],
        "provisional": product_summary.provisional_text(ledger, [product.id], now) if measured.provisional else "",
        "rule": product_summary.rule_sentence(product),
        "burn_obstacles": product.burn_obstacles,
        "agreement": agreement,
        "contractual_verdict": product_summary.verdict_text(agreement.measured),
        "drills": drill_rows(ledger, product.id, now),
        "continuity": continuity_rows(ledger, product.id, now),
        "sites": site_rows(ledger, product, now),
        "prerequisites": prerequisite_lines(readiness, zone),
        "promise": promise_view(product, measured, readiness),
        "review": review_view(review_cycle(ledger, product, now), zone),
    }


def _suppliers(ledger: Ledger, product: Product, now: int) -> SimpleNamespace | None:
    """Return the statements about the last days, of the product and its dependencies. None without a status feed."""
    window = Interval(now - recent_days.DAYS * DAY, now)
    if (table := admission_table(ledger, product, window, now)) is None:
        return None
    more = max(0, len(table.rows) - MAX_ADMISSIONS)
    return SimpleNamespace(rows=table.rows[:MAX_ADMISSIONS], more=more, notes=table.notes)


def _own_window(ledger: Ledger, product: Product, now: int) -> MeasuredObjective:
    return ledger.measured(product.id, ledger.own_window(product.id, now), now)


def _incident_links(ledger: Ledger, incidents: list[Incident]) -> dict[str, str]:
    """Return the pages of the open incidents by id."""
    ids = outage_ids(ledger.product_incidents.values())
    return {incident.id: outage_path(incident.id, ids) for incident in incidents if incident.resolved is None}


async def _days(ledger: Ledger, product: Product, now: int, slices: TimeSlices) -> list[recent_days.Day]:
    days, zone = [], ledger.portfolio.zone
    for span in recent_days.midnights(now, zone):
        days.append(recent_days.day(ledger.compositions[product.id], span, zone))
        await slices.yield_if_spent()
    return days


def _days_text(days: list[recent_days.Day]) -> str:
    down = sum(1 for day in days if day.style == "down")
    unknown = sum(1 for day in days if day.style == "none")
    return f"{len(days)} days: {down} with downtime, {unknown} without data; the table below lists them"


async def _windows(ledger: Ledger, product: Product, now: int, slices: TimeSlices) -> list[SimpleNamespace]:
    windows = []
    for length in WINDOWS.values():
        windows.append(_window(ledger.measured(product.id, Interval(now - length, now), now), length))
        await slices.yield_if_spent()
    return windows


def _window(measured: Measured, length: int) -> SimpleNamespace:
    bound = measured.confidence_bound
    return SimpleNamespace(
        length=length,
        bounds=measured.availability,
        coverage=measured.coverage,
        downtime=measured.downtime,
        proven=None if bound is None else bound.availability,
        verdict=measured.verdict,
    )
