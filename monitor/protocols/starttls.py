"""STARTTLS: request TLS on a plain connection, for each protocol."""

from __future__ import annotations

import re
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from monitor.config.expect import Regex
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.network.buffered_stream import BufferedStream

Protocol = Literal["smtp", "imap", "pop3", "ftp", "xmpp", "ldap", "postgres", "mysql"]
PORTS = {
    "smtp": 25,
    "imap": 143,
    "pop3": 110,
    "ftp": 21,
    "xmpp": 5222,
    "ldap": 389,
    "postgres": 5432,
    "mysql": 3306,
}
HELO = "ninewatch.invalid"  # our host name for EHLO, in a domain reserved by RFC 2606
_MAX_LINES = 100


async def begin_tls(stream: BufferedStream, protocol: Protocol, host: str) -> None:
    """Request TLS, and return after the server has agreed. The TLS handshake follows.

    Raises:
        ProbeFailure: `starttls_refused`, `starttls_malformed`, `starttls_injected`, or as `BufferedStream`.
    """
    if protocol in _LINE_PROTOCOLS:
        await _send_commands(stream, _LINE_PROTOCOLS[protocol])
    else:
        await _OTHER_PROTOCOLS[protocol](stream, host)
    refuse_injected(stream)


def refuse_injected(stream: BufferedStream) -> None:
    """Check that no plain bytes follow the server's agreement to TLS; they may be injected (CVE-2011-0411).

    Raises:
        ProbeFailure: `starttls_injected`.
    """
    if stream.buffer:
        raise ProbeFailure("starttls_injected", f"{len(stream.buffer)} bytes before the handshake")


# --- Line-based protocols -----------------------------------------------------------------------------------------


class _Command(NamedTuple):
    """A command (empty for the greeting), and the patterns of the last line of its reply and of a positive reply."""

    text: bytes
    last_line: bytes
    positive: bytes


class _LineProtocol(NamedTuple):
    """The commands of a protocol, and the pattern of the reply lines before the last line."""

    earlier_line: bytes
    commands: tuple[_Command, ...]


_CODE = rb"\d{3}( |$)"
_POP3_REPLY = rb"\+OK|-ERR"
_LINE_PROTOCOLS = {
    "smtp": _LineProtocol(  # RFC 3207
        rb"\d{3}-",
        (
            _Command(b"", _CODE, b"220"),
            _Command(f"EHLO {HELO}\r\n".encode(), _CODE, b"250"),
            _Command(b"STARTTLS\r\n", _CODE, b"220"),
        ),
    ),
    "ftp": _LineProtocol(  # RFC 4217
        rb"\d{3}-|\s", (_Command(b"", _CODE, b"220"), _Command(b"AUTH TLS\r\n", _CODE, b"234"))
    ),
    "imap": _LineProtocol(  # RFC 3501, 6.2.1
        rb"\* ", (_Command(b"", rb"\* (OK|PREAUTH|BYE)", rb"\* OK"), _Command(b"n STARTTLS\r\n", b"n ", b"n OK"))
    ),
    "pop3": _LineProtocol(  # RFC 2595
        rb"(?!)", (_Command(b"", _POP3_REPLY, rb"\+OK"), _Command(b"STLS\r\n", _POP3_REPLY, rb"\+OK"))
    ),
}


async def _send_commands(stream: BufferedStream, protocol: _LineProtocol) -> None:
    for command in protocol.commands:
        if command.text:
            await stream.send_request(command.text)
        line = await _last_line(stream, protocol.earlier_line, command.last_line)
        if not re.match(command.positive, line, re.IGNORECASE):
            raise _refusal(line)


async def _last_line(stream: BufferedStream, earlier_line: bytes, last_line: bytes) -> bytes:
    for _ in range(_MAX_LINES):
        line = await stream.read_line()
        if re.match(last_line, line, re.IGNORECASE):
            return line
        if not re.match(earlier_line, line):
            raise _malformed_reply(line)
    raise ProbeFailure("starttls_malformed", f"more than {_MAX_LINES} lines in a reply")


def _refusal(received: bytes) -> ProbeFailure:
    return ProbeFailure("starttls_refused", quoted(received.decode(errors="replace"), 120))


def _malformed_reply(received: bytes) -> ProbeFailure:
    return ProbeFailure("starttls_malformed", f"{quoted(received.decode(errors='replace'))} is not this protocol")


# --- Other protocols ----------------------------------------------------------------------------------------------

