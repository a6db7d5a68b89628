"""Undoing the compression of a body, bounded: whatever comes, no more is made of it than the body may be long."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.http.response import Response

_MEMBERS = 100  # of one gzip stream; each costs a decompressor, and holds as little as nothing
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""Names of codings (RFC 9110, 8.4.1) -> what undoes them."""


def inflate(response: Response, coding: str, limit: int) -> None:
    """Decompress the body in place, up to `limit` bytes, if the answer says that it is compressed so.

    Then `coding` is set. What is cut short by the limit is `cut`; what cannot be read is left as it is and `garbled`.
    """
    if CODINGS.get(response.headers.get("content-encoding", "").strip().lower()) == coding:
        undo(response, coding, limit)


def undo(response: Response, coding: str, limit: int) -> None:
    """Decompress the body in place as `inflate` does, whatever the answer says of itself."""
    response.coding = coding
    raw = bytes(response.body)
    if not raw:
        return
    try:
        body, whole = _gunzipped(raw, limit) if coding == "gzip" else _inflated(raw, limit, _flavour(raw))
    except zlib.error as error:
        response.garbled = f"the body is no {coding}: {error}"
        return
    if not whole and len(body) <= limit and not response.cut:
        response.garbled = f"the body ends within its {coding}"
        return
    if response.raw_length is None:
        response.raw_length = len(raw)
    response.body = bytearray(body[:limit])
    response.cut = response.cut or len(body) > limit


def _inflated(data: bytes, limit: int, flavour: int) -> tuple[bytes, bool]:
    """Return at most one byte more than the limit, and whether the stream came to its end."""
    stream = zlib.decompressobj(flavour)
    body = stream.decompress(data, limit + 1)
    if stream.unused_data:
        raise zlib.error("something follows its end")
    return body, stream.eof


def _gunzipped(data: bytes, limit: int) -> tuple[bytes, bool]:
    """Return what `_inflated` does, of members that follow one another (RFC 1952, 2.2), and zeros, as gzip does."""
    body = b""
    for _ in range(_MEMBERS):
        stream = zlib.decompressobj(_GZIP)
        body += stream.decompress(data, limit + 1 - len(body))
        data = stream.unused_data.lstrip(b"\0")
        if len(body) > limit or not stream.eof:
            return body, False
        if not data:
            return body, True
    raise zlib.error(f"more than {_MEMBERS} members")


def _flavour(data: bytes) -> int:
    """Return how `deflate` is meant: with zlib's header, as it should be, or bare, as some servers send it."""
    return _ZLIB if data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0 else _RAW
