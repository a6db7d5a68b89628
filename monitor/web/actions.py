"""The page /actions: forms for operators, which need no JavaScript. Each form uses the handler of the API.

A form is sent to `/actions/...`. Its fields become the body of the API's request, so that pages and API accept the same
changes. The response is a redirect to the page, or the page with the error.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from monitor.ledger.product_drills import recorded_drills
from monitor.views.formatting import moment
from monitor.views.outages import newest_outages
from monitor.views.pauses import pause_json
from monitor.views.planned_maintenance import upcoming, window_json
from monitor.views.reviews import review_cycles
from monitor.web import alerts, maintenance_calendar, pauses, silences
from monitor.web.access import Role, declaration_of, role
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, check_query
from monitor.web.forms import FORMS, Form
from monitor.web.request_body import FORM_FIELDS, read_body
from monitor.web.status_page_forms import page_forms, with_components
from monitor.web.visitor import page_response
from sla.correction import valid_corrections
from sla.drill import DrillKind
from sla.maintenance_window import maintenance_windows
from sla.objective_review import DECISIONS
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

routes = web.RouteTableDef()

EVERY_PRODUCT: Final = "*"
PAGE_FIELD: Final = "page"  # the page of the form, if it is not /actions
_INSTANTS: Final = ("start", "end", "until")
_MAX_FIELDS: Final = 100
_MAX_CORRECTIONS: Final = 20
_MAX_INCIDENTS: Final = 20
_INVALID_FORM = Refusal(400, "the form is not complete", "open /actions and send its form")


@routes.get("/actions")
@role(Role.ALERTS_WRITE)
async def show(request: web.Request) -> web.Response:
    """Show what can be acknowledged, ended, added or changed, of all products or of one."""
    check_query(request, "product", "incident", "done")
    done = FORMS.get(request.query.get("done", ""))
    return _page(request, request.query.get("product", ""), notice="" if done is None else done.done)


def _register(path: str, form: Form) -> None:
    """Add the route of a form, with the role of the API's route."""
    declaration = declaration_of(form.handler)
    assert declaration is not None  # noqa: S101 - a handler without a role is refused anyway

    @role(declaration.role, body=True)
    async def submit(request: web.Request) -> web.Response:
        return await _submit(request, path, form)

    routes.post(f"/actions/{path}")(submit)


for _path, _form in FORMS.items():
    _register(_path, _form)


async def _submit(request: web.Request, path: str, form: Form) -> web.Response:
    """Send the fields to the API's handler. Return a redirect to the page, or the page with the error."""
    fields, shown = await _fields(request), ""
    on_calendar = fields.pop(PAGE_FIELD, "") == maintenance_calendar.PAGE
    try:
        shown = fields.get("product", "") if fields.get("product") != EVERY_PRODUCT else ""
        body = _body(request, fields)
        if form.path_field:
            request.match_info["id"] = str(body.pop(form.path_field, ""))
        request[FORM_FIELDS] = body
        await form.handler(request)
    except Refusal as refusal:
        refusal.without_traceback()
        if on_calendar:
            failed = request.match_info.get("id", form.section)
            return await maintenance_calendar.page(request, error=refusal, entered=fields, failed=failed)
        return _page(request, shown, error=refusal, entered=fields, failed=form.section)
    if on_calendar:
        return web.Response(status=303, headers={"Location": f"/calendar?{urlencode({'done': path})}"})
    query = urlencode({"product": shown, "done": path} if shown else {"done": path})
    return web.Response(status=303, headers={"Location": f"/actions?{query}#{form.section}"})


async def _fields(request: web.Request) -> dict[str, str]:
    """Return the fields of the form that are not empty.

    Raises:
        Refusal: the body is not a form, or has a field twice.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise _INVALID_FORM
    try:
        values = parse_qs((await read_body(request)).decode(), max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise _INVALID_FORM from None
    if any(len(texts) > 1 for texts in values.values()):
        raise _INVALID_FORM
    return {name: texts[0].strip() for name, texts in values.items() if texts[0].strip()}


def _body(request: web.Request, fields: dict[str, str]) -> dict[str, Any]:
    """Return the body of the API's request. Instants without an offset are local time."""
    zone = request.app[CONTEXT].ledger.portfolio.zone
    body: dict[str, Any] = dict(fields)
    for name in _INSTANTS:
        if name in body:
            try:
                body[name] = format_instant(parse_instant(fields[name][:64], zone))
            except (ValueError, OverflowError):
                raise Refusal(400, f"{name} is not a date and time", "use 2026-11-20T18:00") from None
    if body.get("product") == EVERY_PRODUCT:
        del body["product"]
        body["all"] = True
    if "participants" in body:
        body["participants"] = [text.strip() for text in fields["participants"].split(",")]
    return with_components(body)


