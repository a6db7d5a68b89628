"""What every answer carries, and what is refused before it costs anything."""

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
from monitor.web import connection_limit
from monitor.web.server import is_loopback
from tests.monitor.web.conftest import small_ledger

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer

EVERYWHERE = [
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


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_carries_the_headers(site: RunningServer, path: str) -> None:
    answer = await site.get(path)
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Server"] == "ninewatch"
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_only_get_and_head_are_answered(site: RunningServer, path: str, method: str) -> None:
    answer = await site.get(path, method, headers={"X-HTTP-Method-Override": "GET"})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_head_has_the_status_and_the_type_of_get_and_no_body(site: RunningServer, path: str) -> None:
    get, head = await site.get(path), await site.get(path, "HEAD")
    assert (head.status, head.headers["Content-Type"], head.text) == (get.status, get.headers["Content-Type"], "")


async def test_a_body_is_refused_and_its_connection_closed(site: RunningServer) -> None:
    answer = await site.get("/api/v1/products", data=b"x" * 100_000)
    assert (answer.status, answer.headers["Connection"]) == (413, "close")


@pytest.mark.parametrize(
    "path", ["/static/..%2f..%2fpyproject.toml", "/static/%2e%2e/server.py", "//evil.test/", "/static/"]
)
async def test_no_path_leaves_what_is_published(site: RunningServer, path: str) -> None:
    async with site.session.get(URL(site.base + path, encoded=True)) as answer:
        assert (answer.status, "Location" in answer.headers) == (404, False)


async def test_a_page_that_is_not_there_says_where_to_start_in_its_readers_form(site: RunningServer) -> None:
    page = await site.get("/products/<b>", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<b>" not in page.text
    api = await site.get("/api/v1/nothing")
    assert (api.status, set(await api.json())) == (404, {"error", "remedy"})
    plain = await site.get("/nothing", headers={"Accept": "text/plain"})
    assert plain.text == "no page at /nothing; start at / or at /api/v1/products\n"


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("LOCALHOST.:1", 200), ("[::1]:9999", 200), ("127.0.0.1", 200), ("evil.test", 421)],
)
async def test_on_loopback_only_loopback_names_are_answered(site: RunningServer, host: str, status: int) -> None:
    """A page elsewhere may point its own name at 127.0.0.1 and let the reader's browser ask us."""
    answer = await site.get("/api/v1/products", headers={"Host": host})
    assert answer.status == status


async def test_behind_any_other_address_every_name_is_answered(publish: object) -> None:
    ledger = small_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"listen": HostPort("0.0.0.0", 9999)})
    site = await publish(ledger)
    assert (await site.get("/livez", headers={"Host": "status.example.test"})).status == 200


def test_names_that_only_look_like_loopback_are_not() -> None:
    assert not any(map(is_loopback, ["127.0.0.1.evil.test", "localhost.evil.test", "", "[::2]", "0.0.0.0"]))


