"""Reject changes that pages of other sites make a browser send (cross-site request forgery).

Browsers add a session's cookie to any request, and come through the proxy that adds its headers. They also state the
origin of the request, in `Sec-Fetch-Site` and `Origin`, which pages cannot set. API tokens need no such check, because
browsers do not add them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal

if TYPE_CHECKING:
    from aiohttp import web

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_CROSS_SITE = Refusal(
    403,
    "the request does not come from a page of this server",
    "open the page at the address in `public_url` and send its form, or use an API token",
)


def own_origin(request: web.Request) -> str:
    """Return the origin of the pages: that of `public_url`, or else the address of the request, which is loopback."""
    return request.app[CONTEXT].ledger.portfolio.public_url or f"http://{request.host}"


def is_encrypted(request: web.Request) -> bool:
    """Return whether browsers reach the pages over HTTPS."""
    return own_origin(request).startswith("https:")


def check_same_origin(request: web.Request) -> None:
    """Check that a page of this server sent the request. Requests with safe methods are not checked.

    Raises:
        Refusal: another origin sent it, or the request states no origin at all.
    """
    if request.method in SAFE_METHODS:
        return
    site, origin = request.headers.getall("Sec-Fetch-Site", []), request.headers.getall("Origin", [])
    stated = bool(site or origin)
    if not stated or site not in ([], ["same-origin"]) or (origin and not _is_own(request, origin)):
        raise _CROSS_SITE


def _is_own(request: web.Request, origins: list[str]) -> bool:
    """Return whether the only origin is that of the pages. On loopback, also that of the request's own address."""
    accepted = {own_origin(request)}
    if request.app[CONTEXT].private:  # then the Host is a loopback name
        accepted.add(f"http://{request.host}")
    return len(origins) == 1 and origins[0] in accepted
