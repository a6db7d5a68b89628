"""Headers of every response, and requests that are rejected early."""

from __future__ import annotations

import asyncio
import resource
from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import pytest
from yarl import URL

from monitor.config.model import HostPort
from monitor.web import connection_limit, server_timeouts
from monitor.web import server as server_module
from monitor.web.server import is_loopback
from tests.monitor.web.conftest import small_ledger

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer

PATHS = [
    "/",
    "/products/chefs",
    "/products/nobody",
    "/api/v1/products",
    "/metrics",
    "/livez",
    "/readyz",
    "/nothing",
]
CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_has_the_security_headers(server: RunningServer, path: str) -> None:
    response = await server.get(path)
    expected = CSP.replace("form-action 'none'", "form-action 'self'") if path == "/" else CSP  # it has a search form
    assert response.headers["Content-Security-Policy"] == expected
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Server"] == "ninewatch"
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_other_methods_than_get_and_head_are_rejected(server: RunningServer, path: str, method: str) -> None:
    response = await server.get(path, method, headers={"X-HTTP-Method-Override": "GET"})
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", PATHS)
async def test_head_returns_the_status_and_type_of_get_without_a_body(server: RunningServer, path: str) -> None:
    get, head = await server.get(path), await server.get(path, "HEAD")
    assert (head.status, head.headers["Content-Type"], head.text) == (get.status, get.headers["Content-Type"], "")


async def test_body_is_rejected_and_the_connection_closed(server: RunningServer) -> None:
    response = await server.get("/api/v1/products", data=b"x" * 100_000)
    assert (response.status, response.headers["Connection"]) == (413, "close")


async def test_refusal_that_is_a_constant_keeps_no_request_in_memory(server: RunningServer) -> None:
    for _ in range(2):
        assert (await server.get("/api/v1/products", data=b"x")).status == 413
    assert server_module._BODY.__traceback__ is None


@pytest.mark.parametrize(
    "path", ["/static/..%2f..%2fpyproject.toml", "/static/%2e%2e/server.py", "//evil.test/", "/static/"]
)
@pytest.mark.fault(49)
async def test_path_traversal_is_not_found(server: RunningServer, path: str) -> None:
    async with server.session.get(URL(server.base + path, encoded=True)) as response:
        assert (response.status, "Location" in response.headers) == (404, False)


async def test_missing_page_gives_a_404_in_the_accepted_format(server: RunningServer) -> None:
    page = await server.get("/products/<b>", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<b>" not in page.text
    api = await server.get("/api/v1/nothing")
    assert (api.status, set(await api.json())) == (404, {"error", "remedy"})
    text_page = await server.get("/nothing", headers={"Accept": "text/plain"})
    assert text_page.text == "no page at /nothing; start at / or at /api/v1/products\n"


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("LOCALHOST.:1", 200), ("[::1]:9999", 200), ("127.0.0.1", 200), ("evil.test", 421)],
)
async def test_loopback_server_accepts_loopback_host_names_only(server: RunningServer, host: str, status: int) -> None:
    """This prevents DNS rebinding: a foreign page can point its own name at 127.0.0.1."""
    response = await server.get("/api/v1/products", headers={"Host": host})
    assert response.status == status


async def test_server_on_another_address_accepts_every_host_name(publish: object) -> None:
    ledger = small_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"listen": HostPort("0.0.0.0", 9999)})
    server = await publish(ledger)
    assert (await server.get("/livez", headers={"Host": "status.example.test"})).status == 200


def test_names_that_resemble_loopback_names_are_not_loopback() -> None:
    assert not any(map(is_loopback, ["127.0.0.1.evil.test", "localhost.evil.test", "", "[::2]", "0.0.0.0"]))


