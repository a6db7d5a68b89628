"""One HTTP/1.1 response as it arrives, bounded in every direction. Knows no socket: bytes in, a response out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult

import httptools

from monitor.network.failure import ProbeFailure

HEADER_LIMIT = 65_536  # bytes of status line and headers; browsers give up far earlier
INTERIM_LIMIT = 8  # 1xx answers before the real one; a target may not keep us with promises
FRAMING_LIMIT = 8  # bytes read for one byte of body allowed: chunks of one byte take six, extensions without end more
_BODILESS = {204, 304}
BETWEEN = {"set-cookie": "\n"}  # what joins the values of a header, if not a comma: a cookie may hold one
_NONE: Mapping[str, str] = {}
_NOWHERE = SplitResult("", "", "", "", "")


class Response:
    """Feed it what the wire gives; `complete` tells when there is nothing more to wait for.

    The body is kept up to `limit` bytes; what lies beyond is not read, and `cut` says so. What is known of the way to
    the answer is noted by who went it: the `url` it is of, `redirects` that were followed, whether it came `encrypted`,
    and the `cookies` that were set. `coding` is the compression that was undone, and `garbled` why it could not be;
    `decoded` says that all codings which the headers declare were undone.
    An answer that comes by another way than HTTP/1.1's bytes is put together by `begin` and `on_body`, and its
    `trailers`, if it has any, by who knows them.
    """

    __slots__ = (
        "_framed",
        "_head_bytes",
        "_head_only",
        "_interim",
        "_limit",
        "_parser",
        "_room",
        "_version",
        "body",
        "coding",
        "complete",
        "cookies",
        "cut",
        "decoded",
        "encrypted",
        "garbled",
        "headers",
        "raw_length",
        "redirects",
        "started",
        "status",
        "trailers",
        "url",
    )

    def __init__(self, *, limit: int, head_only: bool = False) -> None:
        self._limit = limit
        self._head_only = head_only
        self._interim = 0
        self._head_bytes = 0
        self._room = HEADER_LIMIT + FRAMING_LIMIT * limit  # bytes that may still come before the body is whole
        self._framed = False  # the headers say where the body ends
        self.started = False  # the headers of the final response are in
        self.complete = False
        self.cut = self.decoded = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.url = _NOWHERE
        self.encrypted = False
        self.redirects = 0
        self.cookies: Mapping[str, str] = _NONE
        self.trailers: Mapping[str, str] = _NONE
        self.coding = self.garbled = self._version = ""
        self.raw_length: int | None = None
        self._parser = httptools.HttpResponseParser(self)

    def begin(self, status: int, fields: Iterable[tuple[bytes, bytes]], version: str) -> None:
        """Take status and headers that came by another way."""
        for name, value in fields:
            self.on_header(name, value)
        self.status, self._version, self.started = status, version, True

    @property
    def version(self) -> str:
        """The protocol that the answer came in: `1.0`, `1.1` or `2`."""
        return self._version or self._parser.get_http_version()

    @property
    def received(self) -> int:
        """Bytes of the body as they came, before any compression was undone."""
        return len(self.body) if self.raw_length is None else self.raw_length

    @property
    def limit(self) -> int:
        """How many bytes of a body are kept."""
        return self._limit

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            ProbeFailure: `malformed_response` when this is not HTTP, `headers_too_large`.
        """
        self._room -= len(data)
        if not self.started:  # the head ends within its limit, in whatever pieces it comes
            room = HEADER_LIMIT - self._head_bytes
            self._head_bytes += len(data)
            self._parse(data[:room])
            data = data[room:]
            if data and not self.started:
                raise ProbeFailure("headers_too_large", f"more than {HEADER_LIMIT} bytes of headers")
        if data and not self.complete:
            self._parse(data)
        if self._room < 0 and not self.complete:
            detail = f"the body's framing is {FRAMING_LIMIT} times longer than a body may be"
            raise ProbeFailure("malformed_response", detail, status=self.status)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete = True
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, ProbeFailure):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            if not self.complete:
                raise ProbeFailure("malformed_response", str(error), status=self.status or None) from None

    def end(self) -> None:
        """Take the end of the stream.

        Raises:
            ProbeFailure: `empty_response`, `truncated_response`: it ended before the response did.
        """
        if self.complete:
            return
        if not self._head_bytes:
            raise ProbeFailure("empty_response", "the connection was closed without an answer")
        if not self.started or self._framed:
            status = self.status if self.started else None
            raise ProbeFailure("truncated_response", "the connection was closed within the answer", status=status)
        self.complete = True

    # The parser's callbacks.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one that comes twice is joined by a comma (RFC 9110, 5.3), cookies by a line break.

        Trailers tell nothing.
        """
        if self.started:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        held = self.headers.get(key)
        self.headers[key] = text if held is None else f"{held}{BETWEEN.get(key, ', ')}{text}"

    def on_headers_complete(self) -> None:
        """Tell an interim answer from the real one, and how its body will end."""
        if self.complete:  # bytes behind the answer are not another one
            return
        self.status = self._parser.get_status_code()
        if 100 <= self.status < 200 and self.status != 101:
            self._interim += 1
            if self._interim > INTERIM_LIMIT:
                raise ProbeFailure("malformed_response", f"more than {INTERIM_LIMIT} interim answers")
            return
        self.started = True
        self._framed = "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "")
        if self._head_only or self.status in _BODILESS or self.status == 101:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Keep the body up to the limit."""
        if self.complete:
            return
        room = self._limit - len(self.body)
        self.body += data[:room]
        if len(data) > room:
            self.cut = self.complete = True

    def on_message_complete(self) -> None:
        """Start over after an interim answer; otherwise the response is whole."""
        if self.started:
            self.complete = True
        else:
            self.headers = {}
