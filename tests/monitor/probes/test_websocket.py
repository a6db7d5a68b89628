"""The websocket kind with a real server (websockets), and with servers that are not WebSocket."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError
from websockets.asyncio.server import ServerConnection, serve

from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.faulty_targets.framed import accept_upgrade
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, read_request, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler


@contextlib.asynccontextmanager
async def serve_echo(context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("welcome")
        async for message in connection:
            await connection.send([f"{message}", " pong"])  # in two fragments
            if message == "bye":
                await connection.close()

    async with serve(handler, "127.0.0.1", 0, ssl=context, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def run_probe(port: int, seconds: float = 5.0, scheme: str = "ws", **options: Any) -> ProbeResult:
    return (await attempt({"websocket": f"{scheme}://127.0.0.1:{port}/ws?key=1", **options}, seconds)).result


@pytest.mark.parametrize("options", [{}, {"expect": "^welcome$"}, {"send": "ping", "expect": "^ping pong$"}])
async def test_handshake_and_expected_message_are_good(options: dict[str, str]) -> None:
    async with serve_echo() as port:
        result = await run_probe(port, **options)
    assert (result.outcome, result.reason, result.status) == (Outcome.GOOD, "", 101)
    assert set(result.phases) == {"resolve", "connect", "first_byte", "transfer"}


async def test_configured_headers_replace_the_default_ones() -> None:
    heads: list[bytes] = []

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))

    async with serve_tcp(listening) as port:
        await run_probe(port, headers={"host": "chat.example.org", "User-Agent": "other", "X-More": "1"})
    lines = heads[0].decode().lower().split("\r\n")
    assert [line for line in lines if line.startswith(("host:", "user-agent:", "x-more:"))] == [
        "user-agent: other",
        "host: chat.example.org",
        "x-more: 1",
    ]


@pytest.mark.parametrize("name", ["Connection", "upgrade", "Sec-WebSocket-Key"])
def test_handshake_headers_are_rejected(name: str) -> None:
    with pytest.raises(ValidationError, match="reserved for the handshake"):
        load_check({"websocket": "ws://h/", "headers": {name: "x"}})


async def test_certificate_is_verified_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serve_echo(server_context(authority.issue_cert("127.0.0.1"))) as port:
        good = await run_probe(port, scheme="wss", tls={"ca": write_ca_bundle(authority, tmp_path)})
        strange = await run_probe(port, scheme="wss")
    assert (good.outcome, strange.reason) == (Outcome.GOOD, "tls_untrusted")
    assert good.certificate_expiry is not None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"send": "bye", "expect": "never"}, "answer_mismatch"),
        ({"subprotocol": "chat"}, "websocket_handshake"),
        ({"send": "ping", "expect": "never"}, "deadline"),
    ],
)
async def test_missing_message_has_its_reason(options: dict[str, str], reason: str) -> None:
    async with serve_echo() as port:
        result = await run_probe(port, 0.5, **options)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)


async def test_negotiated_subprotocol_is_good() -> None:
    async with serve_echo(subprotocols=["chat"]) as port:
        assert (await run_probe(port, subprotocol="chat")).outcome is Outcome.GOOD


@pytest.mark.parametrize(
    ("handler", "reason", "status"),
    [
        (respond_with(http_response(b"no", "403 Forbidden")), "http_status", 403),
        (respond_with(http_response(b"page")), "http_status", 200),
        (respond_with(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "websocket_handshake", None),
        (respond_with(b"SSH-2.0-x\r\n\r\n"), "websocket_handshake", None),
        (respond_with(b""), "websocket_handshake", None),
        (send_nothing, "deadline", None),
    ],
)
async def test_server_that_is_not_websocket_has_its_reason(handler: Handler, reason: str, status: int | None) -> None:
    async with serve_tcp(handler) as port:
        result = await run_probe(port, 0.5)
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, reason, status)
    assert result.detail.isprintable()


CLOSES = {
    "1000": (b"\x88\x02\x03\xe8", "code 1000"),
    "1001": (b"\x88\x02\x03\xe9", "code 1001"),
    "1008": (b"\x88\x08\x03\xf0policy", 'code 1008 "policy"'),
    "1011": (b"\x88\x02\x03\xf3", "code 1011"),
    "4001": (b"\x88\x02\x0f\xa1", "code 4001"),
    "no code": (b"\x88\x00", "no code"),
    "no frame": (b"", "without a close frame"),
}


@pytest.mark.parametrize(  # without a close frame, a session of a server that stays open does not end
    ("close", "stay_open"),
    [(close, stay_open) for close in CLOSES for stay_open in (False, True) if CLOSES[close][0] or not stay_open],
)
async def test_message_counts_if_a_close_frame_is_in_the_same_segment(close: str, stay_open: bool) -> None:
    """The handshake response, a message and the close frame arrive together."""
    frame, close_name = CLOSES[close]
    message_keys = {"send": "hello", "expect": "^ok$"}
    async with serve_tcp(accept_upgrade(b"\x81\x02ok" + frame, stay_open=stay_open)) as port:
        probe_attempt = await attempt({"websocket": f"ws://127.0.0.1:{port}/", **message_keys})
        other = await attempt({"websocket": f"ws://127.0.0.1:{port}/", **message_keys, "expect": "^never$"})
        bare = await attempt({"websocket": f"ws://127.0.0.1:{port}/"})
    async with serve_tcp(accept_upgrade(frame, stay_open=stay_open)) as port:
        nothing_said = await attempt({"websocket": f"ws://127.0.0.1:{port}/", **message_keys})
    assert (probe_attempt.result.outcome, probe_attempt.result.reason) == (Outcome.GOOD, ""), (
        probe_attempt.result.detail
    )
    assert (bare.result.outcome, bare.result.reason) == (Outcome.GOOD, ""), "the handshake is all that is asked"
    assert (other.result.outcome, other.result.reason) == (Outcome.BAD, "answer_mismatch")
    assert (nothing_said.result.outcome, nothing_said.result.reason) == (Outcome.BAD, "hung_up")
    assert close_name in other.result.detail
    assert close_name in nothing_said.result.detail


async def test_unsent_message_does_not_count_as_sent() -> None:
    async with serve_tcp(accept_upgrade(CLOSES["1008"][0])) as port:
        result = (await attempt({"websocket": f"ws://127.0.0.1:{port}/", "send": "hello"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "hung_up")
    assert "code 1008" in result.detail
