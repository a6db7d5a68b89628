"""Good and bad servers in a thread, for the comparison of two probers. Each has a port by name."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import grpc
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.support import http2_server
from tests.support.addresses import closed_port
from tests.support.certificates import self_signed_context, server_context, write_ca_bundle
from tests.support.faulty_targets.behaviour import send_endlessly
from tests.support.line_servers import reply_to_lines, send_and_close
from tests.support.nameserver import Answering, dns_records, framed_for_tcp, nameserver, no_response, truncated_response
from tests.support.proxy import Proxy
from tests.support.servers import Handler, http_response, send_nothing, serve_tcp

BODY = b"All is well.\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
CREDENTIALS = (
    b"Authorization: Basic dXNlcjpwYXNzd29yZA==",
    b"Authorization: Token letmein",
    b"Authorization: Bearer letmein",
)
CLIENT = b"Authorization: Basic cHJvYmVyOnNlc2FtZQ=="
TOKEN = b'{"access_token": "letmein", "token_type": "bearer", "expires_in": 3600}'


def _http(respond: dict[bytes, bytes], otherwise: bytes) -> Handler:
    """Return a handler whose response depends on texts in the request's head."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(next((response for expected, response in respond.items() if expected in head), otherwise))
        await writer.drain()

    return handler


def always_respond(response: bytes) -> Handler:
    return _http({}, response)


