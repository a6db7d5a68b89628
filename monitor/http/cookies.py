"""The cookies of one attempt (RFC 6265), by host, as far as a log-in needs them."""

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

_MOST = 50  # cookies of a host, as in browsers
_LONGEST = 4_096  # characters of name and value, as in browsers
_KEPT = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x3a\x3c-\x7e]*)")


class _Cookie(NamedTuple):
    value: str
    secure: bool


_Name = tuple[str, str]  # name and path, which identify a cookie of a host (5.3)


class CookieJar:
    """Cookies by host. `Domain` is ignored: a cookie is sent only to the host that set it."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[_Name, _Cookie]] = {}
        self._ended: dict[str, set[str]] = {}  # names of expired cookies, which may be those of the first request

    def take(self, request: Request, response: Response, now: int) -> None:
        """Store the cookies of a response, remove expired ones; `now` is microseconds since the Unix epoch."""
        lines = response.headers.get("set-cookie", "")
        if not lines:
            return
        kept = self._kept.setdefault(request.host, {})
        for line in lines.split("\n"):
            pair, *attributes = (part.strip() for part in line.split(";"))
            match = _KEPT.fullmatch(pair)
            if match is None or len(pair) > _LONGEST:
                continue
            options = dict(_options(attributes))
            name = match[1], _path(options.get("path", ""), request.url.path)
            if _ended(options, now):
                kept.pop(name, None)
                self._ended.setdefault(request.host, set()).add(match[1])
            elif len(kept) < _MOST or name in kept:
                kept[name] = _Cookie(match[2], "secure" in options)

    def sent_with(self, request: Request) -> Request:
        """Return the request with the cookies of its host and path, which override those that it had.

        A cookie of the check is no longer sent once the host has expired it.
        """
        kept, ended = self._kept.get(request.host), self._ended.get(request.host, ())
        if not (kept or ended):
            return request
        ours = self._sent(request)
        written = {name: value for name, value in request.cookies if name not in ended}
        return replace(request, cookies=tuple({**written, **ours}.items())).ready()

    def _sent(self, request: Request) -> dict[str, str]:
        """Return the cookies to send; of two with the same name, the one with the longer path."""
        kept = sorted(self._kept.get(request.host, {}).items(), key=lambda each: len(each[0][1]))
        return {
            name: each.value
            for (name, path), each in kept
            if _covers(path, request.url.path) and (request.encrypted or not each.secure)
        }

    def of(self, request: Request) -> Mapping[str, str]:
        """Return names and values of the cookies that the request's host has set, for any path."""
        return {name: each.value for (name, _), each in self._kept.get(request.host, {}).items()}


def _path(written: str, requested: str) -> str:
    """Return a cookie's path: its `Path`, or the directory of the requested path (5.1.4)."""
    if written.startswith("/"):
        return written
    return requested.rpartition("/")[0] or "/"


def _covers(path: str, requested: str) -> bool:
    """Return whether a cookie with this path is sent to the requested path (5.1.4)."""
    asked = requested or "/"
    return asked == path or (asked.startswith(path) and (path.endswith("/") or asked[len(path)] == "/"))


def _options(attributes: list[str]) -> Iterator[tuple[str, str]]:
    for each in attributes:
        name, _, value = each.partition("=")
        yield name.strip().lower(), value.strip()


def _ended(options: Mapping[str, str], now: int) -> bool:
    """Return whether the cookie has expired; `Max-Age` takes precedence over `Expires` (5.3)."""
    age = options.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,18}", age):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(options["expires"]).timestamp() * SECOND <= now
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
