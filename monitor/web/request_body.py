"""Read request bodies with a limit of bytes and of time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from monitor.web.errors import Refusal

if TYPE_CHECKING:
    from aiohttp import web

LONGEST: Final = 64 * 1024  # bytes of a body that is read whole
SECONDS = 5.0


async def beginning(request: web.Request, length: int) -> bytes:
    """Return at most so many bytes of the body, and no more than are read at once beyond them.

    Raises:
        Refusal: it does not arrive in time.
    """
    body = b""
    if not request.can_read_body:
        return body
    try:
        async with asyncio.timeout(SECONDS):
            while len(body) < length and (more := await request.content.read(length - len(body))):
                body += more
    except TimeoutError:
        raise Refusal(408, "the body is incomplete", "send the whole body or none") from None
    return body


async def whole(request: web.Request) -> bytes:
    """Return the body.

    Raises:
        Refusal: it is longer than `LONGEST`, or does not arrive in time.
    """
    body = await beginning(request, LONGEST + 1)
    if len(body) > LONGEST:
        raise Refusal(413, f"the body is longer than {LONGEST} bytes", "send less", (("Connection", "close"),))
    return body


async def json_object(request: web.Request, *known: str) -> dict[str, Any]:
    """Return the JSON object that the body is, empty where there is no body.

    Raises:
        Refusal: it is none, or has a key that would be ignored.
    """
    try:
        found = json.loads(await whole(request) or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON", 'write an object, for example {"reason": "..."}') from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body is not a JSON object", 'write an object, for example {"reason": "..."}')
    for name in found:
        if name not in known:
            takes = f"known keys: {', '.join(known)}" if known else "this endpoint has no keys"
            raise Refusal(400, f'unknown key "{name[:40]}"', takes)
    return found
