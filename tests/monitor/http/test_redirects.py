"""Redirects: followed only as configured, and without credentials for another origin."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.http.request import request_of
from sla.observation import Outcome
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, read_request, respond_with, serve_tcp


async def test_redirect_is_followed_and_the_last_response_is_checked() -> None:
    async with (
        serve_tcp(respond_with(http_response(b"arrived"))) as target_port,
        serve_tcp(
            respond_with(http_response(status="301 Moved", Location=f"http://127.0.0.1:{target_port}/"))
        ) as redirecting_port,
    ):
        url = {"http": f"http://127.0.0.1:{redirecting_port}/", "expect": {"contains": "arrived"}}
        assert (await attempt({**url, "redirects": 1})).result.outcome is Outcome.GOOD
        assert (await attempt(url)).result.reason == "http_status"


@pytest.mark.parametrize(
    ("location", "expected_request"),
    [
        ("/ü b?q=ö".encode(), b"GET /%C3%BC%20b?q=%C3%B6 "),
        ("/ü".encode("latin-1"), b"GET /%FC "),
        (b"/%C3%BC", b"GET /%C3%BC "),
        ("http://bücher.localhost:PORT/".encode(), b"GET / HTTP/1.1\r\nHost: xn--bcher-kva.localhost:PORT\r\n"),
    ],
)
async def test_non_ascii_location_is_read_as_utf_8(location: bytes, expected_request: bytes) -> None:
    requests: list[bytes] = []

    async def target(reader: Any, writer: Any) -> None:
        requests.append(await read_request(reader))
        redirect_location = location.replace(b"PORT", str(port).encode())
        head = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % redirect_location
        writer.write(head if len(requests) == 1 else http_response())
        await writer.drain()

    async with serve_tcp(target) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 1})).result
    assert result.outcome is Outcome.GOOD, result.detail
    assert requests[1].startswith(expected_request.replace(b"PORT", str(port).encode()))


@pytest.mark.fault(35)
async def test_redirect_loop_ends_at_the_limit() -> None:
    async with serve_tcp(respond_with(http_response(status="302 Found", Location="/again"))) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 5})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, "redirect_limit", 302)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://[::1", "javascript:1", "http://b\u00fccher..example/"],
)
@pytest.mark.fault(35)
async def test_redirect_to_unsupported_scheme_or_invalid_url_is_rejected(location: str) -> None:
    async with serve_tcp(respond_with(http_response(status="302 Found", Location=location))) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 5})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "redirect_refused")


@pytest.mark.parametrize(
    ("status", "target_origin", "reason"),
    [
        ("307 Moved", "another", "redirect_refused"),
        ("308 Moved", "another", "redirect_refused"),
        ("303 See", "another", ""),
        ("302 Found", "another", ""),
        ("307 Moved", "the same", ""),
    ],
)
async def test_secret_body_is_not_sent_to_another_origin(
    status: str, target_origin: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_SECRET", "s3cret")
    requests: list[bytes] = []

    async def target(reader: Any, writer: Any) -> None:
        requests.append(await read_request(reader))
        if b"Content-Length: 6\r\n" in requests[-1]:
            requests[-1] += await reader.readexactly(6)
        other = target_origin == "another" or len(requests) == 1
        to = f"http://127.0.0.1:{target_port}/" if target_origin == "another" else "/next"
        writer.write(http_response(status=status, Location=to) if other else http_response())
        await writer.drain()

    arrived: list[bytes] = []

    async def another(reader: Any, writer: Any) -> None:
        arrived.append(await read_request(reader))
        writer.write(http_response())
        await writer.drain()

    async with serve_tcp(another) as target_port, serve_tcp(target) as redirecting_port:
        check = {"http": f"http://127.0.0.1:{redirecting_port}/", "method": "POST", "body": {"env": "PROBE_SECRET"}}
        result = (await attempt({**check, "redirects": 1})).result
    assert result.reason == reason, result.detail
    assert [request.endswith(b"s3cret") for request in requests] == [True] * (1 if target_origin == "another" else 2)
    assert arrived == [] or arrived[0].startswith(b"GET ")


async def test_configured_host_header_is_sent_to_its_origin_only() -> None:
    requests: list[bytes] = []

    async def target(reader: Any, writer: Any) -> None:
        requests.append(await read_request(reader))
        to = "/next" if len(requests) == 1 else f"http://localhost:{port}/"
        writer.write(http_response(status="302 Found", Location=to) if len(requests) < 3 else http_response())
        await writer.drain()

    async with serve_tcp(target) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "redirects": 2, "headers": {"host": "shop.example.test"}}
        assert (await attempt(check)).result.outcome is Outcome.GOOD
        hosts = [request.partition(b"Host: ")[2].partition(b"\r\n")[0].decode() for request in requests]
    assert hosts == ["shop.example.test", "shop.example.test", f"localhost:{port}"]


@pytest.mark.fault(35)
async def test_credentials_are_not_sent_to_another_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_SECRET", "s3cret")
    requests: list[bytes] = []

    async def target(reader: Any, writer: Any) -> None:
        requests.append(await read_request(reader))
        writer.write(http_response())
        await writer.drain()

    async with (
        serve_tcp(target) as other,
        serve_tcp(
            respond_with(http_response(status="307 Moved", Location=f"http://127.0.0.1:{other}/"))
        ) as redirecting_port,
    ):
        secret = {"env": "PROBE_SECRET"}
        options = {"cookies": {"session": secret}, "headers": {"X-Api-Key": secret, "X-Secret": secret, "X-Trace": "7"}}
        check = {"http": f"http://127.0.0.1:{redirecting_port}/", "redirects": 1, "bearer": secret, **options}
        assert (await attempt(check)).result.outcome is Outcome.GOOD
    assert len(requests) == 1
    assert b"s3cret" not in requests[0]
    assert b"\r\nX-Trace: 7\r\n" in requests[0]


@pytest.mark.parametrize(
    ("first", "location", "sent"),
    [
        ("http://a.test/", "https://a.test/in", True),
        ("http://a.test/", "https://b.test/in", False),
        ("http://a.test:8080/", "https://a.test/in", False),
        ("https://a.test/", "http://a.test/in", False),
    ],
)
def test_credentials_are_sent_only_to_https_of_the_same_host_on_default_ports(
    first: str, location: str, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_SECRET", "s3cret")
    request = request_of(load_check({"http": first, "redirects": 1, "bearer": {"env": "PROBE_SECRET"}}))
    assert (b"s3cret" in request.redirected(301, location).data) is sent
