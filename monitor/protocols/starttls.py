"""What is said on a port that speaks in the clear first, until TLS begins: one short talk for each protocol."""

from __future__ import annotations

import re
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from monitor.config.expect import Regex
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.network.buffered_stream import Dialogue

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
HELO = "ninewatch.invalid"  # the name that we give for ourselves; by RFC 2606 it is nobody's
_MOST_LINES = 100


async def begin_tls(dialogue: Dialogue, protocol: Protocol, host: str) -> None:
    """Ask for TLS, and return once the server has consented: the next bytes belong to the handshake.

    Raises:
        ProbeFailure: `starttls_refused`, `starttls_malformed`, `starttls_injected`, and what a dialogue raises.
    """
    if protocol in _LINES:
        await _by_lines(dialogue, _LINES[protocol])
    else:
        await _TALKS[protocol](dialogue, host)
    refuse_injected(dialogue)


def refuse_injected(dialogue: Dialogue) -> None:
    """Refuse what came behind the consent to TLS: in the clear, it could be anybody's (CVE-2011-0411).

    Raises:
        ProbeFailure: `starttls_injected`: it would have been taken for encrypted.
    """
    if dialogue.heard:
        raise ProbeFailure("starttls_injected", f"{len(dialogue.heard)} bytes before the handshake")


# --- Protocols of lines ------------------------------------------------------------------------------------------


class _Turn(NamedTuple):
    """Something that we say, the last line of a reply to it, and of one that agrees."""

    said: bytes
    last: bytes
    good: bytes


class _Lines(NamedTuple):
    """Turns, and what the lines of a reply look like that has more of them."""

    more: bytes
    turns: tuple[_Turn, ...]


_CODE = rb"\d{3}( |$)"
_ANSWER = rb"\+OK|-ERR"
_LINES = {
    "smtp": _Lines(  # RFC 3207
        rb"\d{3}-",
        (
            _Turn(b"", _CODE, b"220"),
            _Turn(f"EHLO {HELO}\r\n".encode(), _CODE, b"250"),
            _Turn(b"STARTTLS\r\n", _CODE, b"220"),
        ),
    ),
    "ftp": _Lines(rb"\d{3}-|\s", (_Turn(b"", _CODE, b"220"), _Turn(b"AUTH TLS\r\n", _CODE, b"234"))),  # RFC 4217
    "imap": _Lines(  # RFC 3501, 6.2.1
        rb"\* ", (_Turn(b"", rb"\* (OK|PREAUTH|BYE)", rb"\* OK"), _Turn(b"n STARTTLS\r\n", b"n ", b"n OK"))
    ),
    "pop3": _Lines(rb"(?!)", (_Turn(b"", _ANSWER, rb"\+OK"), _Turn(b"STLS\r\n", _ANSWER, rb"\+OK"))),  # RFC 2595
}


async def _by_lines(dialogue: Dialogue, talk: _Lines) -> None:
    for turn in talk.turns:
        if turn.said:
            await dialogue.ask(turn.said)
        line = await _last_line(dialogue, talk.more, turn.last)
        if not re.match(turn.good, line, re.IGNORECASE):
            raise _refused(line)


async def _last_line(dialogue: Dialogue, more: bytes, last: bytes) -> bytes:
    for _ in range(_MOST_LINES):
        line = await dialogue.line()
        if re.match(last, line, re.IGNORECASE):
            return line
        if not re.match(more, line):
            raise _malformed(line)
    raise ProbeFailure("starttls_malformed", f"more than {_MOST_LINES} lines in a reply")


def _refused(said: bytes) -> ProbeFailure:
    return ProbeFailure("starttls_refused", quoted(said.decode(errors="replace"), 120))


def _malformed(said: bytes) -> ProbeFailure:
    return ProbeFailure("starttls_malformed", f"{quoted(said.decode(errors='replace'))} is not this protocol")


# --- Others ------------------------------------------------------------------------------------------------------

_FEATURES = Regex("</stream:features>|<stream:features */>|</stream:stream>")
_PROCEED = Regex(r"<proceed\b[^>]*(/>|>\s*</proceed>)|<failure\b[^>]*>")


