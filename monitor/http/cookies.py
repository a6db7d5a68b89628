"""The cookies of one attempt (RFC 6265), as far as logging in takes them: kept by host, for as long as it lasts."""

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


class Jar:
    """Cookies by host. Their `Domain` and `Path` are not looked at: none is sent to a host that did not set it."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, _Cookie]] = {}

    def take(self, request: Request, response: Response, now: int) -> None:
        """Keep what the answer sets, drop what it ends; `now` is in microseconds since the Unix epoch."""
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
            if _ended(options, now):
                kept.pop(match[1], None)
            elif len(kept) < _MOST or match[1] in kept:
                kept[match[1]] = _Cookie(match[2], "secure" in options)

    def sent_with(self, request: Request) -> Request:
        """Return the request with the cookies of its host, which stand before those that it had."""
        kept = self._kept.get(request.host)
        if not kept:
            return request
        ours = {name: each.value for name, each in kept.items() if request.encrypted or not each.secure}
        return replace(request, cookies=tuple({**dict(request.cookies), **ours}.items())).ready()

    def of(self, request: Request) -> Mapping[str, str]:
        """Return name and value of the cookies that the request's host has set."""
        return {name: each.value for name, each in self._kept.get(request.host, {}).items()}


def _options(attributes: list[str]) -> Iterator[tuple[str, str]]:
    for each in attributes:
        name, _, value = each.partition("=")
        yield name.strip().lower(), value.strip()


def _ended(options: Mapping[str, str], now: int) -> bool:
    """Return whether the cookie ends at once; `Max-Age` comes before `Expires` (5.3)."""
    age = options.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,18}", age):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(options["expires"]).timestamp() * SECOND <= now
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
