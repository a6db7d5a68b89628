"""An HTTP/2 test server, based on h2, and on raw frames for invalid messages that h2 does not send."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

if TYPE_CHECKING:
    from tests.support.servers import Handler

Fields = Sequence[tuple[str, str]]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 1) -> bytes:
    """Return one frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


HELLO = frame(SETTINGS, stream=0)
OK = frame(HEADERS, b"\x88", flags=END_HEADERS)  # :status 200, out of HPACK's table


def send_frames(frames: bytes, *, again: bytes = b"") -> Handler:
    """Return a handler that sends these frames, then repeats `again`, and keeps the connection open."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(PREFACE))
        writer.write(frames)
        while again:
            writer.write(again)
            await writer.drain()
        await reader.read()

    return handler


def serve_response(
    fields: Fields, body: bytes = b"", trailers: Fields = (), seen: list[bytes] | None = None
) -> Handler:
    """Return a handler that reads a complete request (its body is added to `seen`) and answers with flow control."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        http.initiate_connection()
        received_body, unsent, has_request = b"", body, False
        while True:
            writer.write(http.data_to_send())
            await writer.drain()
            data = await reader.read(65_536)
            if not data:
                return
            for event in http.receive_data(data):
                if isinstance(event, DataReceived):
                    received_body += event.data
                    http.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, StreamEnded):
                    has_request = True
                    http.send_headers(1, fields, end_stream=not (body or trailers))
                    if seen is not None:
                        seen.append(received_body)
                else:
                    assert not isinstance(event, RequestReceived) or event.stream_id == 1
            while has_request and unsent and (size := min(http.local_flow_control_window(1), 16_384, len(unsent))):
                http.send_data(1, unsent[:size], end_stream=size == len(unsent) and not trailers)
                unsent = unsent[size:]
                if not unsent and trailers:
                    http.send_headers(1, trailers, end_stream=True)

    return handler
