"""Read request bodies with limits of size and time."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from aiohttp import web

from monitor.web.errors import Refusal

MAX_BODY: Final = 64 * 1024  # bytes
READ_TIMEOUT = 5.0  # seconds
FORM_FIELDS: web.RequestKey[dict[str, Any]] = web.RequestKey("form_fields")
"""The fields of a page's form, which are parsed before the handler of the API gets the request."""


async def read_start(request: web.Request, length: int, seconds: float | None = None) -> bytes:
    """Return at most `length` bytes from the start of the body. `seconds`: time limit, default `READ_TIMEOUT`.

    Raises:
        Refusal: the bytes do not arrive in time.
    """
    body, limit = b"", READ_TIMEOUT if seconds is None else seconds
    if not request.can_read_body:
        return body
    try:
        async with asyncio.timeout(limit):
            while len(body) < length and (chunk := await request.content.read(length - len(body))):
                body += chunk
    except TimeoutError:
        raise Refusal(
            408, f"the request body did not arrive within {limit:g} s", "send the complete body in time"
        ) from None
    return body


async def read_body(request: web.Request, limit: int = MAX_BODY, seconds: float | None = None) -> bytes:
    """Return the complete body. `seconds`: time limit, default `READ_TIMEOUT`.

    Raises:
        Refusal: the body is longer than `limit` bytes, or does not arrive in time.
    """
    body = await read_start(request, limit + 1, seconds)
    if len(body) > limit:
        raise Refusal(413, f"the body is longer than {limit} bytes", "send less", (("Connection", "close"),))
    return body


async def json_object(request: web.Request, *known: str) -> dict[str, Any]:
    """Return the JSON object of the body, or the fields of a page's form. Empty without a body.

    Raises:
        Refusal: the body is not a JSON object, or has an unknown key.
    """
    value = request[FORM_FIELDS] if FORM_FIELDS in request else await _parsed(request)
    for name in value:
        if name not in known:
            remedy = f"known keys: {', '.join(known)}" if known else "this endpoint accepts no keys in the body"
            raise Refusal(400, f'unknown key "{name[:40]}"', remedy)
    return value


async def _parsed(request: web.Request) -> dict[str, Any]:
    try:
        value = json.loads(await read_body(request) or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON", 'use an object, for example {"reason": "..."}') from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body is not a JSON object", 'use an object, for example {"reason": "..."}')
    return value
