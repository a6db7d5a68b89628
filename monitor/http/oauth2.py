"""Obtain and cache bearer tokens with client credentials (RFC 6749, 4.4).

The token server is not the target: without a token the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from monitor.config.secret import reveal_all
from monitor.http.auxiliary import from_auxiliary
from monitor.http.check import HttpCheck
from monitor.http.exchange import Exchange, exchange
from monitor.http.json_body import members
from monitor.http.rate_limit import RateLimit
from monitor.http.request import request_of
from monitor.log import TemporarySecret, conceal
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import DAY, MINUTE, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import Secret
    from monitor.http.check import HttpClientCheck, OAuth2
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt

_DEFAULT_LIFETIME = 5 * MINUTE  # of a token without `expires_in`
_RENEW_BEFORE = 30 * SECOND  # the expiry; or a tenth of the lifetime, if that is shorter
_RENEWAL_PAUSE = 5 * MINUTE  # after a target has rejected a new token
_REFUSALS = {400, 401, 403}
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class Tokens:
    """The tokens of one check, shared by its requests. Concurrent requests cause one token request.

    The last 2 tokens are concealed in logs, because a line with the previous token may still be written.
    """

    def __init__(self, check: HttpClientCheck, oauth2: OAuth2) -> None:
        self._check = check
        self._request = request_of(_token_request(check, oauth2))
        self._token = self._previous = TemporarySecret("")
        self._expires_at = self._no_renewal_before = 0  # microseconds since the Unix epoch
        self._lock = asyncio.Lock()
        self._limit = RateLimit()

    @classmethod
    def of(cls, check: HttpClientCheck) -> Tokens | None:
        """Return the tokens of a check, None if it uses none."""
        return None if check.oauth2 is None else cls(check, check.oauth2)

    async def token(self, attempt: Attempt) -> tuple[str, bool]:
        """Return a token, and whether it was just obtained.

        Raises:
            ProbeFailure: `token_refused`, `token_unavailable`: unknown.
        """
        if attempt.now() < self._expires_at:
            return self._token.value, False
        await from_auxiliary(self._renew(attempt), "token_unavailable", self._check.timeout, keep="token_")
        return self._token.value, True

    def needs_renewal(self, now: int, status: int, token: str, *, new: bool) -> bool:
        """Return whether to repeat a request with a new token, after the target's response with this status."""
        if status != 401:
            self._no_renewal_before = 0
        elif new:
            self._no_renewal_before = now + _RENEWAL_PAUSE
        elif now >= self._no_renewal_before:
            if token == self._token.value:  # else another attempt has renewed it
                self._expires_at = 0
            return True
        return False

    async def _renew(self, attempt: Attempt) -> None:
        async with self._lock:
            if attempt.now() < self._expires_at:
                return
            self._limit.check_wait(attempt.now())
            response = await self._send_token_request(attempt)
            self._limit.check_response(response.status, response.headers, attempt.now())
            token, lifetime = _parse_token(response)
            self._previous, self._token = self._token, TemporarySecret(token)
            self._expires_at = attempt.now() + lifetime - min(_RENEW_BEFORE, lifetime // 10)

    async def _send_token_request(self, attempt: Attempt) -> Response:
        """Return the token server's response, without recording its TLS and address as the target's."""
        saved = attempt.on_tls, attempt.make_response
        attempt.on_tls = attempt.make_response = None
        try:
            with attempt.using_operator_policy():
                return await exchange(attempt, self._request)
        finally:
            attempt.on_tls, attempt.make_response = saved
            attempt.certificate_expiry = attempt.peer = None


def _token_request(check: HttpClientCheck, oauth2: OAuth2) -> HttpCheck:
    """Return the token request, which uses the check's proxy and address family."""
    form = {"grant_type": "client_credentials"}
    if oauth2.scopes:
        form["scope"] = " ".join(oauth2.scopes)
    form |= reveal_all(oauth2.params)
    headers: dict[str, str | Secret] = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    secret = oauth2.client_secret.reveal()
    if oauth2.auth == "post":
        form |= {"client_id": oauth2.client_id, "client_secret": secret}
    else:
        pair = f"{quote_plus(oauth2.client_id)}:{quote_plus(secret)}"  # 2.3.1
        conceal(pair)
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return HttpCheck.model_construct(
        id=check.id,
        timeout=check.timeout,
        http=oauth2.token_url,
        method="POST",
        headers=headers,
        body=urlencode(form),
        family=check.family,
        proxy=check.proxy,
        proxy_basic=check.proxy_basic,
        tls=oauth2.tls or check.tls.model_copy(update={"server_name": None}),
    )


def _parse_token(response: Response) -> tuple[str, int]:
    """Return the token and its lifetime in microseconds.

    Raises:
        ProbeFailure: `token_refused`, `token_unavailable`: unknown.
    """
    fields = members(response)
    if response.status != 200:
        reason = "token_refused" if response.status in _REFUSALS else "token_unavailable"
        error = f": {quoted(str(fields['error']))}" if "error" in fields else ""
        raise _failure(reason, f"the token server responded {response.status}{error}")
    token = fields.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _failure("token_unavailable", "no access_token in the token server's response")
    return token, _lifetime(fields.get("expires_in"))


def _lifetime(expires_in: Any) -> int:
    """Return a token's lifetime, at most a day; some servers send the number as a string."""
    text = str(expires_in)
    return min(int(text) * SECOND, DAY) if re.fullmatch(r"[0-9]{1,9}", text) else _DEFAULT_LIFETIME


def _failure(reason: str, detail: str) -> ProbeFailure:
    return ProbeFailure(reason, detail, outcome=Outcome.UNKNOWN)


def with_authorization(tokens: Tokens, send: Exchange) -> Exchange:
    """Return a function that sends a request with a token, and again with a new one after a 401."""

    async def exchange_with_token(attempt: Attempt, request: Request) -> Response:
        while True:
            token, new = await tokens.token(attempt)
            response = await send(attempt, request.with_token(token))
            if not tokens.needs_renewal(attempt.now(), response.status, token, new=new):
                return response

    return exchange_with_token


REASONS = {
    "token_refused": "unknown: the token server rejected the client's credentials or scopes",
    "token_unavailable": "unknown: no token from the token server",
}
