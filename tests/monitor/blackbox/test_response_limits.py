"""Limits on the cost of a probe: time of the event loop, and memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from tests.monitor.blackbox.probe_request import blackbox_service, reason
from tests.support.faulty_targets.attempt_cost import longest_callback
from tests.support.faulty_targets.behaviour import send_endlessly
from tests.support.servers import http_response, read_request, serve_tcp

SHORT_LINES = b"x\r\n" * 20_000
QUERY_RESPONSE_MODULE = (
    'modules: {query_response: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: "^220"}]}}}'
)


async def test_endless_lines_do_not_block_the_event_loop(tmp_path: Path) -> None:
    """The limit is CPU time of this thread.

    A buffer of 64 KiB contains 20,000 lines, and each line takes some microseconds.
    """
    async with (
        serve_tcp(send_endlessly(SHORT_LINES)) as port,
        blackbox_service(tmp_path, QUERY_RESPONSE_MODULE) as (_, request),
    ):
        await request("query_response", "127.0.0.1:1")  # loads the modules that are imported at first use
        with longest_callback() as blocked_seconds:
            page = await request("query_response", f"127.0.0.1:{port}")
    assert reason(page) == "answer_too_long"
    assert blocked_seconds[0] < 0.02


PIECE, PIECES = b"all is well " * 100_000, 30  # 36 MB
BODY_BYTES = len(PIECE) * PIECES
BODIES = """
modules:
  plain: {prober: http, timeout: 20s}
  searching: {prober: http, timeout: 20s, http: {fail_if_body_not_matches_regexp: [well]}}
  missing_text: {prober: http, timeout: 20s, http: {fail_if_body_not_matches_regexp: [end$]}}
  limited: {prober: http, timeout: 20s, http: {body_size_limit: 1MB}}
"""


async def _send_long_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES + 3))
    for _ in range(PIECES):
        writer.write(PIECE)
        await writer.drain()
    writer.write(b"end")
    await reader.read()


@pytest.mark.parametrize(
    ("module", "counted_bytes", "success", "kept_bytes"),
    [
        ("plain", BODY_BYTES + 3, 1, 0),
        ("searching", BODY_BYTES + 3, 1, 10 << 20),
        ("missing_text", BODY_BYTES + 3, 0, 10 << 20),
        ("limited", 1 << 20, 0, 0),
    ],
)
async def test_body_is_counted_completely_and_kept_only_if_it_is_searched(
    tmp_path: Path, module: str, counted_bytes: int, success: int, kept_bytes: int
) -> None:
    async with serve_tcp(_send_long_body) as port, blackbox_service(tmp_path, BODIES) as (_, request):
        await request(module, "127.0.0.1:1")
        tracemalloc.start()
        page = await request(module, f"127.0.0.1:{port}")
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert page.value("probe_http_uncompressed_body_length") == counted_bytes
    assert page.value("probe_success") == success
    assert peak_bytes < 3 * kept_bytes + 4_000_000  # the test server's data, and copies for the search


async def test_kept_bodies_share_one_memory_limit(tmp_path: Path) -> None:
    async with serve_tcp(_send_long_body) as port, blackbox_service(tmp_path, BODIES) as (service, request):
        service._body_memory.left = limit_bytes = 15 << 20
        requests = [request(module, f"127.0.0.1:{port}") for module in ("searching", "searching", "plain")]
        assert {reason(page) for page in await asyncio.gather(*requests)} == {"", "bodies_full"}
        assert service._body_memory.left == limit_bytes
        assert (await request("searching", f"127.0.0.1:{port}")).value("probe_success") == 1


async def test_body_of_a_followed_redirect_is_not_read(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"GET /to" in await read_request(reader):
            writer.write(http_response(b"there"))
        else:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 100\r\n\r\nnot all")
            await reader.read()

    async with serve_tcp(endless) as port, blackbox_service(tmp_path, BODIES) as (_, request):
        page = await request("plain", f"127.0.0.1:{port}")
    assert (page.value("probe_success"), page.value("probe_http_uncompressed_body_length")) == (1, 5)
