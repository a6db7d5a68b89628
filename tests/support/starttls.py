"""Test servers with STARTTLS: the expected requests and the responses of each protocol before TLS."""

from __future__ import annotations

import asyncio
import re
import ssl
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.servers import Handler

FEATURES = (
    b"<?xml version='1.0'?><stream:stream from='127.0.0.1' id='1' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'><stream:features>%s</stream:features>"
)
XMPP = rb"<\?xml version='1.0'\?><stream:stream to='[^']+' version='1.0' xmlns='jabber:client' [^>]*>"
STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
OID = b"1.3.6.1.4.1.1466.20037"
LDAP = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + OID
SSL = 0x0800
MYSQL = re.escape(b"\x20\0\0\x01") + rb".[\x08-\x0f\x88-\x8f]..{29}"  # CLIENT_SSL is in the second byte of the flags


def extended_response(code: int, message: bytes = b"", *, kind: int = 0x78, number: int = 1) -> bytes:
    """Return an LDAP ExtendedResponse with this result code, as slapd sends it."""
    result = bytes([0x0A, 1, code, 0x04, 0, 0x04, len(message)]) + message
    envelope = bytes([0x02, 1, number, kind, len(result)]) + result
    return bytes([0x30, 0x81, len(envelope)]) + envelope  # the long form of the length, which encoders may use


def mysql_greeting(flags: int = 0xF7FF | SSL, version: bytes = b"8.0.36") -> bytes:
    """Return a MySQL server's first packet, with the lower half of its capabilities."""
    body = b"\x0a" + version + b"\0" + struct.pack("<I8sxHBHH", 7, b"saltsalt", flags, 45, 2, 0xDFFF) + bytes(40)
    return len(body).to_bytes(3, "little") + b"\0" + body


# Protocol -> (pattern of the request, response) in order. The last response agrees to TLS.
Turns = list[tuple[bytes, bytes]]
TURNS: dict[str, Turns] = {
    "smtp": [
        (b"", b"220-mail\r\n220 ready\r\n"),
        (rb"EHLO [a-z.]+\r\n", b"250-mail\r\n250-SIZE 1\r\n250 STARTTLS\r\n"),
        (rb"STARTTLS\r\n", b"220 go ahead\r\n"),
    ],
    "imap": [(b"", b"* OK ready\r\n"), (rb"n STARTTLS\r\n", b"* CAPABILITY IMAP4rev1\r\nn ok begin\r\n")],
    "pop3": [(b"", b"+OK ready\r\n"), (rb"STLS\r\n", b"+OK begin\r\n")],
    "ftp": [(b"", b"220-here\r\n 230 is no reply\r\n220 we are\r\n"), (rb"AUTH TLS\r\n", b"234 begin\r\n")],
    "xmpp": [
        (XMPP, FEATURES % b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"),
        (re.escape(STARTTLS), b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
    "ldap": [(re.escape(LDAP), extended_response(0))],
    "postgres": [(re.escape(struct.pack("!ii", 8, 80_877_103)), b"S")],
    "mysql": [(b"", mysql_greeting()), (MYSQL, b"")],
}


def serve_starttls(turns: Turns, context: ssl.SSLContext | None = None, injected: bytes = b"") -> Handler:
    """Return a handler that sends the response to each request, and then starts TLS. Other requests end the session.

    Without a context, the handler does not start TLS.
    """

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, (request, response) in enumerate(turns, 1):
            if not await _receives(reader, request):
                return
            writer.write(response + (injected if number == len(turns) else b""))
            await writer.drain()
        if context is not None:
            await _do_handshake(context, reader, writer)
        await reader.read()

    return handler


async def _do_handshake(context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do the server's TLS handshake manually, because `start_tls` loses data that a MySQL client sends early."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            if data := await reader.read(65_536):
                incoming.write(data)
            else:
                incoming.write_eof()
        else:
            writer.write(outgoing.read())
            return


async def _receives(reader: asyncio.StreamReader, expected: bytes) -> bool:
    received = b""
    while not re.fullmatch(expected, received, re.DOTALL):
        byte = await reader.read(1)
        received += byte
        if not byte:
            return False
    return True
