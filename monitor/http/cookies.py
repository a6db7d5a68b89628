"""The cookies of one attempt (RFC 6265), by host. Only the features that a log-in needs are supported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.http.request import Request
    from monitor.http.response import Response

_MAX_COOKIES = 50  # cookies of a host, as in browsers
_MAX_COOKIE_LENGTH = 4_096  # characters of name and value, as in browsers
_COOKIE_PAIR = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x3a\x3c-\x7e]*)")


class _Cookie(NamedTuple):
    value: str
    secure: bool


_Name = tuple[str, str]  # name and path, which identify a cookie of a host (5.3)


class CookieJar:
    """Cookies by host. `Domain` is ignored: a cookie is sent only to the host that set it."""

    def __init__(self) -> None:
        self._cookies: dict[str, dict[_Name, _Cookie]] = {}
        self._expired: dict[str, set[str]] = {}  # names of expired cookies, which may be those of the first request

    def store(self, request: Request, response: Response, now: int) -> None:
        """Store the cookies of a response, remove expired ones; `now` is microseconds since the Unix epoch."""
        lines = response.headers.get("set-cookie", "")
        if not lines:
            return
        stored = self._cookies.setdefault(request.host, {})
        for line in lines.split("\n"):
            pair, *attributes = (part.strip() for part in line.split(";"))
            match = _COOKIE_PAIR.fullmatch(pair)
            if match is None or len(pair) > _MAX_COOKIE_LENGTH:
                continue
            options = dict(_options(attributes))
            name = match[1], _path(options.get("path", ""), request.url.path)
            if _is_expired(options, now):
                stored.pop(name, None)
                self._expired.setdefault(request.host, set()).add(match[1])
            elif len(stored) < _MAX_COOKIES or name in stored:
                stored[name] = _Cookie(match[2], "secure" in options)

    def sent_with(self, request: Request) -> Request:
        """Return the request with the stored cookies of its host and path, which override the request's own cookies.

        A cookie of the check is no longer sent once the host has expired it.
        """
        stored, expired = self._cookies.get(request.host), self._expired.get(request.host, ())
        if not (stored or expired):
            return request
        configured = {name: value for name, value in request.cookies if name not in expired}
        return replace(request, cookies=tuple({**configured, **self._to_send(request)}.items())).ready()

    def _to_send(self, request: Request) -> dict[str, str]:
        """Return the cookies to send. If two have the same name, the cookie with the longer path is used."""
        stored = sorted(self._cookies.get(request.host, {}).items(), key=lambda cookie: len(cookie[0][1]))
        return {
            name: cookie.value
            for (name, path), cookie in stored
            if _covers(path, request.url.path) and (request.encrypted or not cookie.secure)
        }

    def of(self, request: Request) -> Mapping[str, str]:
        """Return names and values of the cookies that the request's host has set, for any path."""
        return {name: cookie.value for (name, _), cookie in self._cookies.get(request.host, {}).items()}


def _path(attribute: str, requested: str) -> str:
    """Return a cookie's path: its `Path`, or the directory of the requested path (5.1.4)."""
    if attribute.startswith("/"):
        return attribute
    return requested.rpartition("/")[0] or "/"


def _covers(path: str, requested: str) -> bool:
    """Return whether a cookie with this path is sent to the requested path (5.1.4)."""
    requested = requested or "/"
    return requested == path or (requested.startswith(path) and (path.endswith("/") or requested[len(path)] == "/"))


def _options(attributes: list[str]) -> Iterator[tuple[str, str]]:
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        yield name.strip().lower(), value.strip()


def _is_expired(options: Mapping[str, str], now: int) -> bool:
    """Return whether the cookie has expired; `Max-Age` takes precedence over `Expires` (5.3)."""
    age = options.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,18}", age):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(options["expires"]).timestamp() * SECOND <= now
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
