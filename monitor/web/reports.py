"""/reports: the executive summary of a window, and the full report as a file.

A file is computed from the record in a thread, one at a time, so that probes and pages are not delayed. A file whose
client disconnects is computed to its end, because a thread cannot be cancelled.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from monitor.as_of import ledger_at
from monitor.errors import NinewatchError
from monitor.language import ENGLISH, NAMES, translatable
from monitor.reporting.executive_summary import executive_summary
from monitor.reporting.report import portfolio_report
from monitor.reporting.report_file import MEDIA_TYPES, rendered
from monitor.views.formatting import moment
from monitor.views.time_slice import TimeSlices
from monitor.web.accept_language import PARAMETER
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, check_query
from monitor.web.language import chosen_language
from monitor.web.query import parse_window_at
from monitor.web.visitor import page_response
from sla.calendar import Period
from sla.interval import DAY, SECOND
from sla.report import last_complete

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.config.model import Portfolio, Product
    from sla.calendar import Window

routes = web.RouteTableDef()

ALL: Final = "all"
FILES: Final = ("pdf", "xlsx", "csv", "json")
WINDOWS: Final = (
    translatable("last month"), translatable("month"), translatable("last quarter"), translatable("quarter"),
    translatable("last fiscal-year"), translatable("fiscal-year"), translatable("last year"), translatable("year"),
    translatable("30d"), translatable("90d"),
)  # fmt: skip
_MAX_WINDOW: Final = 400 * DAY
_MAX_TEXT: Final = 100
_SPECIAL: Final = re.compile(r"[^A-Za-z0-9._-]")  # in the name of a file, which is part of a header
_WRITE_DELAY: Final = SECOND  # the daemon writes each result within this time
_BUSY = Refusal(503, "another report is being computed", "try again in a minute", (("Retry-After", "60"),))


@dataclass(slots=True)
class Job:
    """The computation of a file, at most one at a time."""

    _running: asyncio.Task[bytes] | None = None

    async def run(self, compute: Callable[[], bytes]) -> bytes:
        """Return the result of `compute`, which is called in a thread.

        Raises:
            Refusal: another file is being computed, also if its client disconnected.
        """
        if self._running is not None:
            raise _BUSY
        self._running = asyncio.create_task(asyncio.to_thread(compute))
        self._running.add_done_callback(self._finish)
        return await asyncio.shield(self._running)

    def _finish(self, _: asyncio.Task[bytes]) -> None:
        self._running = None


JOB: web.AppKey[Job] = web.AppKey("report_job")


@routes.get("/reports")
@role(Role.READ)
async def summary(request: web.Request) -> web.Response:
    """Show the form, the executive summary of the chosen window, and the links to the files."""
    check_query(request, "product", "window", PARAMETER)
    context, spoken = request.app[CONTEXT], await chosen_language(request, tuple(NAMES)) or ENGLISH
    ledger, now = context.ledger, context.clock.now()
    name, products = _products(request, ledger.portfolio)
    window_text, window = _window(request, now)
    result = await executive_summary(ledger, products, window, now, TimeSlices(context.clock), spoken)
    query = {"product": name, "window": window_text}
    windows = WINDOWS if window_text in WINDOWS else (window_text, *WINDOWS)
    view = SimpleNamespace(
        summary=result,
        product=name,
        window=window_text,
        windows=[(text, spoken.gettext(text)) for text in windows],
        products=ledger.portfolio.products,
        every=ALL,
        in_progress=window.in_progress,
        until=moment(window.measured.end, ledger.portfolio.zone),
        made=moment(now, ledger.portfolio.zone),
        languages=[
            (code, own_name, f"/reports?{urlencode({**query, PARAMETER: code})}")
            for code, own_name in NAMES.items()
            if code != spoken.code
        ],
        files=[(name, f"/reports/file?{urlencode({**query, 'format': name})}") for name in FILES],
    )
    return page_response(request, "reports.html.j2", view, language=spoken)


@routes.get("/reports/file")
@role(Role.READ)
async def file(request: web.Request) -> web.Response:
    """Return the full report of the chosen window as a file, from the record."""
    check_query(request, "product", "window", "format")
    context = request.app[CONTEXT]
    portfolio, now, record = context.ledger.portfolio, context.clock.now(), context.record
    name, products = _products(request, portfolio)
    format_name, (window_text, window) = request.query.get("format", ""), _window(request, now)
    if format_name not in FILES:
        raise Refusal(400, "unknown format", f"use format={'|'.join(FILES)}")
    if record is None:
        raise Refusal(503, "this server has no record to report on", "ask the daemon that runs the probes")
    try:
        content = await request.app[JOB].run(partial(_content, portfolio, record, products, window, now, format_name))
    except NinewatchError as error:
        raise Refusal(503, f"the report cannot be made: {error}", "run `ninewatch report` for details") from None
    file_name = f"{name}-{_SPECIAL.sub('', window_text.replace(' ', '-').replace('/', '_'))}.{format_name}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return web.Response(body=content, content_type=MEDIA_TYPES[format_name], headers=headers)


def _content(
    portfolio: Portfolio, record: Path, products: Sequence[Product], window: Window, now: int, format_name: str
) -> bytes:
    """Return the file, with the figures of `ninewatch report` at this instant."""
    ledger = ledger_at(portfolio, record, now)
    return rendered(portfolio_report(ledger, products, window, now, now - _WRITE_DELAY), format_name)


def _products(request: web.Request, portfolio: Portfolio) -> tuple[str, Sequence[Product]]:
    """Return the parameter `product` and its products, by default all.

    Raises:
        Refusal: the product is unknown.
    """
    name = request.query.get("product", ALL)
    if name == ALL:
        return name, portfolio.products
    products = [product for product in portfolio.products if product.id == name]
    if not products:
        raise Refusal(404, "unknown product", "use product=all, or the id of a product")
    return name, products


def _window(request: web.Request, now: int) -> tuple[str, Window]:
    """Return the parameter `window` on one line, and its window, at most 400 days.

    `last month`, which is the default, is the last complete month.

    Raises:
        Refusal: it is not a window, is empty or too long, or starts in the future.
    """
    text = " ".join(request.query.get("window", WINDOWS[0]).split())
    if len(text) > _MAX_TEXT:
        raise Refusal(400, f"window is longer than {_MAX_TEXT} characters", "use for example window=last month")
    period = text.lower().removeprefix("last ")
    if text.lower().startswith("last ") and period in tuple(Period):
        window = last_complete(Period(period), now, request.app[CONTEXT].ledger.portfolio.zone)
    else:
        window = parse_window_at(text, now, request.app[CONTEXT])
    if not window.measured.length:
        raise Refusal(400, "the window has just started and has no data yet", "use for example window=last month")
    if window.full.length > _MAX_WINDOW:
        raise Refusal(400, "window is longer than 400 days", "`ninewatch report` writes longer reports")
    return text, window
