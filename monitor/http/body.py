"""Decode a response body: undo its content codings, and convert its text to UTF-8.

A body that cannot be decoded does not satisfy an expectation of absence such as `not_contains`.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, NamedTuple

from monitor.http.charset import LATIN_1, UTF_8, charsets_of
from monitor.http.compression import CODINGS, undo
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.charset import Charset
    from monitor.http.response import Response

_MAX_CODINGS = 5
_CHUNK_BYTES = 65_536  # bytes decoded at a time, so that the entire text is never in memory with 4 bytes per character


class BodyText(NamedTuple):
    """A body's text in UTF-8. `problem` is the error if the body could not be decoded, else empty."""

    text: bytes | bytearray
    problem: str = ""


def decompress(response: Response) -> None:
    """Undo the codings of Content-Encoding in place (RFC 9110, 8.4), each within the body limit.

    Raises:
        ProbeFailure: `body_encoding`: not a supported coding; `compression_malformed`.
    """
    declared = response.headers.get("content-encoding")
    if declared is None or response.decoded or response.coding or not response.body:
        return
    codings = [
        coding for coding in (part.strip().lower() for part in declared.split(",")) if coding not in ("", "identity")
    ]
    unsupported = next((coding for coding in codings if coding not in CODINGS), None)
    if unsupported is not None or len(codings) > _MAX_CODINGS:
        detail = f"the body is encoded as {quoted(declared)}; only gzip and deflate are supported"
        raise ProbeFailure("body_encoding", detail, status=response.status)
    for coding in reversed(codings):
        undo(response, CODINGS[coding], response.limit)
        if response.decoding_error:
            raise ProbeFailure("compression_malformed", response.decoding_error, status=response.status)
    response.decoded = True


def decode_text(response: Response, *, json: bool = False) -> BodyText:
    """Return the text of a decompressed body. `json`: detect the charset as for JSON. Undecodable bytes are kept."""
    body = response.body
    charsets = charsets_of(response.headers.get("content-type", ""), body, json=json)
    for charset in charsets:
        if charset.codec and (text := _to_utf_8(body, charset, truncated=response.truncated)) is not None:
            return BodyText(text)
    return BodyText(body, _problem(charsets[-1]))


def _problem(charset: Charset) -> str:
    if not charset.codec:
        return f"unknown charset in {charset.source}"
    charset_text = f", the charset of {charset.source}" if charset.source else ", and no other charset is declared"
    return f"the body is not valid {charset.codec.replace('_', '-').upper()}{charset_text}"


def text_of(response: Response) -> bytes | bytearray:
    """Return the decompressed text of a body in UTF-8.

    Raises:
        ProbeFailure: the errors of `decompress`; `body_charset`: not valid in the declared charset.
    """
    decompress(response)
    text, problem = decode_text(response)
    if problem:
        raise ProbeFailure("body_charset", problem, status=response.status)
    return text


def _to_utf_8(body: bytes | bytearray, charset: Charset, *, truncated: bool) -> bytes | bytearray | None:
    """Return the text in UTF-8 (the body itself if it is UTF-8), None if it is not valid in the charset."""
    decoder = codecs.getincrementaldecoder(charset.codec)(_C1 if charset.codec == LATIN_1 else "strict")
    converted, is_utf_8 = bytearray(), charset.codec == UTF_8
    try:
        for start in range(charset.mark, len(body), _CHUNK_BYTES):
            last = start + _CHUNK_BYTES >= len(body) and not truncated
            text = decoder.decode(bytes(body[start : start + _CHUNK_BYTES]), last)
            if is_utf_8 and "\0" in text and not charset.source:
                return None  # UTF-16 of another alphabet, or binary data
            if not is_utf_8:
                converted += text.encode()
    except UnicodeError:
        return None
    return converted if not is_utf_8 else body[charset.mark :] if charset.mark else body


def _control(error: UnicodeError) -> tuple[str, int]:
    """Return the control character for a byte that windows-1252 leaves undefined, as browsers do."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(error.object[error.start]), error.start + 1


_C1 = "ninewatch_c1"
codecs.register_error(_C1, _control)

REASONS = {
    "body_charset": "the body is not valid in its declared charset, or the charset is unknown; it is not certain "
    "that missing text is absent",
    "body_encoding": "unsupported `Content-Encoding`; only gzip and deflate are supported",
    "compression_malformed": "the compressed body is invalid, truncated or followed by other data",
}
