"""HTTP requests to an OpenID Connect provider, subject to the policy `outbound`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from monitor.http.check import HttpCheck
from monitor.http.exchange import exchange
from monitor.http.request import request_of
from monitor.login.errors import ProviderError
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.login import OidcLogin
    from monitor.config.secret import Secret
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt

MAX_RESPONSE_BYTES: Final = 1 << 20


async def fetch_json(
    attempt: Attempt, login: OidcLogin, url: str, *, form: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Send a GET request, or a POST request with the form. Return the status and the JSON object of the response.

    Raises:
        ProviderError: there is no response in time, or it is not a JSON object.
    """
    seconds = login.timeout / SECOND
    attempt.limit(seconds)
    try:
        async with asyncio.timeout(seconds):
            response = await exchange(attempt, request_of(_check(login, url, form, headers or {})))
    except TimeoutError:
        raise ProviderError(f"no response from {quoted(url)} within {seconds:g} s") from None
    except ProbeFailure as failure:
        raise ProviderError(f"{quoted(url)}: {failure.reason}: {failure.detail}") from None
    except (OSError, ValueError) as error:
        raise ProviderError(f"{quoted(url)}: {error}") from None
    return response.status, _object(response, url)


def _check(login: OidcLogin, url: str, form: str | None, headers: Mapping[str, str]) -> HttpCheck:
    fields: dict[str, str | Secret] = {"Accept": "application/json", **headers}
    if form is not None:
        fields["Content-Type"] = "application/x-www-form-urlencoded"
    return HttpCheck.model_construct(
        id="login",
        timeout=login.timeout,
        http=url,
        method="GET" if form is None else "POST",
        headers=fields,
        body=form,
        body_limit=MAX_RESPONSE_BYTES,
        tls=login.tls,
    )


def _object(response: Response, url: str) -> dict[str, Any]:
    try:
        content = json.loads(bytes(response.body))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ProviderError(f"{quoted(url)} responded {response.status} without a JSON object")
    return content
