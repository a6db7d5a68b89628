"""What handlers that write need: facts, alerts, receivers. Everything that is written is a fact with its author."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from monitor.errors import NinewatchError
from monitor.facts.journal import LATEST, LONGEST
from monitor.web.access import holder
from monitor.web.errors import Refusal
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner
    from monitor.access.tokens import Token
    from monitor.alerting.service import Alerting
    from monitor.engine.fact_recorder import FactRecorder
    from monitor.network.attempt import Attempt
    from monitor.web.rate_limit import RateLimit
    from sla.fact import Fact

log = structlog.get_logger(__name__)

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Writing:
    """The parts of the daemon that requests change. `signer` verifies links; None if there is no key."""

    facts: FactRecorder
    alerting: Alerting
    make_attempt: Callable[[], Attempt]
    limits: RateLimit
    signer: LinkSigner | None = None


WRITING: web.AppKey[Writing] = web.AppKey("writing")
_OFF = Refusal(503, "this server accepts no changes", "ask the daemon that runs the probes")
_TOO_MANY = Refusal(429, "too many changes", "wait a few seconds", (("Retry-After", "10"),))


def writing(request: web.Request) -> Writing:
    """Return what changes need.

    Raises:
        Refusal: the server only reads.
    """
    found = request.app.get(WRITING)
    if found is None:
        raise _OFF
    return found


def limited(request: web.Request, key: str) -> None:
    """Count one change by the token, the receiver or the service of this key.

    Raises:
        Refusal: there were too many of late; facts are kept for ever.
    """
    if not writing(request).limits.take(key):
        raise _TOO_MANY


def author(request: web.Request) -> Token:
    """Return the token that the request was admitted with, and count the change.

    Raises:
        Refusal: there were too many of late.
    """
    token = holder(request)
    limited(request, f"token {token.id}")
    return token


def within_limit(token: Token, product: str | None) -> None:
    """Refuse what a token that is limited to products does not permit; None concerns all products.

    Raises:
        Refusal: it is so.
    """
    if token.products and (product is None or product not in token.products):
        raise Refusal(403, f"the token is limited to {', '.join(token.products)}", "use a token without this limit")


async def state(request: web.Request, fact: Fact) -> None:
    """Record the fact; return once it is on disk and in force.

    Raises:
        Refusal: it could not be written.
    """
    try:
        await writing(request).facts.state(fact)
    except NinewatchError as error:
        log.error("fact_not_written", error=str(error))
        raise Refusal(503, "the record cannot be written", "try again; see the daemon's log") from None
    log.info("fact_stated", kind=fact.kind, author=fact.author, id=fact.id)


def words(value: Any, name: str, longest: int = LONGEST) -> str:
    """Return a text on one line that is not empty.

    Raises:
        Refusal: it is not.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > longest or not text.isprintable():
        raise Refusal(400, f"{name} is no text on one line of 1 to {longest} characters", f'write {{"{name}": "..."}}')
    return text


def end_of(body: dict[str, Any], now: int) -> int:
    """Return the instant that the body states with `for` or `until`, microseconds.

    Raises:
        Refusal: it states none, or one that is over.
    """
    length, until = body.get("for"), body.get("until")
    if (length is None) == (until is None):
        raise Refusal(400, "the end is not clear", 'write "for": "2h", or "until": "2026-11-20T18:00:00Z"')
    try:
        instant = now + parse_duration(str(length)[:64]) if until is None else parse_instant(str(until)[:64])
    except (ValueError, OverflowError):
        remedy = 'write "for": "2h", or "until": "2026-11-20T18:00:00Z"'
        raise Refusal(400, "not a duration, or not an RFC 3339 instant", remedy) from None
    if not now < instant <= LATEST:
        raise Refusal(400, "the end is in the past, or after 2255", "name a later instant")
    return instant
