"""Parse the path and query parameters that several routes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal
from sla.interval import DAY
from sla.window import parse_instant, parse_window

if TYPE_CHECKING:
    from aiohttp import web

    from monitor.config.model import Product
    from monitor.web.context import WebContext
    from sla.calendar import Window

MAX_WINDOW: Final = 3_660 * DAY  # ten years, so that no sum overflows
_EARLIEST_INSTANT: Final = 3_660 * DAY  # the first instant for `at`


def product_of(request: web.Request) -> Product:
    """Return the product of the path parameter `id`.

    Raises:
        Refusal: the product is unknown.
    """
    product = request.app[CONTEXT].ledger.products.get(request.match_info["id"])
    if product is None:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    return product


def parse_window_at(text: str, at: int, context: WebContext) -> Window:
    """Return the window in the portfolio's time zone as of `at`.

    Raises:
        Refusal: the text is not a window, or the window is too long, or not in the past.
    """
    try:
        window = parse_window(text[:100], at, context.ledger.portfolio.zone)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"window: {error}", "for example window=30d or window=month") from None
    if window.full.length > MAX_WINDOW:
        raise Refusal(400, "window is longer than ten years", "use 30d, 24h or month")
    if not 0 <= window.full.start <= at:
        raise Refusal(400, "window starts in the future or before 1970", "use 30d, 24h or month")
    return window


def instant_of(request: web.Request, now: int) -> int:
    """Return the instant of the parameter `at`. The default is now.

    Raises:
        Refusal: the parameter is not an instant between 1980 and now.
    """
    if "at" not in request.query:
        return now
    try:
        at = parse_instant(request.query["at"][:64])
    except ValueError:
        raise Refusal(400, "at is not an RFC 3339 instant", "use at=2026-11-20T18:00:00Z") from None
    if not _EARLIEST_INSTANT <= at <= now:
        raise Refusal(400, "at is in the future or before 1980", "omit it for the present")
    return at


def window_of(request: web.Request, product: Product, at: int) -> Window:
    """Return the window of the parameter `window` as of `at`. The default is the product's own window.

    Raises:
        Refusal: the parameter is not valid.
    """
    if "window" not in request.query:
        return request.app[CONTEXT].ledger.own_window(product.id, at)
    return parse_window_at(request.query["window"], at, request.app[CONTEXT])


def parse_limit(text: str, maximum: int) -> int:
    """Return the parameter `limit`, at most `maximum`.

    Raises:
        Refusal: the text is not a positive integer.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise Refusal(400, "limit is not a positive integer", f"use limit=20; at most {maximum} are returned")
    return min(int(text), maximum)
