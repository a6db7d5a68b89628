"""The http kind with real listeners: the request, the conditions for good, and the reason of each failure."""

from __future__ import annotations

import base64
import json
import socket
from typing import Any

import pytest

from monitor.config.model import JsonPath
from sla.observation import Outcome
from tests.support.http2_server import serve_response
from tests.support.probing import attempt
from tests.support.servers import http_response, read_request, repeat_piece, respond_with, send_nothing, serve_tcp

JSON = {"Content_Type": "application/json; charset=utf-8"}
READY = http_response(b'{"ready": true, "checks": [{"up": 1}]}', **JSON)


OVER_2 = [(":status", "200"), ("content-type", "application/json; charset=utf-8")]
VERSIONS = {"1.1": respond_with(READY), "2": serve_response(OVER_2, READY.partition(b"\r\n\r\n")[2])}


async def result_of(reply: bytes, seconds: float = 5.0, **options: Any) -> Any:
    async with serve_tcp(respond_with(reply)) as port:
        return (await attempt({"http": f"http://127.0.0.1:{port}/x?q=1", **options}, seconds)).result


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"status": [200, "3xx"]},
        {"header": {"content-type": "application/json"}},
        {"contains": '"ready"'},
        {"matches": r'"ready":\s*true'},
        {"json": {"$.ready": True, "$.checks[0].up": 1}},
    ],
)
@pytest.mark.parametrize("protocol", VERSIONS)
async def test_expected_response_is_good(protocol: str, expect: dict[str, Any]) -> None:
    async with serve_tcp(VERSIONS[protocol]) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "protocol": protocol, "expect": expect})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.GOOD, "", 200)


@pytest.mark.parametrize(
    ("expect", "reason", "detail"),
    [
        ({"status": 204}, "http_status", "status 200, expected 204"),
        ({"header": {"Content-Type": "text/html"}}, "header_mismatch", 'expected "text/html"'),
        ({"header": {"X-Absent": "1"}}, "header_mismatch", "no header X-Absent"),
        ({"contains": "maintenance"}, "body_mismatch", 'does not contain "maintenance"'),
        ({"matches": "^ready$"}, "body_mismatch", "does not match"),
        ({"json": {"$.ready": False}}, "body_mismatch", "$['ready'] is true, expected false"),
        ({"json": {"$.ready": 1}}, "body_mismatch", "$['ready'] is true, expected 1"),
        ({"json": {"$.missing": 1}}, "body_mismatch", "$.missing is missing"),
    ],
)
@pytest.mark.parametrize("protocol", VERSIONS)
async def test_unexpected_response_is_bad_with_the_difference(
    protocol: str, expect: dict[str, Any], reason: str, detail: str
) -> None:
    async with serve_tcp(VERSIONS[protocol]) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "protocol": protocol, "expect": expect})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, reason, 200)
    assert detail in result.detail


@pytest.mark.parametrize(
    ("connections", "detail"),
    [
        (
            {"dataConnection": True, "eventStreamService": False},
            "$['connections']['eventStreamService']['connected'] is false, expected true",
        ),
        (
            {"a": False, "b c": False, "d": False, "e": False},
            "$['connections']['a']['connected'] is false, $['connections']['b c']['connected'] is false, "
            "$['connections']['d']['connected'] is false and 1 more, expected true",
        ),
        ({}, "$.connections.*.connected is missing, expected true"),
    ],
)
async def test_detail_lists_unexpected_json_values_by_normalized_path(
    connections: dict[str, bool], detail: str
) -> None:
    """See RFC 9535, section 2.7. Expected values are omitted."""
    body = json.dumps({"connections": {name: {"connected": up} for name, up in connections.items()}})
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    result = await result_of(answer, expect={"json": {"$.connections.*.connected": True}})
    assert (result.outcome, result.reason, result.detail) == (Outcome.BAD, "body_mismatch", detail)


async def test_page_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    real = JsonPath.nodes

    def nodes(path: JsonPath, document: Any) -> list[Any]:
        searched.append(path.text)
        return real(path, document)

    monkeypatch.setattr(JsonPath, "nodes", nodes)
    result = await result_of(READY, expect={"json": {"$.checks": {"length": 1}, "$.ready": False, "$.more": 1}})
    assert result.detail == "$['ready'] is true, expected false"
    assert searched == ["$.checks", "$.ready"]


