"""The parsers that are fuzzed, each with its accepted errors and some valid inputs."""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.config.loader import examine
from monitor.http.body import decode_text, decompress
from monitor.http.response import Response
from monitor.measuring import log_parser
from monitor.measuring.log_file import BadDataError, Block
from monitor.network.failure import ProbeFailure
from monitor.probes.ntp import offset_of
from monitor.probes.registry import check_types
from monitor.protocols.jwt import Expected, verify
from monitor.receivers.registry import RECEIVER_TYPES
from monitor.status_feeds.formats import FeedError, problems_in
from monitor.storage.frames import FrameError, pack, unpack
from monitor.vantage.frame_request import (
    FrameRequest,
    FrameResponse,
    RequestError,
    SentFrame,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from sla.observation import Observation, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 1 << 16  # bytes of a body
NTP_BYTES: Final = 48
_EXPECTED: Final = Expected("RS256", "https://idp.example", "ninewatch", 5.0)
_FRAME: Final = pack([Observation("forms/health", 1_790_000_000_000_000, Outcome.BAD, "connect_refused", 99, "east")])
_CONFIG: Final = b"""\
listen: 127.0.0.1:9999
products:
  - id: forms
    objective: 99.9%
    checks: [{id: health, http: "https://forms.example/health", interval: 30s, expect: {status: 2xx}}]
"""
_RESPONSE: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)
_STATUSPAGE: Final = b"""\
{"incidents": [{"id": "a", "name": "Outage", "impact": "major", "created_at": "2026-11-01T00:00:00Z",
"resolved_at": null, "components": [{"name": "API"}]}]}"""
_ATOM: Final = b"""\
<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id><title>Outage</title>
<updated>2026-11-01T00:00:00Z</updated><content>Investigating</content></entry></feed>"""

_LOGS: Final = (b"time,outcome\n2026-11-01T00:00:00Z,up\n", b'{"time": 1, "up": true}\n')


@dataclass(frozen=True, slots=True)
class Target:
    """A parser with valid inputs. `parse` raises an error only if the parser has a defect. `runs`: number of inputs."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    runs: int = 20_000


def frame(data: bytes) -> None:
    """Parse a frame of a vantage, as it is and compressed."""
    for body in (data, zlib.compress(data, 0)):
        with contextlib.suppress(FrameError):
            unpack(body, "east")


def frame_request(data: bytes) -> None:
    """Parse a request and a response of the delivery of frames."""
    with contextlib.suppress(RequestError):
        decode_request(data)
    with contextlib.suppress(RequestError):
        decode_response(data)


def http_response(data: bytes) -> None:
    """Parse an HTTP response in two parts, and decode its body."""
    response = Response(limit=LIMIT)
    with contextlib.suppress(ProbeFailure):
        response.feed(data[: len(data) // 2])
        response.feed(data[len(data) // 2 :])
        response.end()
        decompress(response)
        decode_text(response)


def status_feed(data: bytes) -> None:
    """Parse a status feed in each format."""
    for feed_format in ("statuspage", "atom", "gc_notify"):
        with contextlib.suppress(FeedError):
            problems_in(data, feed_format)


def measured_log(data: bytes) -> None:
    """Parse a log of another monitor."""
    with contextlib.suppress(BadDataError, UnicodeDecodeError):
        for _ in log_parser.read("log", iter([Block(data.decode(), 1)])):
            pass


def token(data: bytes) -> None:
    """Verify a token without a matching key."""
    with contextlib.suppress(ProbeFailure):
        verify(data.decode("latin-1"), [], _EXPECTED, 0.0)


def ntp(data: bytes) -> None:
    """Parse an NTP packet."""
    with contextlib.suppress(ProbeFailure):
        offset_of(data[:NTP_BYTES].ljust(NTP_BYTES, b"\0"), 0, 0)


class Configuration:
    """Loads a configuration from a file. Mistakes are listed as problems, not raised."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "ninewatch.yaml"
        self._kinds = check_types(allow_exec=False)

    def __call__(self, data: bytes) -> None:
        """Load the configuration."""
        self._path.write_bytes(data)
        loaded = examine(self._path, self._kinds, RECEIVER_TYPES)
        if loaded.portfolio is None and not loaded.problems:
            raise AssertionError("rejected without a problem")


def _request() -> bytes:
    return encode_request(FrameRequest(1, 2, "1.0", "0" * 16, [SentFrame(1, 1, _FRAME)], (1, 1), 5, 6))


TARGETS: Final[dict[str, Callable[[], Target]]] = {
    "frame": lambda: Target(frame, (_FRAME, zlib.decompress(_FRAME))),
    "frame_request": lambda: Target(frame_request, (_request(), encode_response(FrameResponse((1, 1), 2, 3)))),
    "http_response": lambda: Target(http_response, (_RESPONSE,)),
    "status_feed": lambda: Target(status_feed, (_STATUSPAGE, _ATOM)),
    "measured_log": lambda: Target(measured_log, _LOGS),
    "token": lambda: Target(token, (b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.AAAA",)),
    "ntp": lambda: Target(ntp, (b"\x24\x01\x06\xec" + bytes(44),)),
    "configuration": lambda: Target(Configuration(), (_CONFIG,), runs=1_500),
}
