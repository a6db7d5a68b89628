"""Tokens for a check that shows one: got with a client's credentials (RFC 6749, 4.4), and kept while they are good.

The token server is not what is watched. When there is no token, nothing was learnt of the target.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from monitor.config.secret import revealed
from monitor.http.auxiliary import instrument
from monitor.http.check import HttpCheck
from monitor.http.exchange import Exchange, exchange
from monitor.http.json_body import members
from monitor.http.rate_limit import RateLimit
from monitor.http.request import request_of
from monitor.log import Passing, conceal
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import DAY, MINUTE, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import Secret
    from monitor.http.check import OAuth2, Requesting
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Frame

_UNTOLD = 5 * MINUTE  # for how long a token is kept of which it is not said how long it lasts
_EARLY = 30 * SECOND  # so much before its end a token is not used any more, or in the last tenth of its life
_REST = 5 * MINUTE  # a target that takes not even a new token is not shown another for so long
_REFUSALS = {400, 401, 403}
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class Tokens:
    """The tokens of one check, for all its requests. Where several want one at once, one of them asks for all.

    Its last two tokens are concealed, because a line with the former may be on its way, for as long as it is kept.
    """

    def __init__(self, check: Requesting, oauth2: OAuth2) -> None:
        self._check = check
        self._request = request_of(_asking(check, oauth2))
        self._token = self._former = Passing("")
        self._ends = self._rests = 0  # microseconds since the Unix epoch
        self._asking = asyncio.Lock()
        self._limit = RateLimit()

    @classmethod
    def of(cls, check: Requesting) -> Tokens | None:
        """Return those of a check, if it shows any."""
        return None if check.oauth2 is None else cls(check, check.oauth2)

    async def token(self, frame: Frame) -> tuple[str, bool]:
        """Return a token, and whether it is new.

        Raises:
            ProbeFailure: `token_refused`, `token_unavailable`: unknown.
        """
        if frame.now() < self._ends:
            return self._token.value, False
        await instrument(self._check, "token", self._renewed(frame))
        return self._token.value, True

    def outworn(self, now: int, status: int, token: str, *, new: bool) -> bool:
        """Return whether a target that answered with this status to the token is to be shown another at once."""
        if status != 401:
            self._rests = 0
        elif new:
            self._rests = now + _REST
        elif now >= self._rests:
            if token == self._token.value:  # else another attempt has seen to it
                self._ends = 0
            return True
        return False

    async def _renewed(self, frame: Frame) -> None:
        async with self._asking:
            if frame.now() < self._ends:
                return
            self._limit.respect(frame.now())
            response = await self._asked(frame)
            self._limit.judge(response.status, response.headers, frame.now())
            token, lasting = _read(response)
            self._former, self._token = self._token, Passing(token)
            self._ends = frame.now() + lasting - min(_EARLY, lasting // 10)

    async def _asked(self, frame: Frame) -> Response:
        """Return what the token server says; what is seen of it is not told as the target's."""
        watching = frame.on_secured, frame.on_answer
        frame.on_secured = frame.on_answer = None
        try:
            with frame.among_insiders():
                return await exchange(frame, self._request)
        finally:
            frame.on_secured, frame.on_answer = watching
            frame.certificate_expiry = frame.peer = None


def _asking(check: Requesting, oauth2: OAuth2) -> HttpCheck:
    """Return the request for a token: it goes the way of the check's own requests."""
    form = {"grant_type": "client_credentials"}
    if oauth2.scopes:
        form["scope"] = " ".join(oauth2.scopes)
    form |= revealed(oauth2.params)
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


def _read(response: Response) -> tuple[str, int]:
    """Return the token and for how many microseconds it is good.

    Raises:
        ProbeFailure: `token_refused`, `token_unavailable`: unknown.
    """
    said = members(response)
    if response.status != 200:
        word = "token_refused" if response.status in _REFUSALS else "token_unavailable"
        told = f": {quoted(str(said['error']))}" if "error" in said else ""
        raise _failure(word, f"the token server answers {response.status}{told}")
    token = said.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _failure("token_unavailable", "the token server's answer holds no access_token")
    return token, _lasting(said.get("expires_in"))


def _lasting(given: Any) -> int:
    """Return how long a token lasts, at most a day; some servers write the number as text."""
    text = str(given)
    return min(int(text) * SECOND, DAY) if re.fullmatch(r"[0-9]{1,9}", text) else _UNTOLD


def _failure(word: str, detail: str) -> ProbeFailure:
    return ProbeFailure(word, detail, outcome=Outcome.UNKNOWN)


def authorized(tokens: Tokens, onward: Exchange) -> Exchange:
    """Return what makes a request with a token, and with a new one when an old one is not taken any more (401)."""

    async def exchange_with_token(frame: Frame, request: Request) -> Response:
        while True:
            token, new = await tokens.token(frame)
            response = await onward(frame, request.bearing(token))
            if not tokens.outworn(frame.now(), response.status, token, new=new):
                return response

    return exchange_with_token


REASONS = {
    "token_refused": "unknown: the token server does not take the client's credentials, or refuses the scopes",
    "token_unavailable": "unknown: the token server, which is not what is watched, gives no token",
}
