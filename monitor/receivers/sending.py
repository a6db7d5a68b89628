"""Send a message over HTTP: one request under the outbound policy, and the evaluation of its response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from monitor.config.secret import Secret, plain
from monitor.http.check import HttpCheck
from monitor.http.exchange import exchange
from monitor.http.rate_limit import retry_after
from monitor.http.request import request_of
from monitor.network.failure import quoted
from monitor.receivers.base import NotDelivered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.alerting import TlsReceiver
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt

Method = Literal["GET", "POST", "PUT", "PATCH"]

# Statuses that are not caused by the message, but by credentials, address, time or rate.
_NOT_CAUSED_BY_MESSAGE = {401, 403, 404, 405, 407, 408, 410, 425, 429}
_MAX_RESPONSE_BYTES = 64 * 1024


async def send(
    attempt: Attempt,
    receiver: TlsReceiver,
    url: str | Secret,
    body: bytes = b"",
    *,
    headers: Mapping[str, str | Secret] | None = None,
    method: Method = "POST",
) -> Response:
    """Send one request, and return its successful response (2xx). Redirects are not followed.

    Raises:
        NotDelivered: the status is not 2xx.
        ProbeFailure, OSError: no response was received.
    """
    response = await exchange(attempt, _request(receiver, plain(url), body, dict(headers or {}), method))
    if not 200 <= response.status < 300:
        raise NotDelivered(
            _response_text(response),
            wait=retry_after(response.headers, attempt.now()),
            refused=400 <= response.status < 500 and response.status not in _NOT_CAUSED_BY_MESSAGE,
        )
    return response


async def send_json(
    attempt: Attempt,
    receiver: TlsReceiver,
    url: str | Secret,
    body: Any,
    *,
    headers: Mapping[str, str | Secret] | None = None,
    method: Method = "POST",
) -> Response:
    """Send JSON as `send` does."""
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    return await send(attempt, receiver, url, as_json(body), headers=all_headers, method=method)


def as_json(body: Any) -> bytes:
    """Return JSON in UTF-8."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _request(receiver: TlsReceiver, url: str, body: bytes, headers: dict[str, str | Secret], method: Method) -> Request:
    check = HttpCheck.model_construct(
        id=receiver.id,
        timeout=receiver.timeout,
        http=url,
        method=method,
        headers=headers,
        body=body.decode() if body else None,
        body_limit=_MAX_RESPONSE_BYTES,
        tls=receiver.tls,
    )
    return request_of(check)


def _response_text(response: Response) -> str:
    body = bytes(response.body[:200]).decode(errors="replace").strip()
    return f"status {response.status}{f': {quoted(body, 120)}' if body else ''}"
