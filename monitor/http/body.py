"""A body as its readers see it: without the codings that the headers declare, and as text in UTF-8.

What an expectation is about must have been read. A body that cannot be read decides nothing by what it does not hold.
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

_MOST = 5  # codings, one over the other
_STEP = 65_536  # bytes that are decoded at a time, so that no whole text of four bytes a letter is built


class Reading(NamedTuple):
    """A body's text in UTF-8, and why it may not be all of it; empty when it is."""

    text: bytes | bytearray
    problem: str = ""


def decompress(response: Response) -> None:
    """Undo in place the codings that Content-Encoding names (RFC 9110, 8.4), each within the limit of the body.

    Raises:
        ProbeFailure: `body_encoding`, one that is not known here; `compression_malformed`.
    """
    said = response.headers.get("content-encoding")
    if said is None or response.decoded or response.coding or not response.body:
        return
    codings = [each for each in (part.strip().lower() for part in said.split(",")) if each not in ("", "identity")]
    strange = next((each for each in codings if each not in CODINGS), None)
    if strange is not None or len(codings) > _MOST:
        detail = f"the body is encoded as {quoted(said)}; only gzip and deflate are decoded"
        raise ProbeFailure("body_encoding", detail, status=response.status)
    for each in reversed(codings):
        undo(response, CODINGS[each], response.limit)
        if response.garbled:
            raise ProbeFailure("compression_malformed", response.garbled, status=response.status)
    response.decoded = True


def reading(response: Response, *, json: bool = False) -> Reading:
    """Return the text of a body that was decompressed, read as JSON if so; what cannot be read is left as it came."""
    body = response.body
    charsets = charsets_of(response.headers.get("content-type", ""), body, json=json)
    for charset in charsets:
        if charset.codec and (text := _in_utf_8(body, charset, cut=response.cut)) is not None:
            return Reading(text)
    return Reading(body, _problem(charsets[-1]))


def _problem(charset: Charset) -> str:
    if not charset.codec:
        return f"the charset of {charset.source} is not known"
    by = f", the charset of {charset.source}" if charset.source else ", and no other charset is declared"
    return f"the body is not {charset.codec.replace('_', '-').upper()}{by}"


def text_of(response: Response) -> bytes | bytearray:
    """Return the text of a body in UTF-8, without its codings.

    Raises:
        ProbeFailure: as `decompress` does; `body_charset`, it is not in the encoding that is declared.
    """
    decompress(response)
    text, problem = reading(response)
    if problem:
        raise ProbeFailure("body_charset", problem, status=response.status)
    return text


def _in_utf_8(body: bytes | bytearray, charset: Charset, *, cut: bool) -> bytes | bytearray | None:
    """Return the text in UTF-8, the body itself where it is; None when it is not in the encoding."""
    decoder = codecs.getincrementaldecoder(charset.codec)(_C1 if charset.codec == LATIN_1 else "strict")
    written, same = bytearray(), charset.codec == UTF_8
    try:
        for start in range(charset.mark, len(body), _STEP):
            last = start + _STEP >= len(body) and not cut
            text = decoder.decode(bytes(body[start : start + _STEP]), last)
            if same and "\0" in text and not charset.source:
                return None  # UTF-16 of another alphabet, or no text at all
            if not same:
                written += text.encode()
    except UnicodeError:
        return None
    return written if not same else body[charset.mark :] if charset.mark else body


def _control(error: UnicodeError) -> tuple[str, int]:
    """Return the control character for a byte to which windows-1252 gives no letter, as browsers do."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(error.object[error.start]), error.start + 1


_C1 = "ninewatch_c1"
codecs.register_error(_C1, _control)

REASONS = {
    "body_charset": "the body is not in the charset that is declared, or in one that is not known, so that nothing "
    "follows from what was not found in it",
    "body_encoding": "the body has a `Content-Encoding` that is not decoded here: only gzip and deflate are",
    "compression_malformed": "the body cannot be decompressed, ends too early, or is followed by more",
}
