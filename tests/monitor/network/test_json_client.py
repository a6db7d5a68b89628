"""The HTTP client of commands: two kinds of errors, and a token that only its server gets."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from monitor.network import json_client
from monitor.network.json_client import get
from tests.support.servers import read_request, respond_with, serve_tcp

if TYPE_CHECKING:
    from tests.support.servers import Handler


def http_response(body: bytes, head: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", http_response(b"[" * 100_000), http_response(b"?")])
async def test_answer_of_another_program_is_a_value_error(answer: bytes) -> None:
    async with serve_tcp(respond_with(answer)) as port:
        with pytest.raises(ValueError):  # noqa: PT011 - each has another text
            (await asyncio.to_thread(get, f"http://127.0.0.1:{port}/", timeout=5, direct=True)).json()


async def test_answer_without_an_end_is_a_value_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_client, "MAX_BODY", 10)
    async with serve_tcp(respond_with(http_response(b"1" * 11))) as port:
        with pytest.raises(ValueError, match="longer than"):
            await asyncio.to_thread(get, f"http://127.0.0.1:{port}/", timeout=5, direct=True)


async def test_error_status_is_an_answer() -> None:
    async with serve_tcp(respond_with(http_response(b"{}", "503 Unavailable"))) as port:
        answer = await asyncio.to_thread(get, f"http://127.0.0.1:{port}/", timeout=5, direct=True)
    assert (answer.status, answer.json()) == (503, {})


async def test_other_schemes_are_not_opened() -> None:
    with pytest.raises(OSError, match="unknown url type"):
        get("file:///etc/hostname", timeout=5, direct=True)


async def test_token_is_not_sent_to_the_server_of_a_redirect() -> None:
    requests: list[bytes] = []

    def recording(answer: bytes) -> Handler:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.append(await read_request(reader))
            writer.write(answer)
            await writer.drain()

        return handler

    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(serve_tcp(recording(http_response(b"{}"))))
        redirect = http_response(b"", f"302 Found\r\nLocation: http://127.0.0.1:{other}/")
        port = await stack.enter_async_context(serve_tcp(recording(redirect)))
        answer = await asyncio.to_thread(get, f"http://127.0.0.1:{port}/", timeout=5, token="abc", direct=True)
    first, second = requests
    assert b"Authorization: Bearer abc" in first
    assert b"Authorization" not in second
    assert answer.json() == {}
