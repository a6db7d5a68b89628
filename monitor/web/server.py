"""The HTTP server: routes, headers of every response, and requests that are refused before their handler."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from monitor.access.tokens import TokenFile
from monitor.exporters.prometheus import Exporter
from monitor.web import (
    acknowledge_page,
    alerts,
    api,
    blackbox,
    callbacks,
    corrections,
    drills,
    gate_overrides,
    liveness,
    metrics,
    pages,
    pings,
    readiness,
    runbook,
    silences,
)
from monitor.web.access import GUESSES, TOKENS, Tokens, admit, takes_body
from monitor.web.assets import Assets
from monitor.web.connection_limit import ConnectionLimiter
from monitor.web.context import CONTEXT, HEADERS, POLICY, WebContext, is_loopback
from monitor.web.errors import Refusal, refuse
from monitor.web.rate_limit import RateLimit
from monitor.web.writing import WRITING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.engine.heartbeats import Heartbeats
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.web.blackbox import Probes
    from monitor.web.writing import Writing

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

_READING = (pages, runbook, api, metrics, liveness, blackbox)
_CHANGING = (alerts, silences, corrections, drills, readiness, gate_overrides, acknowledge_page, callbacks)


def build(
    ledger: Ledger,
    health: Health,
    clock: Clock,
    beats: Heartbeats | None = None,
    probes: Probes | None = None,
    record: Path | None = None,
    writing: Writing | None = None,
) -> web.Application:
    """Return the application that publishes this ledger. The role of each route is in `monitor.web.access`.

    With `beats` it also takes the pings of heartbeat checks (`monitor.web.pings`); with `probes` it makes the probes
    that /probe asks for (`monitor.web.blackbox`); with `writing` it takes what tokens and links permit to write.

    With `record` what is asked as of an instant is read from there (`monitor.as_of`).

    Behind a loopback address only loopback names are answered, so that a page from elsewhere cannot reach the API by
    pointing its own name at 127.0.0.1 (DNS rebinding).
    """
    app = web.Application(middlewares=[_guard], client_max_size=0)
    private = is_loopback(ledger.portfolio.listen.host)
    app[CONTEXT] = WebContext(ledger, health, clock, Exporter(ledger, health, clock), Assets.load(), private, record)
    app[GUESSES] = RateLimit(clock)
    if record is not None:
        app[TOKENS] = Tokens(TokenFile.of(record))
    for module in (*_READING, *_CHANGING):
        app.add_routes(module.routes)
    if writing is not None:
        app[WRITING] = writing
    if beats is not None:
        pings.publish(app, beats)
    if probes is not None:
        app[blackbox.PROBES] = probes
    app.on_response_prepare.append(_add_headers)
    return app


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    policy = response.headers.get(POLICY, HEADERS[POLICY])  # a page with a form has its own
    response.headers.update({**HEADERS, POLICY: policy})
    response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _refuse_strangers(request)
        if request.match_info.http_exception is None:
            await admit(request)
        return await handler(request)
    except Refusal as refusal:
        return refuse(request, refusal)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return refuse(request, _of_router(request, answer))
    except ConnectionResetError:
        raise  # the reader went away in the middle: nothing of ours failed
    except Exception:
        resource = request.match_info.route.resource  # not the path: the token of a link is part of it
        log.exception("request_failed", route="" if resource is None else resource.canonical)
        return refuse(request, Refusal(500, "internal error", "see the daemon's log"))


def _of_router(request: web.Request, answer: web.HTTPException) -> Refusal:
    if answer.status == 405:
        return _of_method(request)
    return Refusal(answer.status, f"no page at {request.path[:200]}", "start at / or at /api/v1/products")


def _of_method(request: web.Request) -> Refusal:
    """Return the error for a method that the path does not allow."""
    error = request.match_info.http_exception
    taken = sorted(error.allowed_methods) if isinstance(error, web.HTTPMethodNotAllowed) else ["GET", "HEAD"]
    remedy = "use one of these" if "POST" in taken else "this endpoint is read-only"
    text = f"method not allowed; allowed: {', '.join(taken)}"
    return Refusal(405, text, remedy, (("Allow", ", ".join(taken)),))


_BODY = Refusal(413, "this endpoint accepts no request body", "send none", (("Connection", "close"),))
_HOST = Refusal(
    421,
    "unknown Host: a loopback address accepts loopback names only",
    "use localhost or 127.0.0.1, have your proxy set that Host, or listen on another address",
)


def _refuse_strangers(request: web.Request) -> None:
    if request.match_info.http_exception is not None and request.method not in ("GET", "HEAD"):
        raise _of_method(request)
    if request.body_exists and not takes_body(request.match_info.handler):
        raise _BODY
    if request.app[CONTEXT].private and not is_loopback(request.host):
        raise _HOST


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening server. `addresses` are the actual `host:port` (port 0 means any free port)."""

    runner: web.AppRunner
    server: asyncio.Server

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return each address as written in a URL."""
        names: Iterable[tuple[str, int]] = (each.getsockname()[:2] for each in self.server.sockets)
        return tuple(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in names)

    async def close(self) -> None:
        """Stop accepting, wait briefly for requests in progress, and close all connections."""
        self.server.close()
        await self.runner.cleanup()


async def listen(app: web.Application, host: str, port: int) -> Listener:
    """Return the listener; `ConnectionLimiter` decides which connections it accepts.

    Raises:
        OSError: the address is taken or not ours.
    """
    runner = web.AppRunner(
        app,
        handle_signals=False,
        handler_cancellation=True,  # after a disconnect /probe would continue in vain
        shutdown_timeout=2.0,
    )
    await runner.setup()
    manager = runner.server
    assert manager is not None, "a runner that is set up has its server"  # noqa: S101 - for the type checker
    try:
        # One connection is accepted at a time: without a file descriptor, asyncio of Python 3.11 logs and tries again
        # once for each that its backlog allows, and each of these tries does the same.
        server = await asyncio.get_running_loop().create_server(
            partial(ConnectionLimiter, manager), host, port, backlog=1
        )
        _let_wait(server, 128)
    except OSError:
        await runner.cleanup()
        raise
    return Listener(runner, server)


def _let_wait(server: asyncio.Server, backlog: int) -> None:
    """Have the kernel keep so many connections until they are accepted."""
    for each in server.sockets:
        with socket.socket(fileno=os.dup(each.fileno())) as same:
            same.listen(backlog)
