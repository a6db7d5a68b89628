"""Successful conversations of each kind of check over TCP: server, check, and possible failures when truncated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sla.observation import Outcome
from tests.support.certificates import server_context
from tests.support.faulty_targets.framed import SERVING, accept_upgrade, answer_calls
from tests.support.faulty_targets.line_protocols import (
    mysql_column,
    mysql_packet,
    number_mysql_packets,
    pg_message,
    read_mysql_packet,
)
from tests.support.http2_server import serve_response
from tests.support.line_servers import reply_to_lines
from tests.support.nameserver import dns_records, framed_for_tcp, nameserver, no_response
from tests.support.servers import http_response, read_request, respond_with, serve_tcp
from tests.support.starttls import TURNS, serve_starttls

if TYPE_CHECKING:
    import ssl

    from tests.support.faulty_targets.faulty_target import TargetAuthority
    from tests.support.servers import Handler

BAD, GOOD, UNKNOWN = Outcome.BAD, Outcome.GOOD, Outcome.UNKNOWN
BROKEN = {"connection_reset"}
TLS = BROKEN | {"tls_handshake"}
HTTP = BROKEN | {"empty_response", "truncated_response"}


@dataclass
class Conversation:
    """A successful conversation: server, check, and the possible reasons of failure if the response is truncated.

    `unneeded_bytes` is the number of bytes at the end of the response that the check does not need. `exact` is false if
    the number of bytes differs between conversations (TLS).
    """

    server: Callable[[TargetAuthority], AbstractAsyncContextManager[int]]
    check: dict[str, Any]
    reasons: set[str]
    outcome: Outcome = BAD
    unneeded_bytes: int = 0
    exact: bool = True
    early_reasons: set[str] = field(default_factory=lambda: {""})
    """The possible reasons if the server sends everything before the request. Empty if that is impossible."""


def plain(handler: Handler) -> Callable[[TargetAuthority], AbstractAsyncContextManager[int]]:
    return lambda authority: serve_tcp(handler)


def with_tls(handler: Handler, *protocols: str) -> Callable[[TargetAuthority], AbstractAsyncContextManager[int]]:
    def server(authority: TargetAuthority) -> AbstractAsyncContextManager[int]:
        return serve_tcp(handler, context(authority, *protocols))

    return server


def context(authority: TargetAuthority, *protocols: str) -> ssl.SSLContext:
    tls_context = server_context(authority.root.issue_cert("127.0.0.1"))
    if protocols:
        tls_context.set_alpn_protocols(list(protocols))
    return tls_context


async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readline():
        while (await reader.readexactly(1)) == b"$":
            size = int(await reader.readline())
            word = (await reader.readexactly(size + 2)).strip()
            writer.write({b"PING": b"+PONG\r\n", b"ROLE": b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"}[word])
            break


async def postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
    writer.write(pg_message(b"R", b"\0\0\0\0") + pg_message(b"S", b"server_version\x0015.1\0") + pg_message(b"Z", b"I"))
    await reader.readexactly(1)
    await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
    column = b"\0\1a\0" + b"\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
    writer.write(pg_message(b"T", column) + pg_message(b"D", b"\0\1\0\0\0\0011"))
    await reader.read()


async def mysql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept any login, and answer a SELECT with one row with the text 1."""
    salt = b"12345678\0\xff\xf7\x21\2\0\xff\x81\x15" + b"\0" * 10 + b"123456789012\0mysql_native_password\0"
    writer.write(mysql_packet(0, b"\x0a8.0.0\0\1\0\0\0" + salt))
    await read_mysql_packet(reader)
    writer.write(mysql_packet(2, b"\0\0\0\2\0\0\0"))
    while b"SELECT" not in await read_mysql_packet(reader):
        writer.write(mysql_packet(1, b"\0\0\0\2\0\0\0"))
    end = b"\xfe\0\0\2\0"
    column = number_mysql_packets(mysql_column(b"a"), 2)[0]
    writer.write(
        mysql_packet(1, b"\1") + column + mysql_packet(3, end) + mysql_packet(4, b"\0011") + mysql_packet(5, end)
    )
    await reader.read()


async def prometheus(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    result = [{"metric": {}, "value": [0, "5"]}]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    writer.write(http_response(json.dumps(body).encode()))
    await writer.drain()
    writer.write_eof()
    await reader.read()


async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await accept_upgrade(b"\x81\x04busy\x81\x02ok")(reader, writer)


def rdap() -> bytes:
    ends = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%dT%H:%M:%SZ}"
    body = {"objectClassName": "domain", "status": [], "events": [{"eventAction": "expiration", "eventDate": ends}]}
    return http_response(json.dumps(body).encode())


URL = "http://127.0.0.1:<port>/"
ENCRYPTED = {"tls": {"ca": "<ca>"}}
JSON = {"expect": {"contains": "fine"}}
LATEST = datetime.now(UTC).isoformat()
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n"
SMTP = {b"EHLO ninewatch.invalid": b"250-hi\r\n250 SIZE\r\n", b"QUIT": b"221 bye\r\n"}
SCRIPT = [{"expect": "^220 "}, {"send": "QUIT\r\n", "expect": "221 bye"}]
NEVER: set[str] = set()
READS_ONLY_AFTER_REQUEST = {
    "postgres"
}  # libpq drops a response that arrives before its request, and waits for the response

