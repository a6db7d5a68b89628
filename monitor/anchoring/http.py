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

LARGEST: Final = 1 << 20  # bytes of an answer: 1,000 heads are 400 KiB


class AnswerError(Exception):
    """A service answered something else than it should."""


async def ask(
    attempt: Attempt,
    service: Anchor | Witnessed,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str | Secret] | None = None,
) -> bytes:
    """Send one request, with POST if there is a body, and return the body of a successful answer.

    Raises:
        AnswerError: the status is not 2xx.
        ProbeFailure, OSError: there was no answer.
    """
    check = HttpCheck.model_construct(
        id=service.id,
        timeout=service.timeout,
        http=url,
        method="GET" if body is None else "POST",
        headers=dict(headers or {}),
        body_limit=LARGEST,
        tls=service.tls,
    )
    response = await exchange(attempt, replace(request_of(check), body=body or b"").ready())
    content = bytes(response.body)
    if not 200 <= response.status < 300:
        raise AnswerError(f"status {response.status}: {quoted(content[:200].decode(errors='replace'), 120)}")
    return content


async def ask_json(attempt: Attempt, service: Anchor | Witnessed, url: str) -> list[dict[str, Any]]:
    """Return the list of objects that a GET answers.

    Raises:
        AnswerError: it is no such list, or the status is not 2xx.
        ProbeFailure, OSError: there was no answer.
    """
    content = await ask(attempt, service, url)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise AnswerError("the answer is no list of heads; is it the address of a ninewatch?")
    return found
