"""Parse one HTTP/1.1 response incrementally within limits. Does no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult

import httptools

from monitor.network.failure import ProbeFailure

HEADER_LIMIT = 65_536  # bytes of status line and headers; browsers allow less
INTERIM_LIMIT = 8  # 1xx responses before the final one
FRAMING_LIMIT = 8  # bytes read per byte of body limit: chunks of 1 byte take 6, chunk extensions more
_BODILESS = {204, 304}
SEPARATORS = {"set-cookie": "\n"}  # separator of joined values, if not a comma, which a cookie may contain
_NONE: Mapping[str, str] = {}
_NO_URL = SplitResult("", "", "", "", "")


class Response:
    """A response that is filled by `feed`; `complete` is set when it has ended.

    - The body is kept up to `limit` bytes; `truncated` is set if it is longer.
    - The sender of the request sets `url`, `redirects` (number followed), `encrypted` and `cookies`.
    - `coding` is the compression that was undone, `decoding_error` the error if it could not be; `decoded`: all
      declared codings were undone.
    - HTTP/2 fills a response through `begin` and `on_body`, and sets `trailers`.
    """

    __slots__ = (
        "_bytes_left",
        "_framed",
        "_head_bytes",
        "_head_only",
        "_interim",
        "_limit",
        "_parser",
        "_version",
        "body",
        "coding",
        "complete",
        "cookies",
        "decoded",
        "decoding_error",
        "encrypted",
        "headers",
        "raw_length",
        "redirects",
        "started",
        "status",
        "trailers",
        "truncated",
        "url",
    )

    def __init__(self, *, limit: int, head_only: bool = False) -> None:
        self._limit = limit
        self._head_only = head_only
        self._interim = 0
        self._head_bytes = 0
        self._bytes_left = (
            HEADER_LIMIT + FRAMING_LIMIT * limit
        )  # bytes that may still arrive before the body is complete
        self._framed = False  # the headers define the end of the body
        self.started = False  # the headers of the final response are complete
        self.complete = False
        self.truncated = self.decoded = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.url = _NO_URL
        self.encrypted = False
        self.redirects = 0
        self.cookies: Mapping[str, str] = _NONE
        self.trailers: Mapping[str, str] = _NONE
        self.coding = self.decoding_error = self._version = ""
        self.raw_length: int | None = None
        self._parser = httptools.HttpResponseParser(self)

    def begin(self, status: int, fields: Iterable[tuple[bytes, bytes]], version: str) -> None:
        """Set status and headers of a response that was not parsed from HTTP/1.1."""
        for name, value in fields:
            self.on_header(name, value)
        self.status, self._version, self.started = status, version, True

    @property
    def version(self) -> str:
        """The protocol version: `1.0`, `1.1` or `2`."""
        return self._version or self._parser.get_http_version()

    @property
    def received(self) -> int:
        """Size of the body in bytes before decompression."""
        return len(self.body) if self.raw_length is None else self.raw_length

    @property
    def limit(self) -> int:
        """Maximum size of the body in bytes."""
        return self._limit

    def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            ProbeFailure: `malformed_response`: not HTTP; `headers_too_large`.
        """
        self._bytes_left -= len(data)
        if not self.started:  # apply the header limit independently of how the data is split
            header_bytes_left = HEADER_LIMIT - self._head_bytes
            self._head_bytes += len(data)
            self._parse(data[:header_bytes_left])
            data = data[header_bytes_left:]
            if data and not self.started:
                raise ProbeFailure("headers_too_large", f"more than {HEADER_LIMIT} bytes of headers")
        if data and not self.complete:
            self._parse(data)
        if self._bytes_left < 0 and not self.complete:
            detail = f"the body's framing is {FRAMING_LIMIT} times longer than the body limit"
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
        """Process the end of the stream.

        Raises:
            ProbeFailure: `empty_response`, `truncated_response`.
        """
        if self.complete:
            return
        if not self._head_bytes:
            raise ProbeFailure("empty_response", "the connection was closed without a response")
        if not self.started or self._framed:
            status = self.status if self.started else None
            raise ProbeFailure("truncated_response", "the connection was closed within the response", status=status)
        self.complete = True

    # Callbacks of the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header; repeated headers are joined by a comma (RFC 9110, 5.3), cookies by a line break.

        Trailers are ignored.
        """
        if self.started:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        earlier = self.headers.get(key)
        self.headers[key] = text if earlier is None else f"{earlier}{SEPARATORS.get(key, ', ')}{text}"

    def on_headers_complete(self) -> None:
        """Distinguish interim from final responses, and determine how the body ends."""
        if self.complete:  # ignore bytes after the response
            return
        self.status = self._parser.get_status_code()
        if 100 <= self.status < 200 and self.status != 101:
            self._interim += 1
            if self._interim > INTERIM_LIMIT:
                raise ProbeFailure("malformed_response", f"more than {INTERIM_LIMIT} interim responses")
            return
        self.started = True
        self._framed = "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "")
        if self._head_only or self.status in _BODILESS or self.status == 101:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Store the body up to the limit."""
        if self.complete:
            return
        room = self._limit - len(self.body)
        self.body += data[:room]
        if len(data) > room:
            self.truncated = self.complete = True

    def on_message_complete(self) -> None:
        """Reset after an interim response; otherwise mark the response complete."""
        if self.started:
            self.complete = True
        else:
            self.headers = {}
