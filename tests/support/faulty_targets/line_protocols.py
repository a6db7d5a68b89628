"""Faulty targets with line protocols: `tcp`, `smtp`, `ssh`, `redis`, and the databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.support.faulty_targets.behaviour import reset_after, send_endlessly, send_slowly
from tests.support.faulty_targets.faulty_target import AMPLE, BAD, GOOD, SHORT, UNKNOWN, FaultyTarget, listener
from tests.support.line_servers import reply_to_lines, send_and_close, send_on_connect
from tests.support.servers import send_nothing

if TYPE_CHECKING:
    from sla.observation import Outcome
    from tests.support.servers import Handler

LONG = b"x" * 65_536
LINES = b"and more\r\n" * 1_000
FOREVER = b"250-and more\r\n" * 1_000


def _of(kind: str, **common: Any) -> Any:
    """Return a function that creates targets of a kind whose key has an address."""

    def build_target(
        name: str, handler: Handler, reason: str, outcome: Outcome | None = None, **options: Any
    ) -> FaultyTarget:
        seconds = options.pop("seconds", AMPLE)
        verdict = outcome or (BAD if reason else GOOD)
        check = {kind: "127.0.0.1:<port>", **common, **options}
        return FaultyTarget(f"{kind}-{name}", listener(handler), check, reason, verdict, seconds)

    return build_target


def tcp() -> Iterator[FaultyTarget]:
    """Yield servers for a script that waits for `ready` and may then start TLS."""
    build_target = _of("tcp", script=[{"expect": "^ready"}])
    starts_tls = [{"expect": "^ready", "starttls": True}]
    yield build_target("good", send_on_connect(b"hello\nready\n"), "")
    yield build_target("other-word", send_and_close(b"busy\n"), "answer_mismatch")
    yield build_target("closes-at-once", send_and_close(), "hung_up")
    yield build_target("resets", reset_after(after_request=False), "connection_reset")
    yield build_target("endless-line", send_endlessly(LONG), "answer_too_long")
    yield build_target("endless-lines", send_endlessly(LINES), "answer_too_long")
    yield build_target("silent", send_nothing, "deadline", seconds=SHORT)
    yield build_target("other-word-and-stays", send_on_connect(b"busy\n"), "deadline", seconds=SHORT)
    yield build_target("drip", send_slowly(b"r", after_request=False), "deadline", seconds=SHORT)
    yield build_target("injects", send_on_connect(b"ready\nready\n"), "starttls_injected", script=starts_tls)
    yield build_target("plain-after-starttls", reply_to_lines({}, b"ready\n"), "tls_handshake", script=starts_tls)


def smtp() -> Iterator[FaultyTarget]:
    """Yield mail servers."""
    build_target = _of("smtp")
    hello = b"EHLO ninewatch.invalid"
    try_send = b"250-here\r\n250 STARTTLS\r\n"
    offered = {"encryption": "starttls"}
    good_replies = {hello: b"250 here\r\n", b"QUIT": b"221 bye\r\n"}
    yield build_target("good", reply_to_lines(good_replies, b"220-wait\r\n220 here\r\n"), "")
    yield build_target("busy", send_on_connect(b"421 too many\r\n"), "smtp_status")
    yield build_target("rejects-clients", send_on_connect(b"554 not you\r\n"), "smtp_status")
    yield build_target("ehlo-unsupported", reply_to_lines({hello: b"502 what?\r\n"}, b"220 here\r\n"), "smtp_status")
    yield build_target("endless-reply", send_endlessly(FOREVER, b"220 here\r\n"), "smtp_malformed")
    yield build_target("endless-line", send_endlessly(LONG, b"220-"), "answer_too_long")
    yield build_target("no-smtp", send_on_connect(b"+OK POP3\r\n"), "smtp_malformed")
    yield build_target("nul", send_on_connect(b"\0\0\0\r\n"), "smtp_malformed")
    yield build_target("closes-at-once", send_and_close(), "hung_up")
    yield build_target("closes-after-greeting", reply_to_lines({}, b"220 here\r\n"), "hung_up")
    yield build_target("silent", send_nothing, "deadline", seconds=SHORT)
    yield build_target("no-starttls", reply_to_lines(good_replies, b"220 here\r\n"), "starttls_missing", **offered)
    refusing = {hello: try_send, b"STARTTLS": b"454 not now\r\n"}
    yield build_target("starttls-refused", reply_to_lines(refusing, b"220 here\r\n"), "smtp_status", **offered)
    injecting = {hello: try_send, b"STARTTLS": b"220 go\r\n250 mine\r\n"}
    yield build_target("starttls-injects", reply_to_lines(injecting, b"220 here\r\n"), "starttls_injected", **offered)
    replies = {hello: try_send, b"STARTTLS": b"220 go\r\n"}
    yield build_target("plain-after-starttls", reply_to_lines(replies, b"220 here\r\n"), "tls_handshake", **offered)


def ssh() -> Iterator[FaultyTarget]:
    """Yield SSH servers with faults in the identification."""
    build_target = _of("ssh", expect="OpenSSH")
    yield build_target("good", send_on_connect(b"welcome\r\nSSH-2.0-OpenSSH_9.2\r\n"), "")
    yield build_target("version-1", send_on_connect(b"SSH-1.5-old\r\n"), "ssh_version")
    yield build_target("other", send_on_connect(b"SSH-2.0-dropbear\r\n"), "answer_mismatch")
    yield build_target("http", send_on_connect(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 30), "ssh_malformed")
    yield build_target("endless-lines", send_endlessly(LINES), "ssh_malformed")
    yield build_target("endless-line", send_endlessly(LONG), "answer_too_long")
    yield build_target("closes-at-once", send_and_close(b"SSH-2.0"), "hung_up")
    yield build_target("silent", send_nothing, "deadline", seconds=SHORT)


def redis() -> Iterator[FaultyTarget]:
    """Yield Redis servers for PING and ROLE."""
    build_target = _of("redis")
    master = {"role": "master"}
    yield build_target("good", send_on_connect(b"+PONG\r\n"), "")
    yield build_target("loading", send_on_connect(b"-LOADING Redis is loading the dataset\r\n"), "redis_loading")
    yield build_target("masterless", send_on_connect(b"-MASTERDOWN Link with MASTER is down\r\n"), "redis_master_down")
    yield build_target("error", send_on_connect(b"-ERR max number of clients reached\r\n"), "redis_error")
    yield build_target("requires-password", send_on_connect(b"-NOAUTH Authentication required.\r\n"), "")
    yield build_target(
        "role-denied", send_on_connect(b"+PONG\r\n-NOPERM no\r\n"), "credentials_refused", UNKNOWN, **master
    )
    yield build_target("replica", send_on_connect(b"+PONG\r\n*1\r\n$5\r\nslave\r\n"), "redis_role", **master)
    yield build_target("other-word", send_on_connect(b"+PANG\r\n"), "redis_malformed")
    yield build_target("http", send_on_connect(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "redis_malformed")
    yield build_target("endless-text", send_endlessly(LONG, b"$999999999999\r\n"), "answer_too_long")
    yield build_target("endless-line", send_endlessly(LONG, b"+"), "answer_too_long")
    yield build_target("announces-huge-list", send_on_connect(b"*100000000\r\n"), "redis_malformed")
    yield build_target("announces-huge-nested-list", send_on_connect(b"*2\r\n+a\r\n*100000000\r\n"), "redis_malformed")
    yield build_target("announces-huge-map", send_on_connect(b"%100000000\r\n"), "redis_malformed")
    yield build_target("lists-in-lists", send_on_connect(b"*1\r\n" * 12_000), "redis_malformed")
    yield build_target("closes-at-once", send_and_close(b"+PO"), "hung_up")
    yield build_target("silent", send_nothing, "deadline", seconds=SHORT)


def postgres() -> Iterator[FaultyTarget]:
    """Yield faulty PostgreSQL servers."""
    build_target = _of("postgres", user="ninewatch")
    busy = b"SFATAL\0C53300\0Msorry, too many clients already\0\0"
    starting = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
    yield build_target("http", send_on_connect(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "database_malformed")
    yield build_target("full", send_on_connect(pg_message(b"E", busy)), "database_full")
    yield build_target("starting", send_on_connect(pg_message(b"E", starting)), "database_starting")
    yield build_target("closes-at-once", send_and_close(), "hung_up")
    yield build_target("endless-garbage", send_endlessly(LONG), "database_malformed")
    yield build_target("endless-message", send_endlessly(LONG, b"E\x3f\xff\xff\xff"), "database_malformed")
    notices = pg_message(b"N", b"SNOTICE\0C00000\0Mmore\0\0") * 100
    yield build_target("endless-notices", send_endlessly(notices), "database_malformed")
    parameters = send_endlessly(pg_message(b"S", b"a\0b\0") * 1_000, pg_message(b"R", b"\0\0\0\0"))
    yield build_target("endless-parameters", parameters, "answer_too_long")
    yield build_target("silent", send_nothing, "connect_timeout", seconds=SHORT)
    welcome = pg_message(b"R", b"\0\0\0\0") + pg_message(b"Z", b"I")
    yield build_target("silent-after-login", send_on_connect(welcome), "deadline", seconds=SHORT)


def pg_message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def mysql() -> Iterator[FaultyTarget]:
    """Yield faulty MySQL servers."""
    build_target = _of("mysql", user="ninewatch")
    full = b"\xff\x10\x04Too many connections"
    yield build_target("http", send_on_connect(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "database_malformed")
    yield build_target("full", send_on_connect(len(full).to_bytes(3, "little") + b"\0" + full), "database_full")
    yield build_target("closes-at-once", send_and_close(), "hung_up")
    yield build_target("endless-garbage", send_endlessly(LONG), "database_malformed")
    yield build_target(
        "endless-columns", _answering_mysql(mysql_column(b"a") * 5_000, b"\xfd\xff\xff\x7f"), "answer_too_long"
    )
    yield build_target("endless-rows", _answering_mysql(b"\1\0\0\0\0" * 5_000), "")
    yield build_target("endless-packet", send_endlessly(LONG, b"\xff\xff\xff\0\x0a"), "answer_too_long")
    yield build_target("silent", send_nothing, "connect_timeout", seconds=SHORT)


def mysql_column(name: bytes) -> bytes:
    """Return the definition of a column, numbered 0."""
    parts = (b"def", b"", b"", b"", name, name)
    body = b"".join(bytes([len(part)]) + part for part in parts) + b"\x0c\x21\0\xff\0\0\0\xfd\0\0\0\0\0"
    return len(body).to_bytes(3, "little") + b"\0" + body


def _answering_mysql(pieces: bytes, columns: bytes = b"\1") -> Handler:
    """Return a handler that accepts any login, and answers a SELECT endlessly with numbered packets."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        salt = b"12345678\0\xff\xf7\x21\2\0\xff\x81\x15" + b"\0" * 10 + b"123456789012\0mysql_native_password\0"
        writer.write(mysql_packet(0, b"\x0a8.0.0\0\1\0\0\0" + salt))
        await read_mysql_packet(reader)
        writer.write(mysql_packet(2, b"\0\0\0\2\0\0\0"))
        while b"SELECT" not in await read_mysql_packet(reader):
            writer.write(mysql_packet(1, b"\0\0\0\2\0\0\0"))
        writer.write(mysql_packet(1, columns))
        number = 2
        if columns == b"\1":
            writer.write(number_mysql_packets(mysql_column(b"a"), number)[0] + mysql_packet(3, b"\xfe\0\0\2\0"))
            number = 4
        while True:
            piece, number = number_mysql_packets(pieces, number)
            writer.write(piece)
            await writer.drain()

    return handler


def mysql_packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes([number]) + body


async def read_mysql_packet(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return await reader.readexactly(int.from_bytes(head[:3], "little"))


def number_mysql_packets(packets: bytes, number: int) -> tuple[bytes, int]:
    """Return packets of equal length with their numbers, and the next number."""
    numbered, step = bytearray(packets), int.from_bytes(packets[:3], "little") + 4
    for at in range(3, len(numbered), step):
        numbered[at] = number % 256
        number += 1
    return bytes(numbered), number % 256


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    for group in (tcp, smtp, ssh, redis, postgres, mysql):
        yield from group()
