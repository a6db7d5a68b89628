"""Parsing of one HTTP/1.1 response: the same result and limits for any segmentation of its bytes."""

from __future__ import annotations

import pytest

from monitor.http.response import HEADER_LIMIT, Response
from monitor.network.failure import ProbeFailure

BODY = b"x" * 100_000


def head(size: int) -> bytes:
    """Return a status line and headers of this many bytes."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Long: " % len(BODY)
    return start + b"l" * (size - len(start) - 4) + b"\r\n\r\n"


def response_fed_with(data: bytes, piece: int) -> Response:
    response = Response(limit=1 << 20)
    for start in range(0, len(data), piece):
        response.feed(data[start : start + piece])
    return response


@pytest.mark.parametrize("piece", [1_000, 65_535, 65_536, 65_537, 1_000_000])
@pytest.mark.parametrize("size", [200, HEADER_LIMIT])
def test_head_within_the_limit_is_read_in_any_segments(size: int, piece: int) -> None:
    response = response_fed_with(head(size) + BODY, piece)
    assert (response.complete, response.status, bytes(response.body)) == (True, 200, BODY)


@pytest.mark.parametrize("piece", [1_000, 65_536, 65_537, 1_000_000])
@pytest.mark.parametrize("size", [HEADER_LIMIT + 1, 70_000])
def test_head_over_the_limit_is_rejected(size: int, piece: int) -> None:
    with pytest.raises(ProbeFailure) as caught:
        response_fed_with(head(size) + BODY, piece)
    assert caught.value.reason == "headers_too_large"