async def _xmpp(dialogue: Dialogue, host: str) -> None:
    """RFC 6120, 5.4."""
    await dialogue.ask(
        f"<?xml version='1.0'?><stream:stream to='{host}' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
    )
    offered = await _through(dialogue, _FEATURES, "the stream's features")
    if b"<stream:" not in offered:
        raise _malformed(offered)
    if b"<starttls" not in offered:
        raise ProbeFailure("starttls_refused", "the server does not offer it")
    await dialogue.ask(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    answer = await _through(dialogue, _PROCEED, "<proceed/>")
    if b"<proceed" not in answer:
        raise _refused(answer)


async def _through(dialogue: Dialogue, wanted: Regex, what: str) -> bytes:
    await dialogue.until(lambda heard: wanted.search(bytes(heard)), what)
    return await dialogue.exactly(wanted.end(bytes(dialogue.heard)) or 0)


async def _ldap(dialogue: Dialogue, _host: str) -> None:
    """RFC 4511, 4.14: an extended request, whose answer bears a result code."""
    await dialogue.ask(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037")
    tag, size = await dialogue.exactly(2)
    if tag != 0x30:
        raise _malformed(bytes([tag, size]))
    if size & 0x80:
        size = int.from_bytes(await dialogue.exactly(size & 0x7F), "big")
    message = await dialogue.exactly(size)
    try:
        _, _, behind = _unpacked(message)  # the message's number: a notice of disconnection has 0
        kind, answer, _ = _unpacked(behind)
        _, code, behind = _unpacked(answer)
        _, _, behind = _unpacked(behind)
        _, said, _ = _unpacked(behind)
    except IndexError:
        raise _malformed(message) from None
    if kind != 0x78:
        raise _malformed(message)
    if any(code):
        raise _refused(b"result %d " % int.from_bytes(code, "big") + said)


def _unpacked(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and value of what stands first in BER (X.690, 8.1), and what stands behind it.

    Raises:
        IndexError: it is cut short.
    """
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise IndexError
    return tag, data[start : start + size], data[start + size :]


async def _postgres(dialogue: Dialogue, _host: str) -> None:
    """Send SSLRequest (PostgreSQL's manual, 53.7), which is answered by one byte."""
    await dialogue.ask(struct.pack("!ii", 8, 80_877_103))
    answer = await dialogue.exactly(1)
    if answer == b"N":
        raise ProbeFailure("starttls_refused", "the server does not encrypt")
    if answer != b"S":
        raise _malformed(answer)


_CLIENT_PROTOCOL_41, _CLIENT_SSL, _CLIENT_SECURE_CONNECTION = 0x200, 0x800, 0x8000


async def _mysql(dialogue: Dialogue, _host: str) -> None:
    """Read the server's greeting and answer with the part of ours that asks for TLS; there is no consent."""
    size = int.from_bytes((await dialogue.exactly(4))[:3], "little")
    greeting = await dialogue.exactly(size)
    if greeting[:1] == b"\xff":
        raise _refused(greeting[3:])
    _, ended, behind = greeting[1:].partition(b"\0")  # version; then thread (4), salt (8), filler (1), capabilities (2)
    if greeting[:1] != b"\x0a" or not ended or len(behind) < 15:
        raise _malformed(greeting)
    if not int.from_bytes(behind[13:15], "little") & _CLIENT_SSL:
        raise ProbeFailure("starttls_refused", "the server does not encrypt")
    refuse_injected(dialogue)
    ours = _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE_CONNECTION
    await dialogue.ask(b"\x20\0\0\x01" + struct.pack("<IIB23x", ours, 1 << 24, 45))


_TALKS: dict[str, Callable[[Dialogue, str], Awaitable[None]]] = {
    "xmpp": _xmpp,
    "ldap": _ldap,
    "postgres": _postgres,
    "mysql": _mysql,
}

REASONS = {
    "answer_too_long": "64 KiB came without what is waited for",
    "hung_up": "the connection was closed before the handshake",
    "starttls_injected": "bytes came in the clear that would have been taken for encrypted ones",
    "starttls_malformed": "what came is not the protocol of `starttls`",
    "starttls_refused": "the server does not offer to encrypt, or turns us away",
}
