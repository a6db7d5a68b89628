"""GET /api/v1/heads and /api/v1/witnessed/ID: the heads of this record, and witnessed heads of other instances."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from monitor.anchoring.receipt import WitnessedHead, seen_heads
from monitor.errors import StoreError
from monitor.storage.reader import reading
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from sla.window import format_instant

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from sla.chain import Head

MAX_HEADS: Final = 1_000  # heads per response: about 2.7 years
_MAX_DIGITS: Final = 9  # as in the description of the API


@role(Role.READ)
async def heads(request: web.Request) -> web.Response:
    """List the heads in order, from the head with the number `from`."""
    check_query(request, "from", "limit")
    record = request.app[CONTEXT].record
    start, limit = _page(request)
    if record is None:
        return as_json([])
    try:
        rows = await asyncio.to_thread(_read, record, start, limit)
    except StoreError:
        raise Refusal(503, "the record cannot be read", "see the log of the daemon") from None
    return as_json(rows)


@role(Role.READ)
async def witnessed(request: web.Request) -> web.Response:
    """List the heads of another ninewatch that this one keeps as a witness, each with the instant of its fetch."""
    check_query(request, "from", "limit")
    context, source = request.app[CONTEXT], request.match_info["id"]
    if source not in {witness.id for witness in context.ledger.portfolio.witness_for}:
        raise Refusal(404, "unknown source of heads", "add the other ninewatch to `witness_for`")
    start, limit = _page(request)
    fetched = seen_heads(context.ledger.facts.all, source)
    return as_json([_witnessed_json(fetched[number]) for number in sorted(fetched) if number >= start][:limit])


def _witnessed_json(head: WitnessedHead) -> dict[str, Any]:
    return {"number": head.number, "day": head.day, "head": head.head, "seen": format_instant(head.made)}


def _page(request: web.Request) -> tuple[int, int]:
    start, limit = (
        _number(request.query.get(name, default), name) for name, default in (("from", "1"), ("limit", str(MAX_HEADS)))
    )
    return start, min(limit, MAX_HEADS)


def _read(record: Path, start: int, limit: int) -> list[dict[str, Any]]:
    with reading(record, trusted=True) as reader:
        return [head_json(head, digest) for head, digest in reader.load_heads(start, limit)]


def head_json(head: Head, digest: str) -> dict[str, Any]:
    """Return the object of a head in the API. `digest` is the recorded digest."""
    return {
        "number": head.number,
        "day": head.date,
        "since": head.first_date,
        "made": format_instant(head.made),
        "whole": head.full,
        "content": head.content,
        "previous": head.previous,
        "head": digest,
    }


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) > 0):
        raise Refusal(400, f"{name} is not a positive integer", f"use {name}=1")
    return int(text)
