"""The HTTP server: routes, headers of all responses, and checks before a request reaches its handler."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from monitor.access.audit_log import AuditLog
from monitor.access.tokens import TokenFile
from monitor.config.status_pages import page_of_host
from monitor.exporters.prometheus import Exporter
from monitor.views.portfolio_lines import PortfolioLines
from monitor.web import (
    acknowledge_page,
    actions,
    admissions,
    alerts,
    api,
    blackbox,
    calculator,
    callbacks,
    changes,
    corrections,
    documentation,
    drills,
    events,
    gate_overrides,
    incident_notes,
    incidents,
    latency,
    liveness,
    login,
    maintenance,
    maintenance_calendar,
    mcp,
    metrics,
    pages,
    pauses,
    pings,
    plans,
    portfolio,
    public_incidents,
    readiness,
    reports,
    reviews,
    runbook,
    service_credits,
    session_api,
    silences,
    sites,
    status_data,
    status_pages,
    subscriptions,
    vantages,
)
from monitor.web.access import INVALID_CREDENTIAL_LIMIT, TOKENS, Tokens, accepts_body, admit
from monitor.web.assets import Assets
from monitor.web.audit import AUDIT, Audit
from monitor.web.connection_limit import ConnectionLimiter
from monitor.web.context import CONTENT_SECURITY_POLICY, CONTEXT, HEADERS, RESOURCE_POLICY, WebContext, is_loopback
from monitor.web.errors import Refusal, error_response
from monitor.web.live_updates import LIVE, LiveUpdates
from monitor.web.page_part import PARTS, PageParts
from monitor.web.rate_limit import RateLimit
from monitor.web.sessions import SIGN_INS, SignIns
from monitor.web.status_pages import page_response
from monitor.web.write_context import WRITE_CONTEXT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.config.status_pages import StatusPage
    from monitor.engine.heartbeats import Heartbeats
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.web.blackbox import Probes
    from monitor.web.write_context import WriteContext

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

_READ_ROUTES = (
    portfolio,
    pages,
    incidents,
    runbook,
    api,
    metrics,
    liveness,
    blackbox,
    admissions,
    calculator,
    plans,
    reports,
    service_credits,
    latency,
    session_api,
    sites,
    status_data,
    status_pages,
    vantages,
    changes,
    documentation,
    events,
    maintenance_calendar,
    mcp,
)
_WRITE_ROUTES = (
    login, actions, alerts, silences, corrections, maintenance, pauses, public_incidents, drills, readiness, reviews,
    incident_notes, gate_overrides, acknowledge_page, callbacks, subscriptions,
)  # fmt: skip


def build(
    ledger: Ledger,
    health: Health,
    clock: Clock,
    heartbeats: Heartbeats | None = None,
    probes: Probes | None = None,
    record: Path | None = None,
    write_context: WriteContext | None = None,
) -> web.Application:
    """Return the application that publishes this ledger. The role of each route is in `monitor.web.access`.

    `heartbeats` receives the pings of heartbeat checks (`monitor.web.pings`). `probes` makes the probes of /probe
    (`monitor.web.blackbox`). `write_context` is needed for changes with tokens and links. `record` is the file for
    figures as of a past instant (`monitor.as_of`).

    A server on a loopback address accepts only loopback names as Host, so that a page of another site cannot reach the
    API by pointing its own name at 127.0.0.1 (DNS rebinding).

    Raises:
        NinewatchError: the configured documentation cannot be read.
    """
    app = web.Application(middlewares=[guard], client_max_size=0)
    private = is_loopback(ledger.portfolio.listen.host)
    app[CONTEXT] = WebContext(ledger, health, clock, Exporter(ledger, health, clock), Assets.load(), private, record)
    app[INVALID_CREDENTIAL_LIMIT] = RateLimit(clock)
    app[status_pages.VIEWS], app[reports.JOB] = {}, reports.Job()
    app[LIVE], app[PARTS] = LiveUpdates(ledger, clock), PageParts()
    app.on_shutdown.append(app[LIVE].stop)  # otherwise the server waits for the streams
    app[portfolio.LINES], app[status_data.FEEDS] = PortfolioLines(), {}
    app[subscriptions.SUBSCRIBE_LIMITS] = subscriptions.SubscribeLimits.of(clock)
    app[SIGN_INS], app[login.SIGN_IN_LIMIT] = SignIns(clock), login.new_sign_in_limit(clock)
    if (folder := ledger.portfolio.documentation) is not None:
        app[documentation.FOLDER] = documentation.checked_folder(folder)
    if record is not None:
        app[TOKENS] = Tokens(TokenFile.of(record))
        app[AUDIT] = Audit.of(AuditLog.of(record), clock)
    for module in (*_READ_ROUTES, *_WRITE_ROUTES):
        app.add_routes(module.routes)
    if write_context is not None:
        app[WRITE_CONTEXT] = write_context
    if heartbeats is not None:
        pings.publish(app, heartbeats)
    if probes is not None:
        app[blackbox.PROBES] = probes
    app.on_response_prepare.append(add_headers)
    return app


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to a response."""
    # Pages with forms set another policy, and public data may be embedded in other sites.
    kept = {
        name: response.headers[name] for name in (CONTENT_SECURITY_POLICY, RESOURCE_POLICY) if name in response.headers
    }
    response.headers.update({**HEADERS, **kept})
    response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check and handle a request, and respond to errors with a problem and a remedy."""
    try:
        _check_request(request)
        if (page := page_of_host(request.app[CONTEXT].ledger.portfolio, request.host)) is not None:
            if request.path == "/" and request.method in ("GET", "HEAD"):
                return await page_response(request, page)
            _check_public_path(request, page)
        if request.match_info.http_exception is None:
            await admit(request)
        return await _handle(request, handler)
    except Refusal as refusal:
        return error_response(request, refusal.without_traceback())
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return error_response(request, _router_refusal(request, error))
    except ConnectionResetError:
        raise  # the client disconnected, which is not an error of the server
    except Exception:
        resource = request.match_info.route.resource  # instead of the path, which may contain the token of a link
        log.exception("request_failed", route="" if resource is None else resource.canonical)
        return error_response(request, Refusal(500, "internal error", "see the daemon's log"))


async def _handle(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle the request, twice if it only reads, failed, and the configuration was reloaded meanwhile.

    A handler that works in slices may ask for a product that the reload removed.
    """
    ledger = request.app[CONTEXT].ledger
    portfolio = ledger.portfolio
    try:
        return await handler(request)
    except (Refusal, web.HTTPException, ConnectionResetError):
        raise
    except Exception:
        if request.method not in ("GET", "HEAD") or ledger.portfolio is portfolio:
            raise
        log.info("request_repeated_after_reload")
    return await handler(request)


