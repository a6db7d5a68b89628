"""/ping/PRODUCT/CHECK: receive the pings of heartbeat checks. Each check has its own token.

    curl -fsS -m 10 --retry 3 -H "Authorization: Bearer $TOKEN" -X POST http://host:9999/ping/drop/nightly-load
    curl ... /ping/drop/nightly-load/start, /success, /fail, /log, or /$? for an exit code

GET does the same as POST, for clients that cannot send a POST. Other methods, also HEAD, are rejected.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from monitor.web.access import Role, role
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal
from monitor.web.rate_limit import RateLimit
from monitor.web.request_body import read_start

if TYPE_CHECKING:
    from monitor.engine.heartbeats import Heartbeats
    from monitor.ledger.check_entry import CheckEntry

routes = web.RouteTableDef()
HEARTBEATS: web.AppKey[Heartbeats] = web.AppKey("heartbeats")
PING_LIMITS: web.AppKey[RateLimit] = web.AppKey("limits")

MAX_NOTE = 10_240  # bytes of the body that are read; its first line is recorded
_CODE, _MAX_CODE = re.compile(r"[0-9]{1,3}"), 255

_ACCESS_DENIED = Refusal(
    401,
    "unknown heartbeat or wrong token",
    "send it as `Authorization: Bearer TOKEN` or as ?token=TOKEN",
    (("WWW-Authenticate", 'Bearer realm="ping"'),),
)
_TOO_MANY = Refusal(429, "too many pings", "wait a few seconds; 1 ping per minute is enough", (("Retry-After", "10"),))
_UNKNOWN_SIGNAL = Refusal(
    404, "unknown signal", "end the path with start, success, fail, log or an exit code from 0 to 255"
)


@routes.get("/ping/{product}/{check}", allow_head=False)
@routes.post("/ping/{product}/{check}")
@routes.get("/ping/{product}/{check}/{signal}", allow_head=False)
@routes.post("/ping/{product}/{check}/{signal}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def ping(request: web.Request) -> web.Response:
    """Receive one ping. Unknown checks and wrong tokens get the same response."""
    entry = _authenticate(request)
    signal = request.match_info.get("signal", "success")
    heartbeats, note = request.app[HEARTBEATS], await _note(request)
    if signal == "start":
        heartbeats.start(entry)
    elif signal == "log":
        heartbeats.log_note(entry, note)
    else:
        heartbeats.end(entry, _code(signal), note)
    return web.Response(text="OK\n")


def _authenticate(request: web.Request) -> CheckEntry:
    limits = request.app[PING_LIMITS]
    key = f"{request.match_info['product']}/{request.match_info['check']}"
    entry = request.app[HEARTBEATS].authenticate(key, _token(request))
    # Wrong tokens have a separate limit, which does not affect clients with the right token.
    if not limits.take("" if entry is None else key):
        raise _TOO_MANY
    if entry is None:
        raise _ACCESS_DENIED
    return entry


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.query.get("token", "")


def _code(signal: str) -> int:
    if signal in ("success", "fail"):
        return 0 if signal == "success" else 1
    if _CODE.fullmatch(signal) is None or int(signal) > _MAX_CODE:
        raise _UNKNOWN_SIGNAL
    return int(signal)


async def _note(request: web.Request) -> str:
    """Return the first line of the body. At most MAX_NOTE bytes are read."""
    lines = (await read_start(request, MAX_NOTE)).decode(errors="replace").strip().splitlines()
    return lines[0] if lines else ""


def publish(app: web.Application, heartbeats: Heartbeats) -> None:
    """Add the routes to the application. Pings are passed to `heartbeats`."""
    app[HEARTBEATS], app[PING_LIMITS] = heartbeats, RateLimit(app[CONTEXT].clock)
    app.add_routes(routes)
