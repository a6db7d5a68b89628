"""Faulty targets of the `http` kind: malformed, inconsistent, slow, huge, and some unusual but good ones."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from tests.support.addresses import closed_port
from tests.support.faulty_targets.behaviour import (
    answer_and_stay_open,
    answer_with,
    read_and_close,
    reset_after,
    send_endlessly,
    send_slowly,
)
from tests.support.faulty_targets.faulty_target import (
    AMPLE,
    BAD,
    GOOD,
    SHORT,
    FaultyTarget,
    ServeTarget,
    TargetAuthority,
    listener,
)
from tests.support.line_servers import send_on_connect
from tests.support.servers import http_response, send_nothing

if TYPE_CHECKING:
    from sla.observation import Outcome
    from tests.support.servers import Handler

OPENING = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OPENING + b"Transfer-Encoding: chunked\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
MALFORMED, STATUS = "malformed_response", "http_status"
FILLER = b"x" * 65_536


def _build_target(
    name: str, handler: Handler | ServeTarget, reason: str, outcome: Outcome = BAD, **options: Any
) -> FaultyTarget:
    """Return a faulty target whose body never has the expected text. `options` are further keys of the check."""
    seconds = options.pop("seconds", AMPLE)
    serve_target = options.pop("serve_target", None) or listener(handler)  # type: ignore[arg-type]
    check = {"http": "http://127.0.0.1:<port>/", "redirects": 5, "expect": {"contains": "never this"}, **options}
    return FaultyTarget(f"http-{name}", serve_target, check, reason, outcome, seconds)


def _unresponsive(name: str, handler: Handler, reason: str = "deadline") -> FaultyTarget:
    return _build_target(name, handler, reason, seconds=SHORT)


def _good(name: str, handler: Handler, **options: Any) -> FaultyTarget:
    return _build_target(name, handler, "", GOOD, **{"expect": {"contains": "ok"}, **options})


def slow() -> Iterator[FaultyTarget]:
    """Yield servers that send single bytes endlessly."""
    yield _unresponsive("silent", send_nothing)
    yield _unresponsive("slow-status", send_slowly(b"x", b"HT"), "malformed_response")
    yield _unresponsive("slow-reason", send_slowly(b"x", b"HTTP/1.1 200 "))
    yield _unresponsive("slow-header", send_slowly(b"x", OPENING + b"X-Slow: "))
    yield _unresponsive("slow-headers", send_slowly(b"A: b\r\n", OPENING))
    yield _unresponsive("slow-body", send_slowly(b"x", OPENING + b"Content-Length: 1000000\r\n\r\n"))
    yield _unresponsive("slow-endless-body", send_slowly(b"x", OPENING + b"\r\n"))
    yield _unresponsive("slow-chunks", send_slowly(b"x", CHUNKED + b"ffffff\r\n"))
    yield _unresponsive("slow-trailers", send_slowly(b"A: b\r\n", CHUNKED + b"0\r\n"))
    yield _unresponsive("interim-response-only", answer_and_stay_open(b"HTTP/1.1 100 Continue\r\n\r\n"))
    yield _unresponsive("headers-then-silence", answer_and_stay_open(OPENING + b"Content-Length: 2\r\n\r\n"))
    yield _unresponsive("no-length-stays-open", answer_and_stay_open(OPENING + b"\r\nok"))


def endless() -> Iterator[FaultyTarget]:
    """Yield servers that send data endlessly at full speed."""
    yield _build_target("endless-body", send_endlessly(FILLER, OPENING + b"\r\n", after_request=True), "body_too_large")
    yield _build_target(
        "endless-chunks", send_endlessly(b"1\r\nx\r\n" * 10_000, CHUNKED, after_request=True), "body_too_large"
    )
    yield _build_target(
        "endless-extension", send_endlessly(FILLER, CHUNKED + b"5;", after_request=True), "malformed_response"
    )
    yield _build_target(
        "endless-trailers",
        send_endlessly(b"A: b\r\n" * 3_000, CHUNKED + b"0\r\n", after_request=True),
        "malformed_response",
    )
    yield _build_target(
        "endless-headers", send_endlessly(b"A: b\r\n" * 3_000, OPENING, after_request=True), "headers_too_large"
    )
    yield _build_target(
        "endless-header", send_endlessly(FILLER, OPENING + b"X: ", after_request=True), "headers_too_large"
    )
    yield _build_target(
        "endless-reason", send_endlessly(FILLER, b"HTTP/1.1 200 ", after_request=True), "headers_too_large"
    )
    yield _build_target(
        "endless-interim-responses",
        send_endlessly(b"HTTP/1.1 103 E\r\n\r\n" * 1_000, after_request=True),
        "malformed_response",
    )
    yield _build_target(
        "endless-redirects",
        send_endlessly(FILLER, MOVED[:-10] + b"\r\n", after_request=True),
        "http_status",
        redirects=0,
    )


def huge() -> Iterator[FaultyTarget]:
    """Yield servers whose valid response is expensive to process."""
    million = 1_000_000
    path: dict[str, Any] = {"expect": {"json": {"$.never": 1}}}
    search: dict[str, Any] = {"expect": {"json": {"$..never": 1}}}
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    yield _build_target("gzip-bomb", answer_with(http_response(bomb, Content_Encoding="gzip")), "body_too_large")
    yield _build_target("huge-body", answer_with(http_response(b"x" * 20 * million)), "body_too_large")
    yield _build_target(
        "regex-bomb", answer_with(http_response(b"a" * million)), "body_mismatch", expect={"matches": "(a+)+$b"}
    )
    yield _build_target(
        "json-deep", answer_with(http_response(b"[" * 500_000 + b"]" * 500_000)), "body_too_large", **path
    )
    yield _build_target(
        "json-deep-enough", answer_with(http_response(b"[" * 900 + b"]" * 900)), "body_mismatch", **search
    )
    yield _build_target(
        "json-wide", answer_with(http_response(b"[" + b"{}," * 340_000 + b"{}]")), "body_too_large", **path
    )
    yield _build_target(
        "json-wide-searched", answer_with(http_response(b"[" + b"{}," * 340_000 + b"{}]")), "body_too_large", **search
    )
    yield _build_target("json-keys", answer_with(http_response(_keys(70_000))), "body_too_large", **path)
    yield _build_target("json-long-number", answer_with(http_response(b"9" * 500_000)), "body_mismatch", **path)
    yield _build_target(
        "json-cut", answer_with(http_response(b'{"a": "' + FILLER * 17 + b'"}')), "body_too_large", **path
    )
    astral = (
        '"\U0001f9a6'.encode() + b"a" * (million - 10) + b'"'
    )  # one character makes Python store all characters with four bytes
    yield _build_target("json-astral", answer_with(http_response(astral)), "body_too_large", **path)


def _keys(count: int) -> bytes:
    return b"{" + b",".join(b'"k%d":0' % number for number in range(count)) + b"}"


def mismatched_headers() -> Iterator[FaultyTarget]:
    """Yield servers whose headers and body do not match."""
    yield _build_target("cut-short", answer_with(OPENING + b"Content-Length: 100\r\n\r\nhalf"), "truncated_response")
    yield _build_target("cut-in-chunk", answer_with(CHUNKED + b"5\r\nab"), "truncated_response")
    yield _build_target("cut-in-headers", answer_with(OPENING + b"X-Cut: "), "truncated_response")
    yield _build_target("no-response", answer_with(b""), "empty_response")
    yield _build_target("closes-at-once", read_and_close(), "empty_response")
    yield _build_target("resets-at-once", reset_after(after_request=False), "connection_reset")
    yield _build_target("resets", reset_after(), "connection_reset")
    yield _build_target("resets-in-body", reset_after(OPENING + b"Content-Length: 9\r\n\r\nok"), "connection_reset")
    yield _build_target(
        "two-lengths", answer_with(OPENING + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), MALFORMED
    )
    both = OPENING + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"
    yield _build_target("length-and-chunks", answer_with(both), MALFORMED)
    yield _build_target("negative-length", answer_with(OPENING + b"Content-Length: -1\r\n\r\n"), MALFORMED)
    yield _build_target("huge-length", answer_with(OPENING + b"Content-Length: " + b"9" * 22 + b"\r\n\r\n"), MALFORMED)
    yield _build_target("huge-chunk", answer_with(CHUNKED + b"f" * 17 + b"\r\n"), MALFORMED)
    yield _build_target("negative-chunk", answer_with(CHUNKED + b"-1\r\n\r\n"), MALFORMED)
    yield _build_target("chunk-without-end", answer_with(CHUNKED + b"2\r\nokay\r\n0\r\n\r\n"), MALFORMED)
    yield _build_target(
        "switches-unasked", answer_with(b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), STATUS
    )
    yield _build_target("partial", answer_with(http_response(b"ok", "206 Partial Content")), "body_mismatch")
    yield _build_target("unchanged", answer_with(http_response(b"", "304 Not Modified")), STATUS, redirects=0)
    yield _build_target("unavailable", answer_with(http_response(b"ok", "503 Service Unavailable")), STATUS)
    yield _build_target("status-999", answer_with(http_response(b"ok", "999 Strange")), STATUS)
    yield _build_target("error-in-200", answer_with(http_response(b"Internal Server Error")), "body_mismatch")
    expected = {"header": {"Content-Type": "json"}}
    yield _build_target(
        "other-type", answer_with(http_response(b"ok", Content_Type="text/html")), "header_mismatch", expect=expected
    )
    yield _build_target("no-type", answer_with(http_response(b"ok")), "header_mismatch", expect=expected)
    for name, body in {"nan": b"NaN", "surrogate": b'"\\ud800"', "empty": b"", "bytes": b"\xff\xfe\xfd"}.items():
        reason = "body_charset" if name == "bytes" else "body_mismatch"
        yield _build_target(f"json-{name}", answer_with(http_response(body)), reason, expect={"json": {"$": 1}})
    twice = answer_with(http_response(b'{"ready": true, "ready": false}'))
    yield _build_target("json-duplicate-key", twice, "body_mismatch", expect={"json": {"$.ready": True}})


def malformed_http() -> Iterator[FaultyTarget]:
    """Yield servers that do not send valid HTTP."""
    yield _build_target("garbage", send_on_connect(bytes(range(256)) * 100), MALFORMED)
    yield _build_target("endless-garbage", send_endlessly(b"\xff" * 65_536), MALFORMED)
    yield _build_target("ssh", send_on_connect(b"SSH-2.0-OpenSSH_9.2\r\n"), MALFORMED)
    yield _build_target("smtp", send_on_connect(b"220 mail.example ESMTP\r\n"), MALFORMED)
    yield _build_target("tls-alert", answer_with(b"\x15\x03\x01\x00\x02\x02\x46"), MALFORMED)
    yield _build_target("http-2", answer_with(b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18), MALFORMED)
    yield _build_target("http-09", answer_with(b"<html>hello</html>"), MALFORMED)
    yield _build_target("icy", answer_with(b"ICY 200 OK\r\n\r\nok"), MALFORMED)
    yield _build_target("version-9", answer_with(b"HTTP/9.9 200 OK\r\n\r\nok"), MALFORMED)
    yield _build_target("status-in-words", answer_with(b"HTTP/1.1 two hundred\r\n\r\n"), MALFORMED)
    yield _build_target("status-of-four", answer_with(b"HTTP/1.1 2000 OK\r\n\r\n"), MALFORMED)
    yield _build_target("nul", answer_with(OPENING + b"X: \x00\r\n\r\n"), MALFORMED)
    yield _build_target("bare-cr", answer_with(OPENING + b"X: a\rY: b\r\n\r\n"), MALFORMED)
    yield _build_target("space-before-colon", answer_with(OPENING + b"Content-Length : 2\r\n\r\nok"), MALFORMED)
    yield _build_target("nameless-header", answer_with(OPENING + b": nobody\r\n\r\n"), MALFORMED)
    yield _build_target("coding-unknown", answer_with(OPENING + b"Transfer-Encoding: dwarf\r\n\r\nok"), "body_mismatch")
    yield _build_target(
        "markup", answer_with(http_response(b"<script>alert(1)</script>", X_Said="<script>\x1b[31m")), MALFORMED
    )
    yield _build_target(
        "marked-up-body", answer_with(http_response(b"<script>alert(1)</script>\x1b[31m")), "body_mismatch"
    )


def redirects() -> Iterator[FaultyTarget]:
    """Yield servers that redirect."""
    yield _build_target("redirect-loop", answer_with(MOVED + b"/\r\n\r\n"), "redirect_limit")
    yield _build_target(
        "redirect-hostless", answer_with(MOVED + b"http:///path\r\n\r\n"), "redirect_limit"
    )  # the same host, by RFC 3986
    for name, place in {
        "file": b"file:///etc/passwd",
        "gopher": b"gopher://127.0.0.1/",
        "nowhere": b"http://[::bad",
        "port": b"http://127.0.0.1:99999/",
        "latin-1": b"http://\xe9.example/",
    }.items():
        yield _build_target(f"redirect-{name}", answer_with(MOVED + place + b"\r\n\r\n"), "redirect_refused")
    yield _build_target("redirect-closed", answer_with(MOVED + b"//127.0.0.1:1/\r\n\r\n"), "connect_refused")
    yield _build_target("redirect-unfollowed", answer_with(MOVED + b"/\r\n\r\n"), STATUS, redirects=0)
    yield _build_target("redirect-to-tls", _to_tls, "tls_handshake")


async def _to_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirect to https on this port, which has no TLS."""
    port = writer.get_extra_info("sockname")[1]
    first_bytes = await reader.read(65_536)
    writer.write(
        MOVED + b"https://127.0.0.1:%d/\r\n\r\n" % port if first_bytes.startswith(b"GET") else b"400 what?\r\n"
    )
    await reader.read()


