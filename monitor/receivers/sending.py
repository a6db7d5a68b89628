"""Send a message over HTTP: one request under the outbound policy, and what its answer means for the delivery."""

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

# Answers that do not say that the message is at fault: credentials, wrong address, time, rate.
_NOT_THE_MESSAGE = {401, 403, 404, 405, 407, 408, 410, 425, 429}
_ANSWER = 64 * 1024  # bytes of an answer that are read


async def send(
    attempt: Attempt,
    receiver: TlsReceiver,
    url: str | Secret,
    body: bytes = b"",
    *,
    headers: Mapping[str, str | Secret] | None = None,
    method: Method = "POST",
) -> Response:
    """Send one request and return its answer, which is a success (2xx). Redirects are not followed.

    Raises:
        NotDelivered: the answer is no success.
        ProbeFailure, OSError: there was no answer.
    """
    response = await exchange(attempt, _request(receiver, plain(url), body, dict(headers or {}), method))
    if not 200 <= response.status < 300:
        raise NotDelivered(
            _explained(response),
            wait=retry_after(response.headers, attempt.now()),
            refused=400 <= response.status < 500 and response.status not in _NOT_THE_MESSAGE,
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
    typed = {"Content-Type": "application/json", **(headers or {})}
    return await send(attempt, receiver, url, as_json(body), headers=typed, method=method)


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
        body_limit=_ANSWER,
        tls=receiver.tls,
    )
    return request_of(check)


def _explained(response: Response) -> str:
    body = bytes(response.body[:200]).decode(errors="replace").strip()
    return f"status {response.status}{f': {quoted(body, 120)}' if body else ''}"
