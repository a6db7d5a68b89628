"""/changes and GET /api/v1/changes: the audit log, with the facts of people and of the configuration."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import web

from monitor.access.audit_log import Event, Means
from monitor.errors import NinewatchError
from monitor.views.changes import ChangeFilter, Page, changes
from monitor.views.formatting import moment
from monitor.web.access import Role, role
from monitor.web.audit import AUDIT
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.openapi_schemas import INSTANT, MAYBE_TEXT, TEXT, list_of, object_of, ref
from monitor.web.query import parse_limit
from monitor.web.visitor import page_response
from sla.window import parse_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.views.changes import Change

routes = web.RouteTableDef()

MAX_CHANGES: Final = 1_000
_MAX_TEXT: Final = 200
_FILTER: Final = ("event", "name", "means", "product")
_INSTANTS: Final = ("since", "until")

SCHEMAS: Final[dict[str, Any]] = {
    "Change": object_of(
        id=TEXT,
        at=INSTANT,
        event=TEXT,
        product=MAYBE_TEXT,
        name=MAYBE_TEXT,
        means={"enum": [means.value for means in Means]},
        client=MAYBE_TEXT,
        address=MAYBE_TEXT,
        recorded={"type": "boolean"},
        text=list_of(TEXT),
        before={},
        after={},
    )
}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/changes": (
        "Changes, sign-ins and events of tokens, newest first: who, what, before, after, from where, by which means",
        object_of(changes=list_of(ref("Change")), next=MAYBE_TEXT),
        {
            "event": f"kind of the fact, for example silence, or one of {', '.join(list(Event)[1:])}",
            "name": "only changes by this person or token",
            "means": f"one of {', '.join(Means)}",
            "product": "only changes of this product",
            "since": "only changes from this RFC 3339 instant on",
            "until": "only changes before this RFC 3339 instant",
            "cursor": "`next` of the page before",
            "limit": f"at most {MAX_CHANGES}; default: 100",
        },
    ),
}


@routes.get("/api/v1/changes")
@role(Role.AUDIT_READ)
async def list_changes(request: web.Request) -> web.Response:
    """List the selected changes, newest first."""
    page = await _page_of(request)
    return as_json({"changes": [change.as_json() for change in page.changes], "next": page.next or None})


@routes.get("/changes")
@role(Role.AUDIT_READ)
async def show(request: web.Request) -> web.Response:
    """Show the selected changes with a form for the selection."""
    page, ledger = await _page_of(request), request.app[CONTEXT].ledger
    values = {name: request.query.get(name, "") for name in (*_FILTER, *_INSTANTS)}
    older = urlencode({**{name: value for name, value in values.items() if value}, "cursor": page.next})
    view = SimpleNamespace(
        rows=[_row(change, ledger.portfolio.zone) for change in page.changes],
        values=values,
        products=ledger.portfolio.products,
        means=list(Means),
        older=f"/changes?{older}" if page.next else "",
        zone=ledger.portfolio.time_zone,
    )
    return page_response(request, "changes.html.j2", view)


def _row(change: Change, zone: ZoneInfo) -> SimpleNamespace:
    return SimpleNamespace(change=change, at=moment(change.at, zone))


async def _page_of(request: web.Request) -> Page:
    """Return the page of changes that the parameters select. It is computed in a thread: there may be many.

    Raises:
        Refusal: a parameter is not valid, or the audit log cannot be read.
    """
    check_query(request, *_FILTER, *_INSTANTS, "cursor", "limit")
    limit = parse_limit(request.query.get("limit", "100"), MAX_CHANGES)
    selected, cursor = _filter(request), request.query.get("cursor", "")[:_MAX_TEXT]
    audit, facts = request.app.get(AUDIT), request.app[CONTEXT].ledger.facts
    try:
        entries = [] if audit is None else await asyncio.to_thread(audit.log.entries)
        return await asyncio.to_thread(changes, facts, entries, selected, limit=limit, cursor=cursor)
    except NinewatchError:
        raise Refusal(503, "the audit log cannot be read", "see the daemon's log") from None
    except ValueError as error:
        raise Refusal(400, str(error), "use `next` of the page before, or omit the cursor") from None


def _filter(request: web.Request) -> ChangeFilter:
    query = request.query
    if query.get("means", "") not in ("", *Means):
        raise Refusal(400, "unknown means", f"use one of {', '.join(Means)}")
    event, name, means, product = (query.get(key, "").strip()[:_MAX_TEXT] for key in _FILTER)
    since, until = (_instant(request, name) for name in _INSTANTS)
    return ChangeFilter(event, name, means, product, since or 0, until)


def _instant(request: web.Request, name: str) -> int | None:
    """Return the instant of the parameter; without an offset, it is local time. None if it is empty."""
    text = request.query.get(name, "")[:64]
    try:
        return parse_instant(text, request.app[CONTEXT].ledger.portfolio.zone) if text else None
    except (ValueError, OverflowError):
        raise Refusal(400, f"{name} is not an RFC 3339 instant", f"use {name}=2026-11-20T18:00:00Z") from None