def unusual() -> Iterator[FaultyTarget]:
    """Yield unusual but good servers, for which a bad outcome would be a false alarm."""
    yield _good("response-before-request", send_on_connect(http_response(b"ok")))
    yield _good("old-version", answer_with(b"HTTP/1.0 200 OK\r\n\r\nok"))
    yield _good("no-reason", answer_with(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"))
    yield _good("non-ascii-header", answer_with(http_response(b"ok", X_Bytes="\xe9\xff")))
    yield _good("no-length", answer_with(OPENING + b"\r\nok"))
    yield _good("data-after-response", answer_with(http_response(b"ok") + b"\0garbage" * 100))
    yield _good("two-answers", answer_with(http_response(b"ok") + http_response(b"never", "500 No")))
    yield _good("interim-responses", answer_with(b"HTTP/1.1 103 E\r\n\r\n" * 3 + http_response(b"ok")))
    yield _good("body-in-204", answer_with(http_response(b"ok", "204 No Content")), expect={})
    yield _good("one-byte-chunks", answer_with(CHUNKED + b"1\r\nx\r\n" * 50_000 + b"2\r\nok\r\n0\r\n\r\n"))
    yield _good("trailers", answer_with(CHUNKED + b"2\r\nok\r\n0\r\nX-Late: yes\r\n\r\n"))


@contextlib.asynccontextmanager
async def reserve_closed_port(authority: TargetAuthority) -> AsyncIterator[int]:
    """Yield a port without a listener."""
    yield closed_port()


@contextlib.asynccontextmanager
async def full(authority: TargetAuthority) -> AsyncIterator[int]:
    """Listen without accepting: one connection fills the queue, and the next one gets no answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as queue:
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def absent() -> Iterator[FaultyTarget]:
    """Yield targets that do not accept connections."""
    yield _build_target("closed", send_nothing, "connect_refused", serve_target=reserve_closed_port)
    yield _build_target("full", send_nothing, "connect_timeout", serve_target=full, seconds=SHORT)


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    for group in (slow, endless, huge, mismatched_headers, malformed_http, redirects, unusual, absent):
        yield from group()