async def _starttls(
    context: ssl.SSLContext, injected: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Support STARTTLS. `injected` is data sent after the response that agrees to TLS."""
    writer.write(b"220 mail.example.test\r\n")
    await reader.readline()
    writer.write(b"220 go ahead\r\n" + injected)
    await writer.drain()
    await writer.start_tls(context)
    if (await reader.readline()).strip() == b"NOOP":
        writer.write(b"250 encrypted\r\n")
        await writer.drain()


def plain() -> Iterator[tuple[str, Handler]]:
    """Yield servers without TLS."""
    good = http_response(BODY, Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT", X_State="ready")
    yield "good", always_respond(good)
    yield "error", always_respond(http_response(b"sorry", "503 Service Unavailable"))
    yield "missing", always_respond(http_response(b"", "404 Not Found"))
    yield "moved", _http({b"GET /to": good, b"HEAD /to": good}, http_response(b"gone", "302 Found", Location="/to"))
    yield "loop", always_respond(http_response(b"", "302 Found", Location="/again"))
    yield "bad-location", always_respond(http_response(b"", "302 Found", Location="/%zz"))
    yield "nowhere", always_respond(http_response(b"", "302 Found"))
    yield "off", always_respond(http_response(b"", "302 Found", Location="ftp://example.test/"))
    yield "chunked", always_respond(CHUNKED)
    yield "gzip", always_respond(http_response(gzip.compress(BODY, mtime=0), Content_Encoding="gzip"))
    yield "deflate", always_respond(http_response(zlib.compress(BODY), Content_Encoding="deflate"))
    yield "bad-gzip", always_respond(http_response(b"no gzip", Content_Encoding="gzip"))
    yield "old", always_respond(b"HTTP/1.0 200 OK\r\n\r\nold and good")
    yield "locked", _http(dict.fromkeys(CREDENTIALS, good), http_response(b"who?", "401 Unauthorized"))
    yield (
        "tokens",
        _http(
            {CLIENT: http_response(TOKEN, Content_Type="application/json")}, http_response(b"{}", "401 Unauthorized")
        ),
    )
    yield "proxy", Proxy()
    yield "proxy-locked", Proxy(authorization="Basic dXNlcjpwYXNzd29yZA==")
    yield (
        "poster",
        _http({b"POST / ": http_response(b"taken", "201 Created")}, http_response(b"", "405 Method Not Allowed")),
    )
    yield (
        "putter",
        _http({b"PUT / ": http_response(b"", "204 No Content").replace(b"Content-Length: 0\r\n", b"")}, good),
    )
    yield "line-feeds", always_respond(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
    yield "two-lengths", always_respond(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n", 1))
    yield "twice", always_respond(http_response(BODY, X_State="busy").replace(b"X-State", b"X-State: ready\r\nX-State"))
    yield "no-content", always_respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    yield "early-hints", always_respond(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + good)
    yield "cut", always_respond(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    yield "garbage", always_respond(b"\x00\x01\x02 no http at all\r\n\r\n")
    yield "empty", send_and_close()
    yield "mute", send_nothing
    yield "slow-body", _drip
    yield (
        "talk",
        reply_to_lines({b"EHLO prober": b"250-one\r\n250 hello mail.example.test\r\n"}, b"220 mail.example.test\r\n"),
    )
    yield "known", _http({b"User-Agent: Blackbox Exporter": good}, http_response(b"who?", "403 Forbidden"))
    yield "long", always_respond(http_response(b"x" * (11 << 20) + BODY))
    yield "lines", send_endlessly(b"x\r\n" * 20_000)
    yield "curt", send_and_close(b"554 go away\r\n")
    yield "unfinished", send_and_close(b"220 no line break")
    yield "ssh", reply_to_lines({b"SSH-2.0-prober": b"ok\r\n"}, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await reader.read()


def name_servers() -> Iterator[tuple[str, Answering, Answering]]:
    """Yield name servers with their responses over UDP and over TCP."""
    zone = dns_records(
        "A 192.0.2.7", "A 192.0.2.8", "SOA ns.example.test. hostmaster.example.test. 7 1 1 1 1", "MX 10 mail."
    )
    yield "zone", zone, framed_for_tcp(zone)
    yield "nxdomain", dns_records(rcode=dns.rcode.NXDOMAIN), no_response
    yield "servfail", dns_records(rcode=dns.rcode.SERVFAIL), no_response
    yield "no-records", dns_records(), no_response
    yield "sections", _sections, no_response
    yield "truncated", truncated_response, framed_for_tcp(_sections)
    yield "other-id", _other_id, no_response
    yield "no-dns", lambda query: [b"what?"], no_response
    yield "no-answer", no_response, no_response


def _sections(query: dns.message.QueryMessage) -> Iterator[bytes]:
    reply = dns.message.make_response(query)
    name = query.question[0].name
    reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7"))
    reply.authority.append(dns.rrset.from_text(name, 60, "IN", "NS", "ns1.example.test.", "ns2.example.test."))
    reply.additional.append(dns.rrset.from_text("ns1.example.test.", 60, "IN", "A", "192.0.2.53"))
    yield reply.to_wire()


def _other_id(query: dns.message.QueryMessage) -> Iterator[bytes]:
    reply = dns.message.make_response(query)
    reply.id ^= 1
    yield reply.to_wire()


@contextlib.asynccontextmanager
async def _open_servers(folder: Path, authority: trustme.CA) -> AsyncIterator[dict[str, int]]:
    context = server_context(authority.issue_cert("127.0.0.1", "example.test", common_name="zoo"))
    ended = datetime.now(UTC) - timedelta(hours=1)
    encrypted: list[tuple[str, Handler, ssl.SSLContext]] = [
        ("tls", always_respond(http_response(BODY)), context),
        ("self-signed", always_respond(http_response(BODY)), self_signed_context(folder)),
        ("expired", always_respond(http_response(BODY)), self_signed_context(folder, ends=ended)),
        ("wrong-name", always_respond(http_response(BODY)), server_context(authority.issue_cert("other.test"))),
        ("tls-talk", reply_to_lines({b"HI": b"250 hello\r\n"}, b"220 secure\r\n"), context),
        ("tls-old", always_respond(http_response(BODY)), _only(authority, ssl.TLSVersion.TLSv1_2)),
        ("http2", _either_version, _context_with_alpn(authority)),
        ("mutual", always_respond(http_response(BODY)), _context_for_client_certificates(authority, folder)),
    ]
    async with contextlib.AsyncExitStack() as stack:
        ports = {name: await stack.enter_async_context(serve_tcp(handler)) for name, handler in plain()}
        for name, handler, tls_context in encrypted:
            ports[name] = await stack.enter_async_context(serve_tcp(handler, tls_context))
        for name, udp, tcp in name_servers():
            ports[name] = await stack.enter_async_context(nameserver(udp, tcp))
        ports["zone-tls"] = await stack.enter_async_context(
            nameserver(no_response, framed_for_tcp(dns_records("A 192.0.2.7")), context)
        )
        for name, injected in (("starttls", b""), ("injected", b"250 anybody's\r\n")):
            ports[name] = await stack.enter_async_context(serve_tcp(functools.partial(_starttls, context, injected)))
        ports["to-tls"] = await stack.enter_async_context(
            serve_tcp(
                always_respond(
                    http_response(b"", "301 Moved Permanently", Location=f"https://127.0.0.1:{ports['tls']}/")
                )
            )
        )
        yield ports


async def _either_version(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
        handler = http2_server.serve_response([(":status", "200"), ("content-length", str(len(BODY)))], BODY)
    else:
        handler = always_respond(http_response(BODY))
    await handler(reader, writer)


def _context_with_alpn(authority: trustme.CA) -> ssl.SSLContext:
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _context_for_client_certificates(authority: trustme.CA, folder: Path) -> ssl.SSLContext:
    """Return a context that requires a client certificate, and write a valid one to the folder."""
    client_certificate = authority.issue_cert("prober.test")
    client_certificate.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    client_certificate.private_key_pem.write_to_path(str(folder / "client.key"))
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return context


def _only(authority: trustme.CA, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.maximum_version = version
    return context


@contextlib.contextmanager
def _grpc_servers(authority: trustme.CA) -> Iterator[dict[str, int]]:
    """Serve gRPC: a server with health checks, with and without TLS, and a server without health checks."""
    certificate = authority.issue_cert("127.0.0.1")
    chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    health_servicer = health.HealthServicer()
    health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_servicer.set("shop.Orders", health_pb2.HealthCheckResponse.NOT_SERVING)
    servers = [grpc.server(futures.ThreadPoolExecutor(4)) for _ in range(2)]
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, servers[0])
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    ports = {
        "grpc": servers[0].add_insecure_port("127.0.0.1:0"),
        "grpc-tls": servers[0].add_secure_port("127.0.0.1:0", credentials),
        "grpc-bare": servers[1].add_insecure_port("127.0.0.1:0"),
    }
    for server in servers:
        server.start()
    try:
        yield ports
    finally:
        for server in servers:
            server.stop(None).wait()


@contextlib.contextmanager
def serving_targets(folder: Path) -> Iterator[dict[str, int]]:
    """Run all servers while the `with` block runs. `ca.pem` in the folder is the CA of the valid certificates."""
    authority = trustme.CA()
    write_ca_bundle(authority, folder)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # many servers abort connections intentionally
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = _open_servers(folder, authority)
    try:
        ports = asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(30)
        with _grpc_servers(authority) as grpc_ports:
            yield ports | grpc_ports | {"closed-port": closed_port()}
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
