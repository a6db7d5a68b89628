"""The page of all products: what needs attention first, then the products by team. Its address has the selection."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.views import attention, product_summary
from monitor.views.outages import open_outages, outage_ids
from monitor.views.portfolio_selection import NO_TEAM, STATES, Selection, Sort
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, check_query
from monitor.web.page import render_page
from monitor.web.page_part import refreshed
from monitor.web.write_context import WRITE_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.config.model import Portfolio
    from monitor.ledger.ledger import Ledger
    from monitor.views.portfolio_line import PortfolioLine
    from monitor.views.portfolio_lines import PortfolioLines
    from monitor.web.assets import Assets

routes = web.RouteTableDef()

LINES: web.AppKey[PortfolioLines] = web.AppKey("portfolio_lines")
_TEXTS: Final = ("q", "team", "tag", "state")
_MAX_TEXT: Final = 100
_GROUPS: Final = ("team", "none")


@routes.get("/")
@role(Role.READ)
@refreshed
async def portfolio(request: web.Request) -> web.Response:
    """Show what needs attention, the selected products by team, and the newest incidents."""
    check_query(request, *_TEXTS, "sort", "group")
    selection = _selection(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    ledger, now = context.ledger, context.clock.now()
    ids = outage_ids(ledger.product_incidents.values())
    lines, open_counts, known = [], open_outages(ledger.open_incidents(), ids), request.app[LINES]
    for product in ledger.portfolio.products:
        lines.append(known.line(ledger, product, open_counts[product.id], now))
        await slices.yield_if_spent()
    health, pages = context.health, _open_pages(request)
    items = attention.attention(ledger, lines, pages, health.vantages, health.deliveries, ids, now)
    await slices.yield_if_spent()
    values = _headlines(ledger, lines, now) | {
        "attention": items,
        "summary": attention.summary(items, lines),
        "groups": selection.groups(lines),
        "selection": selection,
        "choices": _choices(ledger.portfolio),
        "total": len(lines),
        "vantages": health.vantages,
        "deliveries": health.deliveries,
        "row": _rows(known, context.assets),
    }
    await slices.yield_if_spent()
    entries, incidents = ledger.entries.values(), ledger.incidents
    return await render_page(request, "portfolio.html.j2", slices, entries, incidents, values, now, has_form=True)


def _rows(lines: PortfolioLines, assets: Assets) -> Callable[..., str]:
    """Return the function that renders the row of a line."""

    def row(line: PortfolioLine, *, grouped: bool) -> str:
        render = partial(assets.render, "portfolio_row.html.j2", line=line, grouped=grouped)
        return lines.row(line, render, grouped=grouped)

    return row


def _headlines(ledger: Ledger, lines: list[PortfolioLine], now: int) -> dict[str, object]:
    badges = [line.row.badge for line in lines]
    provisional = [line.row.id for line in lines if ledger.provisional(line.row.id, now, now, now)[1]]
    return {
        "headline": product_summary.headline(badges, sum(1 for line in lines if line.row.degraded)),
        "counts": product_summary.counts(badges),
        "provisional": product_summary.provisional_text(ledger, provisional, now) if provisional else "",
    }


def _selection(request: web.Request) -> Selection:
    """Return the selection of the parameters.

    Raises:
        Refusal: the order, the grouping or the state is unknown.
    """
    text, team, tag, state = (request.query.get(name, "").strip()[:_MAX_TEXT] for name in _TEXTS)
    sort, group = request.query.get("sort", Sort.STATE.value), request.query.get("group", "team")
    for name, value, known in (("sort", sort, list(Sort)), ("group", group, _GROUPS), ("state", state, ["", *STATES])):
        if value not in known:
            raise Refusal(400, f"unknown {name}", f"use {name}= and one of {', '.join(filter(None, known))}")
    return Selection(text, team, tag, state, Sort(sort), group == "team")


def _choices(portfolio: Portfolio) -> SimpleNamespace:
    """Return the values that the form offers."""
    teams = sorted({product.team or NO_TEAM for product in portfolio.products}, key=str.casefold)
    tags = sorted({tag for product in portfolio.products for tag in product.tags}, key=str.casefold)
    return SimpleNamespace(teams=teams if len(teams) > 1 else [], tags=tags, states=STATES, sorts=list(Sort))


def _open_pages(request: web.Request) -> Iterator[attention.OpenPage]:
    """Yield the responses that still need an acknowledgement. A read-only server has none."""
    context = request.app.get(WRITE_CONTEXT)
    for response in () if context is None else context.alerting.responses.all:
        alert = context.alerting.find(response.key) if context is not None and response.open else None
        if alert is not None:
            yield attention.OpenPage(response, alert.summary)