@pytest.mark.parametrize(
    ("reply", "reason", "status"),
    [
        (http_response(status="503 Service Unavailable"), "http_status", 503),
        (http_response(status="302 Found", Location="/app/?r=x"), "http_status", 302),
        (b"", "empty_response", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "truncated_response", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "truncated_response", 200),
        (b"HTTP/1.1 0 e3q8\r\n\r\n", "malformed_response", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed_response", None),
        (b"\x00\xff\xfe garbage \x00", "malformed_response", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "malformed_response", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", "malformed_response", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + READY, "malformed_response", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "headers_too_large", None),
    ],
)
async def test_every_failure_is_bad_with_its_reason(reply: bytes, reason: str, status: int | None) -> None:
    result = await result_of(reply)
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, reason, status)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nuntil\r\n8\r\n the end\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http_response(b"until the end"),
    ],
)
async def test_body_with_every_framing_is_read_completely(reply: bytes) -> None:
    assert (await result_of(reply, expect={"matches": "^until the end$"})).outcome is Outcome.GOOD


@pytest.mark.fault(34)
async def test_endless_body_ends_at_the_limit() -> None:
    opening = b"HTTP/1.1 200 OK\r\n\r\n"
    async with serve_tcp(repeat_piece(b"x" * 65_536, opening)) as port:
        url = {"http": f"http://127.0.0.1:{port}/", "body_limit": 300_000}
        assert (await attempt(url)).result.outcome is Outcome.GOOD
        result = (await attempt({**url, "expect": {"contains": "needle"}})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "body_too_large")


@pytest.mark.fault(33)
async def test_endless_headers_end_at_the_limit() -> None:
    async with serve_tcp(repeat_piece(b"X-More: and more\r\n" * 100, b"HTTP/1.1 200 OK\r\n")) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "headers_too_large")


async def test_body_with_a_wrong_content_encoding_is_malformed() -> None:
    """Undecoded bytes are not searched."""
    packed = b"\x1f\x8b\x08" + b"\x00" * 1000
    result = await result_of(http_response(packed, Content_Encoding="gzip"), expect={"contains": "x"})
    assert (result.outcome, result.reason) == (Outcome.BAD, "compression_malformed")


@pytest.mark.fault(33)
async def test_slow_bytes_do_not_extend_the_deadline() -> None:
    async def drip(reader: Any, writer: Any) -> None:
        await read_request(reader)
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: ":
            writer.write(bytes([byte]))
            await writer.drain()
        await reader.read()

    async with serve_tcp(drip) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/"}, 0.2)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "deadline")


async def test_silent_target_fails_at_the_deadline_with_its_phase() -> None:
    async with serve_tcp(send_nothing) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/"}, 0.1)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "deadline")
    assert "first_byte" in result.detail


async def test_closed_port_is_connect_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = (await attempt({"http": f"http://127.0.0.1:{port}/"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_refused")


async def sent_request(**options: Any) -> bytes:
    """Return the request that the target received."""
    received = b""

    async def handler(reader: Any, writer: Any) -> None:
        nonlocal received
        received = await read_request(reader)
        if b"Content-Length" in received:
            received += await reader.readexactly(4)
        writer.write(http_response())
        await writer.drain()

    async with serve_tcp(handler) as port:
        await attempt({"http": f"http://127.0.0.1:{port}/path?key=1", **options})
    return received


async def test_request_contains_the_configured_values() -> None:
    content = await sent_request(method="POST", body="a=b&", headers={"X-Trace": "1", "accept": "text/html"})
    assert content.startswith(b"POST /path?key=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Trace: 1\r\n" in content
    assert b"\r\nAccept: text/html\r\n" in content
    assert b"\r\nAccept-Encoding: identity\r\n" in content
    assert content.endswith(b"\r\nContent-Length: 4\r\n\r\na=b&")


async def test_credentials_come_from_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_SECRET", "s3cret")
    expected = base64.b64encode(b"ann:s3cret")
    assert b"Authorization: Basic " + expected in await sent_request(
        basic={"user": "ann", "password": {"env": "PROBE_SECRET"}}
    )
    assert b"Authorization: Bearer s3cret\r\n" in await sent_request(bearer={"env": "PROBE_SECRET"})


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await sent_request()).startswith(b"GET /path?key=1 ")


async def test_head_request_reads_no_body() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    assert (await result_of(reply, method="HEAD")).outcome is Outcome.GOOD


async def test_phases_are_timed_and_add_up_to_at_most_the_total() -> None:
    async with serve_tcp(respond_with(READY)) as port:
        probe_attempt = await attempt({"http": f"http://localhost:{port}/"})
    assert set(probe_attempt.result.phases) == {"resolve", "connect", "first_byte", "transfer"}
    assert sum(probe_attempt.result.phases.values()) <= probe_attempt.duration


async def test_resolve_to_keeps_the_host_header() -> None:
    received = b""

    async def handler(reader: Any, writer: Any) -> None:
        nonlocal received
        received = await read_request(reader)
        writer.write(http_response())
        await writer.drain()

    async with serve_tcp(handler) as port:
        probe_attempt = await attempt({"http": f"http://loginproxy.example:{port}/", "resolve_to": "127.0.0.1"})
    assert probe_attempt.result.outcome is Outcome.GOOD
    assert f"Host: loginproxy.example:{port}\r\n".encode() in received
