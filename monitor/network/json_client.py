"""A small HTTP client for commands, which request JSON from the daemon or from a server that the user specifies.

Probes do not use it: it has no phases, no outbound policy and no reason codes.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

MAX_BODY: Final = 64 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, with any status."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the parsed body.

        Raises:
            ValueError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None


class _BearerToken(urllib.request.BaseHandler):
    """Adds a token to the requests of one server, but not to those of other servers after a redirect."""

    def __init__(self, url: str, token: str) -> None:
        self._origin, self._token = _origin(url), token

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        if _origin(request.full_url) == self._origin:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return request

    https_request = http_request


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def get(url: str, *, timeout: float, token: str = "", direct: bool = False) -> Answer:
    """Return the answer to a GET request for an `http` or `https` URL. Redirects are followed.

    `token` is sent as a bearer token. The proxies of the environment are used, except with `direct`: a proxy cannot
    reach the loopback address of this machine.

    Raises:
        OSError: no answer; `error_text` returns its text.
        ValueError: the answer is not HTTP, or longer than `MAX_BODY`.
    """
    opener = urllib.request.OpenerDirector()  # without the handlers of other schemes, such as file:
    handlers = [
        urllib.request.ProxyHandler({} if direct else None),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        *([_BearerToken(url, token)] if token else []),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    try:
        try:
            response = opener.open(url, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            body = response.read(MAX_BODY + 1)
    except http.client.HTTPException as error:
        raise ValueError(f"the answer is not HTTP: {error}") from None
    if len(body) > MAX_BODY:
        raise ValueError(f"the answer is longer than {MAX_BODY >> 20} MiB")
    return Answer(response.status, body)


def error_text(error: OSError) -> str:
    """Return the text of the system's error without its number."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return ((isinstance(reason, OSError) and reason.strerror) or str(reason)).lower()
