"""The context of handlers that record changes. Every change is a fact with its author."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from monitor.access.audit_log import AuditEntry
from monitor.errors import NinewatchError
from monitor.facts.journal import LATEST_INSTANT, MAX_TEXT_LENGTH
from monitor.web.access import principal_of
from monitor.web.audit import AUDIT, origin_of
from monitor.web.errors import Refusal
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from monitor.access.audit_log import ChangeOrigin
    from monitor.access.link import LinkSigner
    from monitor.access.principal import Principal
    from monitor.access.subscriptions import Subscriptions
    from monitor.alerting.service import Alerting
    from monitor.engine.fact_recorder import FactRecorder
    from monitor.network.attempt import Attempt
    from monitor.web.rate_limit import RateLimit
    from sla.fact import Fact

log = structlog.get_logger(__name__)

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class WriteContext:
    """The parts of the daemon that requests change. `signer` verifies links. None without a key.

    `subscriptions` are those to status pages. None if their file cannot be used.
    """

    facts: FactRecorder
    alerting: Alerting
    make_attempt: Callable[[], Attempt]
    limits: RateLimit
    signer: LinkSigner | None = None
    subscriptions: Subscriptions | None = None


WRITE_CONTEXT: web.AppKey[WriteContext] = web.AppKey("write_context")
_CHANGES_DISABLED = Refusal(503, "this server accepts no changes", "ask the daemon that runs the probes")
_TOO_MANY = Refusal(429, "too many changes", "wait a few seconds", (("Retry-After", "10"),))


def write_context(request: web.Request) -> WriteContext:
    """Return the context for changes.

    Raises:
        Refusal: the server is read-only.
    """
    context = request.app.get(WRITE_CONTEXT)
    if context is None:
        raise _CHANGES_DISABLED
    return context


def check_change_rate(request: web.Request, key: str) -> None:
    """Count a change. `key` identifies the client, the link or the receiver of the change.

    Raises:
        Refusal: there were too many changes recently. Facts are never deleted, so their rate is limited.
    """
    if not write_context(request).limits.take(key):
        raise _TOO_MANY


def principal_for_change(request: web.Request) -> Principal:
    """Return the client of the request, and count the change.

    Raises:
        Refusal: there were too many changes recently.
    """
    client = principal_of(request)
    check_change_rate(request, client.key)
    return client


def check_product(client: Principal, product: str | None) -> None:
    """Check that the client may change the product. `product` is None for a change of all products.

    Raises:
        Refusal: the token is limited to other products.
    """
    if client.products and (product is None or product not in client.products):
        raise Refusal(403, f"the token is limited to {', '.join(client.products)}", "use a token without this limit")


async def record_fact(request: web.Request, fact: Fact, origin: ChangeOrigin | None = None) -> None:
    """Record the fact, after its origin in the audit log. Return when both are on disk and the fact is in force.

    `origin` is for clients that the handler verified itself, by a link or a signature.

    Raises:
        Refusal: one of them could not be written.
    """
    entry = AuditEntry.of_change(fact, origin or origin_of(request, principal_of(request)))
    audit = request.app.get(AUDIT)
    try:
        await write_context(request).facts.record(fact, None if audit is None else partial(audit.log.append, entry))
    except NinewatchError as error:
        log.error("fact_not_written", error=str(error))
        raise Refusal(503, "the record cannot be written", "try again; see the daemon's log") from None
    log.info("fact_stated", kind=fact.kind, author=fact.author, id=fact.id)


def one_line(value: Any, name: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return the text without surrounding spaces.

    Raises:
        Refusal: the value is not a text on one line, is empty, or has more than `limit` characters.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > limit or not text.isprintable():
        raise Refusal(400, f"{name} is not a text on one line of 1 to {limit} characters", f'use {{"{name}": "..."}}')
    return text


def end_of(body: dict[str, Any], now: int) -> int:
    """Return the instant that `for` or `until` of the body specifies, microseconds.

    Raises:
        Refusal: the body has neither or both, or the instant is not valid, or is not in the future.
    """
    length, until = body.get("for"), body.get("until")
    remedy = 'use "for": "2h", or "until": "2026-11-20T18:00:00Z"'
    if (length is None) == (until is None):
        raise Refusal(400, "exactly one of for and until is needed", remedy)
    try:
        instant = now + parse_duration(str(length)[:64]) if until is None else parse_instant(str(until)[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, "not a duration, or not an RFC 3339 instant", remedy) from None
    if not now < instant <= LATEST_INSTANT:
        raise Refusal(400, "the end is in the past, or after 2255", "use an instant in the future, before 2255")
    return instant
