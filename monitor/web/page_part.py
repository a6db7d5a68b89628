"""The changing part of a page, for the script that refreshes it: the same HTML without the frame, with an ETag.

Readers with the same role share a part for `PERIOD`, so that many open pages cost about as much as one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.web.context import CONTEXT
from monitor.web.live_updates import LIVE
from monitor.web.visitor import visitor_of
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADER: Final = "X-Ninewatch-Part"
PERIOD: Final = 5 * SECOND
_MAX_PARTS: Final = 64


def is_part(request: web.Request) -> bool:
    """Return whether the request is for the changing part of a page."""
    return request.headers.get(HEADER) == "main"


def refreshed(handler: Handler) -> Handler:
    """Let the handler of a page also return its changing part."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        return await (request.app[PARTS].response(request, handler) if is_part(request) else handler(request))

    return answer


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that is rendered, or being rendered, with its ETag."""

    etag: str
    response: asyncio.Task[web.StreamResponse]


class PageParts:
    """The rendered parts by address and role."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], _Part] = {}

    async def response(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return the part; 304 if the client has it. Requests at the same time share one computation."""
        person = visitor_of(request).person
        role = "" if person is None or person.role is None else person.role.value
        now, version = request.app[CONTEXT].clock.now(), request.app[LIVE].version
        etag = f'W/"{version}-{now // PERIOD}{role and "-" + role}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        key = request.path_qs, role
        part = self._parts.get(key)
        if part is None or part.etag != etag or _has_failed(part.response):
            part = self._parts[key] = _Part(etag, asyncio.ensure_future(handler(request)))
            while len(self._parts) > _MAX_PARTS:
                del self._parts[next(iter(self._parts))]
        return _copy(await asyncio.shield(part.response), etag)


def _has_failed(task: asyncio.Task[web.StreamResponse]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _copy(response: web.StreamResponse, etag: str) -> web.Response:
    """Return the response for another request: aiohttp sends each object once."""
    body = response.body if isinstance(response, web.Response) else None
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return web.Response(status=response.status, body=body, headers={**headers, "ETag": etag})


PARTS: web.AppKey[PageParts] = web.AppKey("page_parts", PageParts)
