"""Send one request over HTTP/2 (RFC 9113). h2 implements the protocol; I/O and limits are here.

Frames are split before h2 parses them, to count them and to yield to the event loop between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from monitor.http.response import INTERIM_LIMIT, SEPARATORS
from monitor.network.buffered_stream import try_send
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.http.response import Response
    from monitor.network.connection import Connection

_STREAM_ID = 1
_DATA, _SETTINGS, _GOAWAY = 0, 4, 7  # types of frames
_MAX_FRAME_BYTES = 16_384  # bytes of a frame's payload, the default of SETTINGS_MAX_FRAME_SIZE
_MAX_FRAMES = 4_000  # frames of a response, plus one per `_BODY_BYTES_PER_FRAME` bytes of its body
_BODY_BYTES_PER_FRAME = 256
_MAX_OVERHEAD_BYTES = 262_144  # bytes of a response besides its body, which padding may double
_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError)  # errors of h2 and hpack besides their own classes
_FRAMES_PER_YIELD = 64  # body frames, or as many times 16 bytes of headers, before yielding to the event loop


async def exchange(
    connection: Connection,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    response: Response,
    *,
    on_headers: Callable[[], object] = lambda: None,
) -> None:
    """Send one request, pseudo-headers first, and read the response into `response`, up to its body limit.

    `on_headers` is called once, when the response headers are complete. Headers that HTTP/2 forbids (`connection`,
    `host`, `transfer-encoding`) must not be present.

    Raises:
        ProbeFailure: `http2_malformed`, `http2_flood`, `http2_reset`, `headers_too_large`, `hung_up`.
    """
    from h2.exceptions import H2Error

    try:
        await _Exchange(connection, response, on_headers).run(headers, body)
    except H2Error as error:
        raise _malformed_failure(error) from None


def load() -> None:
    """Import the library in advance, which takes 0.1 s."""
    import h2.connection  # noqa: F401


class _Exchange:
    def __init__(self, connection: Connection, response: Response, on_headers: Callable[[], object]) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._connection, self._answer, self._begun = connection, response, on_headers
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._received = bytearray()
        self._frames = self._bytes = self._length = self._interim = self._work_since_yield = 0
        self._ended = False

    async def run(self, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self._http.initiate_connection()
        self._http.update_settings({2: 0})  # SETTINGS_ENABLE_PUSH: no server push
        self._http.send_headers(_STREAM_ID, headers, end_stream=not body)
        while not self._ended:
            body = self._send_some(body)
            send_failure = await try_send(self._connection, self._http.data_to_send())
            data = await self._connection.receive()
            if not data:
                raise send_failure or ProbeFailure(
                    "hung_up", f"after {self._frames} frames, before the end of the response"
                )
            self._received += data
            await self._process_frames()
        self._answer.complete = True

    def _send_some(self, body: bytes) -> bytes:
        """Send as much as the server's flow control allows, and return the rest."""
        while body:
            size = min(self._http.local_flow_control_window(_STREAM_ID), self._http.max_outbound_frame_size, len(body))
            if size <= 0:
                break
            self._http.send_data(_STREAM_ID, body[:size], end_stream=size == len(body))
            body = body[size:]
        return body

    async def _process_frames(self) -> None:
        """Process the complete frames received."""
        while not self._ended and len(self._received) >= 9:
            size = int.from_bytes(self._received[:3], "big")
            self._check_frame(size)
            if len(self._received) < 9 + size:
                return
            frame = bytes(self._received[: 9 + size])
            del self._received[: 9 + size]
            self._count(frame)
            if not _is_graceful_goaway(frame):
                self._feed(frame)
            self._work_since_yield += 1 if frame[3] == _DATA else 1 + size // 16
            if self._work_since_yield >= _FRAMES_PER_YIELD:
                self._work_since_yield = 0
                await asyncio.sleep(0)

    def _check_frame(self, size: int) -> None:
        if not self._frames and self._received[3] != _SETTINGS:  # 3.4: the server's connection preface
            received = quoted(self._received[:100].decode(errors="replace"))
            raise ProbeFailure("http2_malformed", f"not HTTP/2: {received}")
        if size > _MAX_FRAME_BYTES:
            raise ProbeFailure("http2_malformed", f"a frame of {size} bytes, at most {_MAX_FRAME_BYTES} are allowed")

    def _count(self, frame: bytes) -> None:
        self._frames += 1
        self._bytes += len(frame)
        if (
            self._frames > _MAX_FRAMES + self._length // _BODY_BYTES_PER_FRAME
            or self._bytes > _MAX_OVERHEAD_BYTES + 2 * self._length + len(frame)
        ):
            raise ProbeFailure("http2_flood", f"{self._frames} frames for {self._length} bytes of body")

    def _feed(self, frame: bytes) -> None:
        from h2.exceptions import DenialOfServiceError

        try:
            events = self._http.receive_data(frame)
        except DenialOfServiceError:
            raise ProbeFailure("headers_too_large", "more than 64 KiB of headers") from None
        except _UNREADABLE as error:
            raise _malformed_failure(error) from None
        for event in events:
            self._handle_event(event)

    def _handle_event(self, event: Any) -> None:
        match type(event).__name__:
            case "ResponseReceived":
                (_, status), *fields = event.headers  # h2 ensures that the pseudo-header is first
                self._answer.begin(_status(status), fields, "2")
                self._ended = self._answer.complete
                self._begun()
            case "InformationalResponseReceived":
                self._interim += 1
                if self._interim > INTERIM_LIMIT:
                    raise ProbeFailure("http2_flood", f"more than {INTERIM_LIMIT} interim responses")
            case "TrailersReceived":
                self._answer.trailers = _join_values(event.headers)
            case "DataReceived":
                self._store_body(event.data)
                self._http.acknowledge_received_data(event.flow_controlled_length, _STREAM_ID)
            case "PushedStreamReceived":
                raise ProbeFailure("http2_malformed", "server push, which was disabled")
            case "StreamReset" | "ConnectionTerminated":
                raise ProbeFailure("http2_reset", f"the server reset the stream: {_code(event.error_code)}")
            case "StreamEnded":
                self._ended = True

    def _store_body(self, data: bytes) -> None:
        self._length += len(data)
        self._answer.on_body(data)
        self._ended = self._answer.complete


def _malformed_failure(error: Exception) -> ProbeFailure:
    return ProbeFailure("http2_malformed", quoted(str(error) or type(error).__name__, 120))


def _is_graceful_goaway(frame: bytes) -> bool:
    """Return whether this is a GOAWAY that still completes our request (6.8).

    h2 would treat the connection as closed.
    """
    last, code = int.from_bytes(frame[9:13], "big"), frame[13:17]
    return frame[3] == _GOAWAY and last >= _STREAM_ID and code == bytes(4)


def _join_values(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joined[key] = f"{joined[key]}{SEPARATORS.get(key, ', ')}{text}" if key in joined else text
    return joined


def _status(received: bytes) -> int:
    text = received.decode("latin-1")
    if not (len(text) == 3 and text.isascii() and text.isdecimal()):
        raise ProbeFailure("http2_malformed", f"{quoted(text)} is not a status")
    return int(text)


def _code(code: Any) -> str:
    return getattr(code, "name", str(code))


REASONS = {
    "headers_too_large": "more than 64 KiB of headers",
    "http2_flood": "too many frames for the size of the response",
    "http2_malformed": "not valid HTTP/2",
    "http2_reset": "the server cancelled the request (RST_STREAM, GOAWAY)",
    "hung_up": "the connection was closed before the end of the response",
}
