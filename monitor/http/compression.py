"""Decompress bodies, limited to the maximum size of the body."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.http.response import Response

_MAX_MEMBERS = 100  # of one gzip stream; each costs a decompressor, and may be empty
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""Names of codings (RFC 9110, 8.4.1) -> the algorithm."""


def inflate(response: Response, coding: str, limit: int) -> None:
    """Decompress the body in place, up to `limit` bytes, if Content-Encoding declares this coding.

    Sets `coding`, and `truncated` if the limit was reached, or `decoding_error` if the body is invalid and unchanged.
    """
    if CODINGS.get(response.headers.get("content-encoding", "").strip().lower()) == coding:
        undo(response, coding, limit)


def undo(response: Response, coding: str, limit: int) -> None:
    """Decompress the body in place as `inflate` does, independently of its headers."""
    response.coding = coding
    raw = bytes(response.body)
    if not raw:
        return
    try:
        body, is_complete = _gunzip(raw, limit) if coding == "gzip" else _inflate(raw, limit, _deflate_format(raw))
    except zlib.error as error:
        response.decoding_error = f"the body is not valid {coding}: {error}"
        return
    if not is_complete and len(body) <= limit and not response.truncated:
        response.decoding_error = f"the {coding} data of the body is truncated"
        return
    if response.raw_length is None:
        response.raw_length = len(raw)
    response.body = bytearray(body[:limit])
    response.truncated = response.truncated or len(body) > limit


def _inflate(data: bytes, limit: int, window_bits: int) -> tuple[bytes, bool]:
    """Return at most `limit` + 1 bytes, and whether the stream is complete."""
    stream = zlib.decompressobj(window_bits)
    body = stream.decompress(data, limit + 1)
    if stream.unused_data:
        raise zlib.error("data after the end")
    return body, stream.eof


def _gunzip(data: bytes, limit: int) -> tuple[bytes, bool]:
    """Decompress consecutive members (RFC 1952, 2.2) with zero padding, as gzip does.

    Return the same as `_inflate`.
    """
    body = b""
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(_GZIP)
        body += stream.decompress(data, limit + 1 - len(body))
        data = stream.unused_data.lstrip(b"\0")
        if len(body) > limit or not stream.eof:
            return body, False
        if not data:
            return body, True
    raise zlib.error(f"more than {_MAX_MEMBERS} members")


def _deflate_format(data: bytes) -> int:
    """Return the format of `deflate` data: with zlib's header as specified, or raw, which some servers send."""
    return _ZLIB if data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0 else _RAW