def _check_public_path(request: web.Request, page: StatusPage) -> None:
    """Check that a request to the host of a status page is for the page, its files or static files.

    Raises:
        Refusal: it is for another page.
    """
    if request.path != f"/status/{page.id}" and not request.path.startswith((f"/status/{page.id}/", "/static/")):
        raise Refusal(404, "there is no such page", "start at /")


def _router_refusal(request: web.Request, error: web.HTTPException) -> Refusal:
    if error.status == 405:
        return _method_refusal(request)
    return Refusal(error.status, f"no page at {request.path[:200]}", "start at / or at /api/v1/products")


def _method_refusal(request: web.Request) -> Refusal:
    """Return the error for a method that the path does not allow."""
    error = request.match_info.http_exception
    methods = sorted(error.allowed_methods) if isinstance(error, web.HTTPMethodNotAllowed) else ["GET", "HEAD"]
    remedy = "use one of these" if "POST" in methods else "this endpoint is read-only"
    text = f"method not allowed; allowed: {', '.join(methods)}"
    return Refusal(405, text, remedy, (("Allow", ", ".join(methods)),))


_BODY = Refusal(
    413, "this endpoint accepts no request body", "send the request without a body", (("Connection", "close"),)
)
_HOST = Refusal(
    421,
    "unknown Host: a loopback address accepts loopback names only",
    "use localhost or 127.0.0.1, have your proxy set that Host, or listen on another address",
)


def _check_request(request: web.Request) -> None:
    if request.match_info.http_exception is not None and request.method not in ("GET", "HEAD"):
        raise _method_refusal(request)
    if request.body_exists and not accepts_body(request.match_info.handler):
        raise _BODY
    context = request.app[CONTEXT]
    public = page_of_host(context.ledger.portfolio, request.host) is not None
    if context.private and not public and not is_loopback(request.host):
        raise _HOST


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening server. `addresses` are the actual `host:port`, also if port 0 (any free port) was requested."""

    runner: web.AppRunner
    server: asyncio.Server

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses as in a URL."""
        names: Iterable[tuple[str, int]] = (listening.getsockname()[:2] for listening in self.server.sockets)
        return tuple(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in names)

    async def close(self) -> None:
        """Accept no more connections, wait briefly for requests in progress, and close all connections."""
        self.server.close()
        await self.runner.cleanup()


async def listen(app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None) -> Listener:
    """Listen on the address, with TLS if specified. `ConnectionLimiter` decides which connections are accepted.

    Raises:
        OSError: the address is in use, or not an address of this machine.
    """
    runner = web.AppRunner(
        app,
        handle_signals=False,
        handler_cancellation=True,  # end the probe of /probe if its client disconnects
        shutdown_timeout=2.0,
    )
    await runner.setup()
    manager = runner.server
    assert manager is not None, "a runner that is set up has its server"  # noqa: S101 - for the type checker
    try:
        # asyncio of Python 3.11 accepts up to `backlog` connections per event. Without a free file descriptor each of
        # these attempts fails, is logged and is repeated later, so the backlog of asyncio is 1.
        server = await asyncio.get_running_loop().create_server(
            partial(ConnectionLimiter, manager), host, port, backlog=1, ssl=tls
        )
        _set_kernel_backlog(server, 128)
    except OSError:
        await runner.cleanup()
        raise
    return Listener(runner, server)


def _set_kernel_backlog(server: asyncio.Server, backlog: int) -> None:
    """Set how many connections wait in the kernel until they are accepted."""
    for listening in server.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as duplicate:
            duplicate.listen(backlog)
