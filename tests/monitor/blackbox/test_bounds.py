"""What a target can make a probe cost: time of the loop, and memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from tests.monitor.blackbox.probe_request import box, reason
from tests.support.faulty_targets.attempt_cost import holds
from tests.support.faulty_targets.behaviour import flooding
from tests.support.servers import http_response, read_request, serve_tcp

SHORT_LINES = b"x\r\n" * 20_000
TALK = 'modules: {talk: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: "^220"}]}}}'


async def test_lines_without_end_do_not_hold_the_loop_and_come_to_an_end(tmp_path: Path) -> None:
    """In CPU time of this thread: a buffer of 64 KiB holds 20,000 lines, and each costs some microseconds."""
    async with serve_tcp(flooding(SHORT_LINES)) as port, box(tmp_path, TALK) as (_, ask):
        await ask("talk", "127.0.0.1:1")  # loads what is loaded once
        with holds() as held:
            page = await ask("talk", f"127.0.0.1:{port}")
    assert reason(page) == "answer_too_long"
    assert held[0] < 0.02


PIECE, PIECES = b"all is well " * 100_000, 30  # 36 MB
WHOLE = len(PIECE) * PIECES
BODIES = """
modules:
  plain: {prober: http, timeout: 20s}
  searching: {prober: http, timeout: 20s, http: {fail_if_body_not_matches_regexp: [well]}}
  beyond: {prober: http, timeout: 20s, http: {fail_if_body_not_matches_regexp: [end$]}}
  limited: {prober: http, timeout: 20s, http: {body_size_limit: 1MB}}
"""


async def _long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (WHOLE + 3))
    for _ in range(PIECES):
        writer.write(PIECE)
        await writer.drain()
    writer.write(b"end")
    await reader.read()


@pytest.mark.parametrize(
    ("module", "counted", "success", "kept"),
    [
        ("plain", WHOLE + 3, 1, 0),
        ("searching", WHOLE + 3, 1, 10 << 20),
        ("beyond", WHOLE + 3, 0, 10 << 20),
        ("limited", 1 << 20, 0, 0),
    ],
)
async def test_a_body_is_counted_to_its_end_and_kept_as_far_as_somebody_looks_into_it(
    tmp_path: Path, module: str, counted: int, success: int, kept: int
) -> None:
    async with serve_tcp(_long) as port, box(tmp_path, BODIES) as (_, ask):
        await ask(module, "127.0.0.1:1")
        tracemalloc.start()
        page = await ask(module, f"127.0.0.1:{port}")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert page.value("probe_http_uncompressed_body_length") == counted
    assert page.value("probe_success") == success
    assert most < 3 * kept + 4_000_000  # the server's own pieces, and what searching copies


async def test_bodies_that_are_kept_share_one_room(tmp_path: Path) -> None:
    async with serve_tcp(_long) as port, box(tmp_path, BODIES) as (made, ask):
        made._body_memory.left = size = 15 << 20
        asking = [ask(module, f"127.0.0.1:{port}") for module in ("searching", "searching", "plain")]
        assert {reason(page) for page in await asyncio.gather(*asking)} == {"", "bodies_full"}
        assert made._body_memory.left == size
        assert (await ask("searching", f"127.0.0.1:{port}")).value("probe_success") == 1


async def test_the_body_of_a_redirect_that_is_followed_is_not_waited_for(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"GET /to" in await read_request(reader):
            writer.write(http_response(b"there"))
        else:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 100\r\n\r\nnot all")
            await reader.read()

    async with serve_tcp(endless) as port, box(tmp_path, BODIES) as (_, ask):
        page = await ask("plain", f"127.0.0.1:{port}")
    assert (page.value("probe_success"), page.value("probe_http_uncompressed_body_length")) == (1, 5)
