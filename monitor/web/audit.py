"""Entries of the audit log about requests: where they come from, sign-ins, and refused clients."""

from __future__ import annotations

import asyncio
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from monitor.access.audit_log import AuditEntry, AuditLog, ChangeOrigin, Event, Means
from monitor.errors import NinewatchError
from monitor.web.context import CONTEXT, address_of
from monitor.web.rate_limit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.access.principal import Principal
    from monitor.clock import Clock

log = structlog.get_logger(__name__)

WRITE_TIMEOUT: Final = 5.0
_REFUSALS_BURST, _REFUSALS_RATE = 20.0, 1 / 60  # entries that clients without authentication can cause


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit log of the server. One thread writes it, because a faulty disk may block it."""

    log: AuditLog
    refusals: RateLimit
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "audit"))

    @classmethod
    def of(cls, audit_log: AuditLog, clock: Clock) -> Audit:
        """Return the audit of a log."""
        return cls(audit_log, RateLimit(clock, rate=_REFUSALS_RATE, burst=_REFUSALS_BURST))


AUDIT: web.AppKey[Audit] = web.AppKey("audit")


def client_address(request: web.Request) -> str:
    """Return the client's address: the last one of `X-Forwarded-For` if the request comes from the login's proxy."""
    remote = request.remote or ""
    login = request.app[CONTEXT].ledger.portfolio.login
    if login is None or login.proxy is None or not remote:
        return remote
    stated = request.headers.getall("X-Forwarded-For", [])
    if not stated or not any(address_of(remote) in network for network in login.proxy.from_):
        return remote
    try:
        return str(ipaddress.ip_address(stated[-1].rpartition(",")[2].strip()))
    except ValueError:
        return remote


def origin_of(request: web.Request, client: Principal) -> ChangeOrigin:
    """Return the origin of a request by an authenticated client."""
    return ChangeOrigin(Means(client.method.value), client.name, client.id, client_address(request))


async def record_event(
    request: web.Request, event: Event, origin: ChangeOrigin, detail: Mapping[str, Any] | None = None
) -> None:
    """Append an event that is not a fact.

    If it cannot be written, only an error is logged, because a full disk must not lock people out.
    """
    audit = request.app.get(AUDIT)
    if audit is None:
        return
    entry = AuditEntry(request.app[CONTEXT].clock.now(), event, origin, detail=detail or {})
    try:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await asyncio.get_running_loop().run_in_executor(audit.thread, audit.log.append, entry)
    except (NinewatchError, TimeoutError) as error:
        log.error("audit_entry_not_written", event_kind=event, error=str(error) or "the disk does not answer")


async def record_refusal(
    request: web.Request, event: Event, origin: ChangeOrigin, detail: Mapping[str, Any] | None = None
) -> None:
    """Append a refusal. After 20 of them at once, one per minute is written: clients without rights cause them."""
    audit = request.app.get(AUDIT)
    if audit is not None and audit.refusals.take(""):
        await record_event(request, event, origin, detail)
