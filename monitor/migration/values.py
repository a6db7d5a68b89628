"""Convert names, durations and expressions of other tools to the notation of the configuration."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from sla.interval import DAY, HOUR, MILLISECOND, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Collection

_UNITS: dict[str, int | Fraction] = {
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": 1,
    "µs": 1,
    "ns": Fraction(1, 1000),
}
_GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECRET_TEXT = re.compile(r"passw|secret|token|api[-_]?key|credential|authorization", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r".*(passw|pwd|secret|token|key|sig|auth|credential).*", re.IGNORECASE)
_MAX_ID = 60  # characters, so that a suffix fits


def unique_id(name: str, taken: Collection[str], default: str = "service") -> str:
    """Return an id made of the letters and digits of a name; a number is appended if the id is taken.

    >>> unique_id("Core: Sign-on", ["core-sign-on"])
    'core-sign-on-2'
    """
    base = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-_")[:_MAX_ID].rstrip("-_") or default
    number, candidate = 1, base
    while candidate in taken:
        number += 1
        candidate = f"{base[: _MAX_ID - 4]}-{number}"
    return candidate


def go_duration(text: Any) -> int | None:
    """Return the microseconds of a duration in Go's notation (`1h30m`, `1.5s`), None if it is not one."""
    parts = _GO_PART.findall(str(text))
    if not parts or "".join(map("".join, parts)) != str(text):
        return None
    return int(sum(Fraction(number) * _UNITS[unit] for number, unit in parts))


def notation(length: int) -> str:
    """Return a duration in the largest unit that needs no fraction; shorter parts than a millisecond are omitted.

    >>> notation(90_000_000), notation(86_400_000_000)
    ('90s', '1d')
    """
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        if length % unit == 0:
            return f"{length // unit}{name}"
    return f"{length // MILLISECOND}ms"


def glob_expression(pattern: str, *, trimmed: bool = False) -> str:
    """Return the regular expression of a pattern in which `*` and `?` stand for any text and one character."""
    inner = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    space = r"\s*" if trimmed else ""
    return rf"(?s)\A{space}{inner}{space}\z"


def contains_secret(text: str) -> bool:
    """Return whether a text names a credential, so that it must not be copied."""
    return _SECRET_TEXT.search(text) is not None


def without_credentials(url: str) -> tuple[str, str | None, bool]:
    """Return a URL without its credentials and fragment, its user, and whether it has a credential in its query."""
    parts = urlsplit(url)
    user = parts.username if "@" in parts.netloc else None
    has_secret = any(_SECRET_PARAMETER.fullmatch(parameter.partition("=")[0]) for parameter in parts.query.split("&"))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")), user, has_secret


def host_and_port(url: str) -> tuple[str, int | None]:
    """Return host (an IPv6 address in brackets) and port of a URL.

    Raises:
        ValueError: the port is not a number.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host, parts.port
