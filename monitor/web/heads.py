"""GET /api/v1/heads: the heads of the closed days of the record, for whoever keeps them elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import StoreError
from monitor.storage.reader import reading
from monitor.web.context import SITE, as_json
from monitor.web.errors import Refusal, only
from sla.window import format_instant

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from sla.chain import Head

MOST: Final = 1_000  # heads in one answer: two years and a half
_LARGEST: Final = 10**9


async def heads(request: web.Request) -> web.Response:
    """List heads in their order, from a number on: what each closes, its digest and that of the head before."""
    only(request, "from", "limit")
    record = request.app[SITE].record
    start, limit = (
        _number(request.query.get(name, said), name) for name, said in (("from", "1"), ("limit", str(MOST)))
    )
    if record is None:
        return as_json([])
    try:
        found = await asyncio.to_thread(_read, record, start, min(limit, MOST))
    except StoreError:
        raise Refusal(503, "the record cannot be read", "see the log of the daemon") from None
    return as_json(found)


def _read(record: Path, start: int, limit: int) -> list[dict[str, Any]]:
    with reading(record, trusted=True) as found:
        return [as_plain(head, said) for head, said in found.load_heads(start, limit)]


def as_plain(head: Head, said: str) -> dict[str, Any]:
    """Return a head for programs; `said` is its digest as recorded."""
    return {
        "number": head.number,
        "day": head.date,
        "since": head.first_date,
        "made": format_instant(head.made),
        "whole": head.whole,
        "content": head.content,
        "previous": head.previous,
        "head": said,
    }


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= _LARGEST):
        raise Refusal(400, f"{name} is not a positive integer", f"write {name}=1")
    return int(text)