def _page(
    request: web.Request,
    product: str,
    *,
    notice: str = "",
    error: Refusal | None = None,
    entered: dict[str, str] | None = None,
    failed: str = "",
) -> web.Response:
    """Return the page. `failed` is the section of the form that was refused, `entered` are its fields."""
    context = request.app[CONTEXT]
    ledger, now = context.ledger, context.clock.now()
    known = product if product in ledger.products else ""
    view = SimpleNamespace(
        product=known,
        products=ledger.portfolio.products,
        checks=[entry.key for entry in ledger.entries.values() if known in ("", entry.product.id)],
        kinds=list(DrillKind),
        zone=ledger.portfolio.time_zone,
        notice=notice,
        error=error,
        failed=failed,
        entered=entered or {},
        every=EVERY_PRODUCT,
        alerts=list(_with_moments(request, alerts.open_alert_rows(request, known or None))),
        incidents=list(_incidents(request, known)),
        incident=request.query.get("incident", ""),
        silences=list(_with_moments(request, map(silences.silence_json, silences.in_force(request)), known)),
        maintenance=list(_with_moments(request, _windows(request, now), known)),
        planned=list(_with_moments(request, _configured_maintenance(request, now), known)),
        pauses=list(_with_moments(request, map(pause_json, pauses.in_force(request)), known)),
        drills=[record for record in recorded_drills(ledger, now, known or None) if record.end is None],
        corrections=list(_corrections(request, known)),
        reviews=list(_reviews(request, known, now)),
        decisions=DECISIONS,
        status_pages=page_forms(request, known),
    )
    return page_response(request, "actions.html.j2", view, status=200 if error is None else error.status)


def _incidents(request: web.Request, product: str) -> Iterator[SimpleNamespace]:
    """Yield the incidents to which a note can be added: the newest ones, and the one of the address."""
    ledger, chosen = request.app[CONTEXT].ledger, request.query.get("incident", "")
    for outage in newest_outages(ledger, product, _MAX_INCIDENTS, chosen):
        opened = moment(outage.opened, ledger.portfolio.zone)
        yield SimpleNamespace(id=outage.id, product=outage.product, opened=opened, open=outage.resolved is None)


def _with_moments(request: web.Request, rows: Any, product: str = "") -> Iterator[SimpleNamespace]:
    """Yield the rows about the product, with their instants as moments. Rows about all products are included."""
    zone = request.app[CONTEXT].ledger.portfolio.zone
    for row in rows:
        if not product or row.get("product") in (None, product):
            instants = {name: row[name] for name in ("opened", "start", "end", "until", "made") if row.get(name)}
            yield SimpleNamespace(**row | {name: moment(parse_instant(text), zone) for name, text in instants.items()})


def _windows(request: web.Request, now: int) -> Iterator[dict[str, Any]]:
    """Yield the added maintenance windows that have not ended, by start."""
    windows = maintenance_windows(request.app[CONTEXT].ledger.facts.all)
    for window in sorted(windows, key=lambda window: (window.interval.start, window.id)):
        if window.ended is None and window.interval.end > now:
            yield window_json(window)


def _configured_maintenance(request: web.Request, now: int) -> Iterator[dict[str, Any]]:
    """Yield the configured maintenance of the next 30 days, by start."""
    ledger = request.app[CONTEXT].ledger
    for row in upcoming(ledger.facts, ledger.portfolio, now):
        if row.exclusion.made is None:
            yield row.as_json()


def _reviews(request: web.Request, product: str, now: int) -> Iterator[SimpleNamespace]:
    """Yield the review cycles, with the instant of the next review, by due instant."""
    ledger = request.app[CONTEXT].ledger
    cycles = [cycle for cycle in review_cycles(ledger, now) if product in ("", cycle.product)]
    for cycle in sorted(cycles, key=lambda cycle: cycle.due):
        yield SimpleNamespace(cycle=cycle, due=moment(cycle.due, ledger.portfolio.zone))


def _corrections(request: web.Request, product: str) -> Iterator[SimpleNamespace]:
    """Yield the latest valid corrections."""
    ledger = request.app[CONTEXT].ledger
    zone, valid = ledger.portfolio.zone, valid_corrections(ledger.facts.corrections.facts)
    shown = [fact for fact in valid if product in ("", ledger.former_ids.product(fact.product))]
    for fact in shown[-_MAX_CORRECTIONS:][::-1]:
        start, end = moment(fact.interval.start, zone), moment(fact.interval.end, zone)
        yield SimpleNamespace(id=fact.id, product=fact.product, start=start, end=end, fact=fact)
