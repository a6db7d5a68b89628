"""Parse durations, sizes, URLs and Accept-Encoding like Go."""

from __future__ import annotations

import re
from typing import Any

from monitor.config.errors import quoted

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INVALID_IN_HOST = re.compile(r"[ \\^`{|}]")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([KMGTPE])i?)?B")
_POWERS = ("", "K", "M", "G", "T", "P", "E")
_MAX_BYTES = 2**63 - 2  # Go's largest integer; larger and negative sizes mean no limit


def seconds(value: Any) -> float:
    """Return a duration in Go's syntax in seconds; 0 for negative durations.

    Raises:
        ValueError: not a duration.

    >>> seconds("1m30s"), seconds("500ms"), seconds(0)
    (90.0, 0.5, 0.0)
    """
    if value in (0, "0") and value is not False:
        return 0.0
    text = value.lstrip("+-") if isinstance(value, str) else ""
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"{quoted(value)} is not a duration; use 5s, 1m30s or 500ms")
    total = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    return 0.0 if str(value).startswith("-") else total


def size(value: Any) -> int:
    """Return a size in bytes. All units are powers of 1024; 0 means no limit, and so do negative sizes.

    Raises:
        ValueError: not a size.

    >>> size("10MB") == size("10MiB") == 10 * 1024 * 1024
    True
    """
    if value in (0, "0") and value is not False:
        return 0
    text = value.lstrip("+-") if isinstance(value, str) else ""
    parts = list(_SIZE.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"{quoted(value)} is not a size; use 10MB, 512KB, or 0 for no limit")
    total = sum(int(float(part[1]) * 1024.0 ** _POWERS.index(part[2] or "")) for part in parts)
    return 0 if str(value).startswith("-") or total > _MAX_BYTES else total


def has_valid_escapes(url: str) -> bool:
    """Return whether all percent signs outside the query begin an escape, as Go's parser requires."""
    before, _, fragment = url.partition("#")
    return not re.search("%(?![0-9A-Fa-f]{2})", f"{before.partition('?')[0]} {fragment}")


def is_go_url(url: str) -> bool:
    """Return whether Go's parser accepts a URL, which may not contain control characters or invalid host characters."""
    host = re.sub("^[A-Za-z][A-Za-z0-9+.-]*://", "", url)
    host = re.split("[/?#]", host, maxsplit=1)[0].rpartition("@")[2]
    return has_valid_escapes(url) and not _CONTROL.search(url) and not _INVALID_IN_HOST.search(host)


def accepts_coding(accepted: str, coding: str | None) -> bool:
    """Return whether an Accept-Encoding header accepts a coding, by its weights. An empty header accepts every coding.

    >>> accepts_coding("gzip;q=0, *", "gzip"), accepts_coding("br, *;q=0.5", "gzip"), accepts_coding("br", "gzip")
    (False, True, False)
    """
    weights = {}
    for entry in accepted.split(","):
        name, _, parameters = entry.partition(";")
        match = re.fullmatch(r"\s*q\s*=\s*([01](?:\.[0-9]*)?)\s*", parameters)
        weights[name.strip().lower()] = float(match[1]) if match else 1.0
    return not coding or not accepted or weights.get(coding, weights.get("*", 0.0)) > 0