async def test_a_connection_beyond_the_limit_takes_the_place_of_the_oldest_idle_one(
    publish: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Descriptors belong to the probes: idle connections may not use them up, nor keep a local client out."""
    monkeypatch.setattr(connection_limit, "CONNECTIONS", 2)
    where = urlsplit((await publish(small_ledger())).base)
    held = [await _asking(where) for _ in range(3)]
    assert await _rest(held[0][0]) == b""
    for _, writer in held[1:]:
        writer.write(LIVEZ)
    assert [(await reader.readline()).startswith(b"HTTP/1.1 200") for reader, _ in held[1:]] == [True, True]
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize("sent", [b"GET /livez HTTP/1.1\r\nHost: loc", b"", b"POST /nothing HTTP/1.1\r\nContent-Le"])
async def test_half_sent_requests_from_this_machine_do_not_shut_livez_out(publish: object, sent: bytes) -> None:
    where = urlsplit((await publish(small_ledger())).base)
    held = []
    for _ in range(500):
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(sent)
        held.append((reader, writer))
    for _ in range(3):
        reader, writer = await _asking(where)
        writer.close()
    for _, writer in held:
        writer.close()


LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def _asking(where: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a new connection whose first request was answered in full."""
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(LIVEZ)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    return reader, writer


def test_a_connection_that_is_being_answered_is_the_last_to_be_closed() -> None:
    busy, idle, other = (SimpleNamespace(answering=each) for each in (True, False, False))
    assert connection_limit.least_useful([busy, idle, other]) is idle
    assert connection_limit.least_useful([busy, busy]) is busy


def test_no_caller_from_elsewhere_shuts_others_out() -> None:
    near, far, other = map(ip_address, ("127.0.0.1", "192.0.2.1", "192.0.2.2"))
    assert connection_limit.may_connect([far] * (connection_limit.PER_CLIENT - 1), far)
    assert not connection_limit.may_connect([far] * connection_limit.PER_CLIENT, far)
    assert connection_limit.may_connect([far] * connection_limit.PER_CLIENT, other)
    crowd = [ip_address(f"198.51.100.{n}") for n in range(connection_limit.CONNECTIONS - connection_limit.RESERVE)]
    assert not connection_limit.may_connect(crowd, far)
    assert connection_limit.may_connect(crowd, near)
    assert connection_limit.may_connect([near] * (connection_limit.CONNECTIONS - 1), near)
    assert not connection_limit.may_connect([near] * connection_limit.CONNECTIONS, near)
    net = [ip_address(f"2001:db8::{n:x}") for n in range(connection_limit.PER_CLIENT)]
    assert not connection_limit.may_connect(net, ip_address("2001:db8::ffff"))
    assert connection_limit.may_connect(net, ip_address("2001:db8:0:1::1"))


@pytest.mark.parametrize(
    ("files", "most"), [(resource.RLIM_INFINITY, 256), (65_536, 256), (1_024, 256), (256, 64), (64, 16), (5, 8)]
)
def test_connections_take_no_more_than_a_quarter_of_the_file_descriptors(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    near, far = map(ip_address, ("127.0.0.1", "192.0.2.1"))
    assert connection_limit.may_connect([near] * (most - 1), near)
    assert not connection_limit.may_connect([near] * most, near)
    assert connection_limit.may_connect([near] * (most * 3 // 4 - 1), far)
    assert not connection_limit.may_connect([near] * (most * 3 // 4), far)


async def test_a_caller_from_elsewhere_has_his_share_of_connections(
    publish: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that are never sent whole hold a connection each. Here, everybody comes from elsewhere."""
    monkeypatch.setattr(connection_limit, "address_of", lambda _: ip_address("192.0.2.1"))
    monkeypatch.setattr(connection_limit, "PER_CLIENT", 1)
    where = urlsplit((await publish(small_ledger())).base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
    other, second = await asyncio.open_connection(where.hostname, where.port)
    assert await asyncio.wait_for(_rest(other), 10) == b""
    writer.write(b"\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    for each in (writer, second):
        each.close()


async def test_headers_that_never_end_are_cut_off(publish: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limit, "HEADER_SECONDS", 0.05)
    site = await publish(small_ledger())
    where = urlsplit(site.base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_a_header_longer_than_any_reader_sends_is_refused(site: RunningServer) -> None:
    answer = await site.get("/", headers={"X-Long": "x" * 20_000})
    assert (answer.status, answer.headers["Content-Security-Policy"]) == (400, CSP)


@pytest.mark.parametrize(
    "said",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX Y: z\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_what_is_no_request_writes_nothing_into_the_log(
    site: RunningServer, caplog: pytest.LogCaptureFixture, said: bytes
) -> None:
    where = urlsplit(site.base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    with caplog.at_level("INFO"):
        writer.write(said)
        heard = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert heard.startswith(b"HTTP/1.0 400 ")
    assert CSP.encode() in heard
    assert b"lines and headers are limited to" in heard
    assert caplog.records == []


async def test_static_files_are_kept_for_a_year_under_a_name_that_changes_with_them(site: RunningServer) -> None:
    page = (await site.get("/")).text
    for ending, media in ((".css", "text/css"), (".js", "text/javascript"), (".svg", "image/svg+xml")):
        name = next(part for part in page.split('"') if part.startswith("/static/") and part.endswith(ending))
        answer = await site.get(name)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == f"{media}; charset=utf-8"
    assert (await site.get("/static/ninewatch.css")).status == 404


async def test_a_fault_of_ours_is_told_without_its_insides(site: RunningServer) -> None:
    site.ledger.compositions.clear()
    answer = await site.get("/api/v1/products")
    assert answer.status == 500
    assert await answer.json() == {"error": "internal error", "remedy": "see the daemon's log"}


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """Return what still comes; an abortive close may show as a reset."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