CONVERSATIONS = {
    "http": Conversation(plain(respond_with(http_response(b"fine"))), {"http": URL, **JSON}, HTTP),
    "http-chunked": Conversation(plain(respond_with(CHUNKED)), {"http": URL, **JSON}, HTTP),
    "http-redirected": Conversation(
        plain(respond_with(http_response(b"", "302 Found", Location="/next"))),
        {"http": URL, "expect": {"status": 302}},
        HTTP,
    ),
    "https": Conversation(
        with_tls(respond_with(http_response(b"fine"))),
        {"http": "https://127.0.0.1:<port>/", **JSON, **ENCRYPTED},
        HTTP | TLS,
        exact=False,
        early_reasons=NEVER,
    ),
    "http2": Conversation(
        plain(serve_response([(":status", "200")], b"fine")),
        {"http": URL, "protocol": "2", **JSON},
        BROKEN | {"hung_up"},
        exact=False,
    ),
    "http2-tls": Conversation(
        with_tls(serve_response([(":status", "200")], b"fine"), "h2"),
        {"http": "https://127.0.0.1:<port>/", "protocol": "2", **JSON, **ENCRYPTED},
        TLS | {"hung_up"},
        exact=False,
        early_reasons=NEVER,
    ),
    "grpc": Conversation(
        plain(answer_calls(SERVING, {"grpc-status": "0"})),
        {"grpc": "127.0.0.1:<port>"},
        BROKEN | {"hung_up", "http2_reset"},
        exact=False,
    ),
    "websocket": Conversation(
        plain(chat),
        {"websocket": "ws://127.0.0.1:<port>/", "send": "hello", "expect": "^ok$"},
        BROKEN | {"websocket_handshake", "hung_up", "answer_mismatch"},
        early_reasons=NEVER,  # the answer to the handshake depends on the request; see below
    ),
    "smtp": Conversation(
        plain(reply_to_lines(SMTP, b"220 hello\r\n")), {"smtp": "127.0.0.1:<port>"}, BROKEN | {"hung_up"}
    ),
    "tcp": Conversation(
        plain(reply_to_lines({b"QUIT": b"221 bye\r\n"}, b"220 hello\r\n")),
        {"tcp": "127.0.0.1:<port>", "script": SCRIPT},
        BROKEN | {"hung_up", "answer_mismatch"},
        unneeded_bytes=2,
    ),
    "ssh": Conversation(
        plain(reply_to_lines({}, b"hello\r\nSSH-2.0-x\r\n")), {"ssh": "127.0.0.1:<port>"}, BROKEN | {"hung_up"}
    ),
    "redis": Conversation(
        plain(redis),
        {"redis": "127.0.0.1:<port>", "role": "master"},
        BROKEN | {"hung_up"},
        early_reasons={"", "redis_malformed"},
    ),
    "postgres": Conversation(
        plain(postgres),
        {"postgres": "127.0.0.1:<port>", "user": "x", "query": "SELECT 1", "expect": "1"},
        BROKEN | {"hung_up", "database_malformed"},
        early_reasons={"", "database_malformed", "database_error", "hung_up", "answer_mismatch"},
    ),
    "mysql": Conversation(
        plain(mysql),
        {"mysql": "127.0.0.1:<port>", "user": "x", "query": "SELECT 1", "expect": "1"},
        BROKEN | {"hung_up", "database_malformed"},
        exact=False,
        early_reasons=NEVER,
    ),
    "dns-tcp": Conversation(
        lambda authority: nameserver(no_response, framed_for_tcp(dns_records("A 192.0.2.1"))),
        {"dns": "a.test", "resolver": "127.0.0.1:<port>", "transport": "tcp"},
        BROKEN | {"dns_malformed"},
        early_reasons={"dns_malformed"},
    ),
    "dns-tls": Conversation(
        lambda authority: nameserver(no_response, framed_for_tcp(dns_records("A 192.0.2.1")), context(authority)),
        {"dns": "a.test", "resolver": "127.0.0.1:<port>", "transport": "tls", **ENCRYPTED},
        TLS | {"dns_malformed"},
        exact=False,
        early_reasons=NEVER,
    ),
    "prometheus": Conversation(
        plain(prometheus),
        {"prometheus": URL, "good": "a", "total": "b", "at_least": "99%"},
        {"sli_unavailable"},
        UNKNOWN,
    ),
    "freshness": Conversation(
        plain(respond_with(http_response(json.dumps({"at": LATEST}).encode()))),
        {"freshness": URL, "max_age": "1d", "stamp": {"json": "$.at"}},
        HTTP,
    ),
    "domain": Conversation(
        plain(respond_with(rdap())), {"domain": "example.test", "rdap": URL}, {"rdap_unavailable"}, UNKNOWN
    ),
    **{
        f"tls-{protocol}": Conversation(
            lambda authority, turns=turns: serve_tcp(serve_starttls(turns, context(authority))),  # type: ignore[misc]
            {"tls": {"target": "127.0.0.1:<port>", "starttls": protocol, "ca": "<ca>"}},
            TLS | {"hung_up"},
            exact=False,
            early_reasons=NEVER,
        )
        for protocol, turns in TURNS.items()
    },
    "tls": Conversation(
        with_tls(respond_with(b"")),
        {"tls": {"target": "127.0.0.1:<port>", "ca": "<ca>"}},
        TLS,
        exact=False,
        early_reasons=NEVER,
    ),
}