_FEATURES = Regex("</stream:features>|<stream:features */>|</stream:stream>")
_PROCEED = Regex(r"<proceed\b[^>]*(/>|>\s*</proceed>)|<failure\b[^>]*>")


async def _xmpp(stream: BufferedStream, host: str) -> None:
    """Negotiate as in RFC 6120, 5.4."""
    await stream.send_request(
        f"<?xml version='1.0'?><stream:stream to='{host}' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
    )
    offered = await _read_through(stream, _FEATURES, "the stream's features")
    if b"<stream:" not in offered:
        raise _malformed_reply(offered)
    if b"<starttls" not in offered:
        raise ProbeFailure("starttls_refused", "the server does not offer STARTTLS")
    await stream.send_request(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    response = await _read_through(stream, _PROCEED, "<proceed/>")
    if b"<proceed" not in response:
        raise _refusal(response)


async def _read_through(stream: BufferedStream, expected: Regex, description: str) -> bytes:
    await stream.fill_until(lambda received: expected.search(bytes(received)), description)
    return await stream.read_exactly(expected.end(bytes(stream.buffer)) or 0)


async def _ldap(stream: BufferedStream, _host: str) -> None:
    """Send the extended request of RFC 4511, 4.14, whose response has a result code."""
    await stream.send_request(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037")
    tag, size = await stream.read_exactly(2)
    if tag != 0x30:
        raise _malformed_reply(bytes([tag, size]))
    if size & 0x80:
        size = int.from_bytes(await stream.read_exactly(size & 0x7F), "big")
    message = await stream.read_exactly(size)
    try:
        _, _, rest = _parse_element(message)  # the message ID, which is 0 in a notice of disconnection
        kind, response, _ = _parse_element(rest)
        _, code, rest = _parse_element(response)
        _, _, rest = _parse_element(rest)
        _, received, _ = _parse_element(rest)
    except IndexError:
        raise _malformed_reply(message) from None
    if kind != 0x78:
        raise _malformed_reply(message)
    if any(code):
        raise _refusal(b"result %d " % int.from_bytes(code, "big") + received)


def _parse_element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and the value of the first BER element (X.690, 8.1), and the remaining bytes.

    Raises:
        IndexError: the data is truncated.
    """
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise IndexError
    return tag, data[start : start + size], data[start + size :]


async def _postgres(stream: BufferedStream, _host: str) -> None:
    """Send SSLRequest (PostgreSQL manual, 53.7), whose response is one byte."""
    await stream.send_request(struct.pack("!ii", 8, 80_877_103))
    response = await stream.read_exactly(1)
    if response == b"N":
        raise ProbeFailure("starttls_refused", "the server does not support TLS")
    if response != b"S":
        raise _malformed_reply(response)


_CLIENT_PROTOCOL_41, _CLIENT_SSL, _CLIENT_SECURE_CONNECTION = 0x200, 0x800, 0x8000


async def _mysql(stream: BufferedStream, _host: str) -> None:
    """Read the server's greeting and send SSLRequest, which has no response."""
    size = int.from_bytes((await stream.read_exactly(4))[:3], "little")
    greeting = await stream.read_exactly(size)
    if greeting[:1] == b"\xff":
        raise _refusal(greeting[3:])
    _, separator, rest = greeting[1:].partition(
        b"\0"
    )  # version; then thread (4), salt (8), filler (1), capabilities (2)
    if greeting[:1] != b"\x0a" or not separator or len(rest) < 15:
        raise _malformed_reply(greeting)
    if not int.from_bytes(rest[13:15], "little") & _CLIENT_SSL:
        raise ProbeFailure("starttls_refused", "the server does not support TLS")
    refuse_injected(stream)
    capabilities = _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE_CONNECTION
    await stream.send_request(b"\x20\0\0\x01" + struct.pack("<IIB23x", capabilities, 1 << 24, 45))


_OTHER_PROTOCOLS: dict[str, Callable[[BufferedStream, str], Awaitable[None]]] = {
    "xmpp": _xmpp,
    "ldap": _ldap,
    "postgres": _postgres,
    "mysql": _mysql,
}

REASONS = {
    "answer_too_long": "no expected response within 64 KiB",
    "hung_up": "the connection was closed before the handshake",
    "starttls_injected": "unencrypted bytes after the agreement to TLS",
    "starttls_malformed": "the response does not follow the protocol of `starttls`",
    "starttls_refused": "the server does not offer STARTTLS, or rejects it",
}
