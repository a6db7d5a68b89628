"""GET /api/v1/heads: the heads of the record's closed days, for copies elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from monitor.anchoring.receipt import WitnessedHead, seen_heads
from monitor.errors import StoreError
from monitor.storage.reader import reading
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only
from sla.window import format_instant

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from sla.chain import Head

MOST: Final = 1_000  # heads in one answer: two years and a half
_LARGEST: Final = 10**9


@role(Role.READ)
async def heads(request: web.Request) -> web.Response:
    """List heads in order from a number on: the closed days, the digest and the previous head's digest."""
    only(request, "from", "limit")
    record = request.app[CONTEXT].record
    start, limit = _page(request)
    if record is None:
        return as_json([])
    try:
        found = await asyncio.to_thread(_read, record, start, limit)
    except StoreError:
        raise Refusal(503, "the record cannot be read", "see the log of the daemon") from None
    return as_json(found)


@role(Role.READ)
async def witnessed(request: web.Request) -> web.Response:
    """List the heads of another ninewatch that this one has fetched and kept, each with when it was seen."""
    only(request, "from", "limit")
    context, source = request.app[CONTEXT], request.match_info["id"]
    if source not in {each.id for each in context.ledger.portfolio.witness_for}:
        raise Refusal(404, "no heads are kept under this id", "name the other ninewatch in `witness_for`")
    start, limit = _page(request)
    held = seen_heads(context.ledger.facts.all, source)
    return as_json([_seen(held[number]) for number in sorted(held) if number >= start][:limit])


def _seen(head: WitnessedHead) -> dict[str, Any]:
    return {"number": head.number, "day": head.day, "head": head.head, "seen": format_instant(head.made)}


def _page(request: web.Request) -> tuple[int, int]:
    start, limit = (
        _number(request.query.get(name, default), name) for name, default in (("from", "1"), ("limit", str(MOST)))
    )
    return start, min(limit, MOST)


def _read(record: Path, start: int, limit: int) -> list[dict[str, Any]]:
    with reading(record, trusted=True) as found:
        return [as_plain(head, digest) for head, digest in found.load_heads(start, limit)]


def as_plain(head: Head, digest: str) -> dict[str, Any]:
    """Return the object of a head; `digest` is its digest as recorded."""
    return {
        "number": head.number,
        "day": head.date,
        "since": head.first_date,
        "made": format_instant(head.made),
        "whole": head.whole,
        "content": head.content,
        "previous": head.previous,
        "head": digest,
    }


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= _LARGEST):
        raise Refusal(400, f"{name} is not a positive integer", f"write {name}=1")
    return int(text)