async def test_connection_over_the_limit_replaces_the_oldest_idle_one(
    publish: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File descriptors are reserved for probes. Idle connections must neither use them up nor block a local client."""
    monkeypatch.setattr(connection_limit, "CONNECTIONS", 2)
    url = urlsplit((await publish(small_ledger())).base)
    connections = [await _answered_connection(url) for _ in range(3)]
    assert await _read_rest(connections[0][0]) == b""
    for _, writer in connections[1:]:
        writer.write(LIVEZ)
    assert [(await reader.readline()).startswith(b"HTTP/1.1 200") for reader, _ in connections[1:]] == [True, True]
    for _, writer in connections:
        writer.close()


@pytest.mark.parametrize("sent", [b"GET /livez HTTP/1.1\r\nHost: loc", b"", b"POST /nothing HTTP/1.1\r\nContent-Le"])
@pytest.mark.fault(49)
async def test_incomplete_local_requests_do_not_block_livez(publish: object, sent: bytes) -> None:
    url = urlsplit((await publish(small_ledger())).base)
    connections = []
    for _ in range(500):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(sent)
        connections.append((reader, writer))
    for _ in range(3):
        reader, writer = await _answered_connection(url)
        writer.close()
    for _, writer in connections:
        writer.close()


LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def _answered_connection(url: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a new connection whose first request was answered completely."""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(LIVEZ)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    return reader, writer


def test_busy_connection_is_closed_last() -> None:
    busy, idle, other = (SimpleNamespace(answering=answering) for answering in (True, False, False))
    assert connection_limit.connection_to_close([busy, idle, other]) is idle
    assert connection_limit.connection_to_close([busy, busy]) is busy


@pytest.mark.fault(49)
def test_remote_client_cannot_block_other_clients() -> None:
    local_address, remote_address, other = map(ip_address, ("127.0.0.1", "192.0.2.1", "192.0.2.2"))
    assert connection_limit.may_connect([remote_address] * (connection_limit.PER_CLIENT - 1), remote_address)
    assert not connection_limit.may_connect([remote_address] * connection_limit.PER_CLIENT, remote_address)
    assert connection_limit.may_connect([remote_address] * connection_limit.PER_CLIENT, other)
    limit = connection_limit.capacity()
    many_addresses = [
        ip_address(f"198.18.{n // 256}.{n % 256}") for n in range(limit - connection_limit.RESERVED_FOR_LOOPBACK)
    ]
    assert not connection_limit.may_connect(many_addresses, remote_address)
    assert connection_limit.may_connect(many_addresses, local_address)
    assert connection_limit.may_connect([local_address] * (limit - 1), local_address)
    assert not connection_limit.may_connect([local_address] * limit, local_address)
    network_addresses = [ip_address(f"2001:db8::{n:x}") for n in range(connection_limit.PER_CLIENT)]
    assert not connection_limit.may_connect(network_addresses, ip_address("2001:db8::ffff"))
    assert connection_limit.may_connect(network_addresses, ip_address("2001:db8:0:1::1"))


@pytest.mark.parametrize(
    ("files", "expected_limit"),
    [(resource.RLIM_INFINITY, 512), (65_536, 512), (1_024, 256), (256, 64), (64, 16), (5, 8)],
)
def test_connections_use_at_most_a_quarter_of_the_file_descriptors(
    monkeypatch: pytest.MonkeyPatch, files: int, expected_limit: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    local_address, remote_address = map(ip_address, ("127.0.0.1", "192.0.2.1"))
    assert connection_limit.may_connect([local_address] * (expected_limit - 1), local_address)
    assert not connection_limit.may_connect([local_address] * expected_limit, local_address)
    assert connection_limit.may_connect([local_address] * (expected_limit * 3 // 4 - 1), remote_address)
    assert not connection_limit.may_connect([local_address] * (expected_limit * 3 // 4), remote_address)


async def test_remote_client_is_limited_to_its_share_of_connections(
    publish: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An incomplete request holds a connection. In this test, every client counts as remote."""
    monkeypatch.setattr(connection_limit, "address_of", lambda _: ip_address("192.0.2.1"))
    monkeypatch.setattr(connection_limit, "PER_CLIENT", 1)
    url = urlsplit((await publish(small_ledger())).base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
    other, second = await asyncio.open_connection(url.hostname, url.port)
    assert await asyncio.wait_for(_read_rest(other), 10) == b""
    writer.write(b"\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    for connection in (writer, second):
        connection.close()


async def test_endless_headers_are_cut_off(publish: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_timeouts, "KEEP_ALIVE_TIMEOUT", 0.05)
    server = await publish(small_ledger())
    url = urlsplit(server.base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_overlong_header_is_rejected(server: RunningServer) -> None:
    response = await server.get("/", headers={"X-Long": "x" * 20_000})
    assert (response.status, response.headers["Content-Security-Policy"]) == (400, CSP)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX Y: z\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_malformed_request_is_not_logged(
    server: RunningServer, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    url = urlsplit(server.base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    with caplog.at_level("INFO"):
        writer.write(request_bytes)
        response = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert response.startswith(b"HTTP/1.0 400 ")
    assert CSP.encode() in response
    assert b"lines and headers are limited to" in response
    assert caplog.records == []


async def test_static_files_are_cached_for_a_year_under_a_name_with_a_digest(server: RunningServer) -> None:
    page = (await server.get("/")).text
    for ending, media in ((".css", "text/css"), (".js", "text/javascript"), (".svg", "image/svg+xml")):
        name = next(part for part in page.split('"') if part.startswith("/static/") and part.endswith(ending))
        response = await server.get(name)
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Type"] == f"{media}; charset=utf-8"
    assert (await server.get("/static/ninewatch.css")).status == 404


async def test_internal_error_is_reported_without_details(server: RunningServer) -> None:
    server.ledger.compositions.clear()
    response = await server.get("/api/v1/products")
    assert response.status == 500
    assert await response.json() == {"error": "internal error", "remedy": "see the daemon's log"}


async def _read_rest(reader: asyncio.StreamReader) -> bytes:
    """Return the remaining bytes. An aborted connection may raise a reset."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
