"""A configurable name server on loopback, UDP and TCP on one port, based on dnspython."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.support.addresses import bind_to_one_port

# The response datagrams for a query. Over TCP the first one is sent.
Answering = Callable[[dns.message.QueryMessage], Iterable[bytes]]


def dns_records(*texts: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, ttl: int = 0) -> Answering:
    """Return a function that answers every query with these records (`TYPE data`) and response code."""

    def answer(query: dns.message.QueryMessage) -> Iterable[bytes]:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        name, record_type = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        for text in texts:
            kind, _, data = text.partition(" ")
            if kind in (record_type, "CNAME"):
                reply.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, data))
        yield reply.to_wire()

    return answer


def framed_for_tcp(answering: Answering) -> Answering:
    """Return a function whose responses have the length prefix of DNS over TCP."""

    def answer(query: dns.message.QueryMessage) -> Iterable[bytes]:
        return (len(reply).to_bytes(2, "big") + reply for reply in answering(query))

    return answer


def truncated_response(query: dns.message.QueryMessage) -> Iterable[bytes]:
    """Answer with the truncation flag."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.TC
    yield reply.to_wire()


def no_response(query: dns.message.QueryMessage) -> Iterable[bytes]:
    """Send no response."""
    return ()


def with_other_id(query: dns.message.QueryMessage) -> bytes:
    """Return an answer with another id, as from an attacker who cannot see the query."""
    (forged,) = dns_records("A 203.0.113.66")(query)
    return bytes([forged[0] ^ 0xFF]) + forged[1:]


def answers_for_root_and_others(root: Answering, others: Answering = no_response) -> Answering:
    """Return a handler with one answer to the query for the root's servers, and another to all other queries."""
    return lambda query: (root if query.question[0].name == dns.name.root else others)(query)


def servfail_except_for_root(root: Answering) -> Answering:
    """Return a handler that answers SERVFAIL to every query except the one for the root's servers."""
    return answers_for_root_and_others(root, dns_records(rcode=dns.rcode.SERVFAIL))


# Like a resolver that waits for the silent servers of a zone.
ONLY_ROOT_ANSWERS = answers_for_root_and_others(dns_records("NS a.root-servers.net."))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        assert isinstance(query, dns.message.QueryMessage)
        for reply in self._answering(query):
            self._transport.sendto(reply, sender)


@contextlib.asynccontextmanager
async def nameserver(
    over_udp: Answering, over_tcp: Answering = no_response, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Answer on one port of loopback while the `with` block runs, and yield the port. With a context, TCP uses TLS."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):  # the client rejects the certificate
            query = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
            assert isinstance(query, dns.message.QueryMessage)
            for reply in over_tcp(query):
                writer.write(reply)
            await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    datagrams, stream = bind_to_one_port()
    server = await asyncio.start_server(handle, sock=stream, ssl=context)
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(over_udp), sock=datagrams)
    try:
        yield datagrams.getsockname()[1]
    finally:
        transport.close()
        server.close()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def nameserver_on(sock: socket.socket, over_udp: Answering) -> AsyncIterator[asyncio.DatagramTransport]:
    """Answer on a bound UDP socket while the `with` block runs. Closing the transport stops it earlier."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(over_udp), sock=sock)
    try:
        yield transport
    finally:
        transport.close()


# The delay of the response to a query, seconds; None for no response.
Delay = Callable[[dns.message.QueryMessage], float | None]


class _Delayed(asyncio.DatagramProtocol):
    def __init__(self, answering: Answering, delay: Delay) -> None:
        self._answering, self._delay = answering, delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        assert isinstance(query, dns.message.QueryMessage)
        if (seconds := self._delay(query)) is not None:
            asyncio.get_running_loop().call_later(seconds, self._answer, query, sender)

    def _answer(self, query: dns.message.QueryMessage, sender: tuple[str, int]) -> None:
        for reply in self._answering(query):
            if not self._transport.is_closing():
                self._transport.sendto(reply, sender)


@contextlib.asynccontextmanager
async def delayed_nameserver(
    delay: Delay, answering: Answering, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Answer over UDP after a delay while the `with` block runs, and yield the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Delayed(answering, delay), local_addr=(host, port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
