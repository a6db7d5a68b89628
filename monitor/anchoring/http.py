"""HTTP requests of anchors, under the outbound policy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from monitor.http.check import HttpCheck
from monitor.http.exchange import exchange
from monitor.http.request import request_of
from monitor.network.failure import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.anchors import Anchor, Witnessed
    from monitor.config.secret import Secret
    from monitor.network.attempt import Attempt

MAX_RESPONSE_BYTES: Final = 1 << 20  # 1,000 heads are 400 KiB


class ResponseError(Exception):
    """The response of a service is invalid."""


async def request(
    attempt: Attempt,
    service: Anchor | Witnessed,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str | Secret] | None = None,
) -> bytes:
    """Send one request, with POST if there is a body, and return the body of a successful response.

    Raises:
        ResponseError: the status is not 2xx.
        ProbeFailure, OSError: no response was received.
    """
    check = HttpCheck.model_construct(
        id=service.id,
        timeout=service.timeout,
        http=url,
        method="GET" if body is None else "POST",
        headers=dict(headers or {}),
        body_limit=MAX_RESPONSE_BYTES,
        tls=service.tls,
    )
    response = await exchange(attempt, replace(request_of(check), body=body or b"").ready())
    content = bytes(response.body)
    if not 200 <= response.status < 300:
        raise ResponseError(f"status {response.status}: {quoted(content[:200].decode(errors='replace'), 120)}")
    return content


async def fetch_heads(attempt: Attempt, service: Anchor | Witnessed, url: str) -> list[dict[str, Any]]:
    """Return the list of heads in the response to a GET request.

    Raises:
        ResponseError: the response is not a list of objects, or the status is not 2xx.
        ProbeFailure, OSError: no response was received.
    """
    content = await request(attempt, service, url)
    try:
        heads = json.loads(content)
    except (ValueError, RecursionError):
        heads = None
    if not isinstance(heads, list) or not all(isinstance(head, dict) for head in heads):
        raise ResponseError("the response is not a list of heads; check that the address is that of a ninewatch")
    return heads
