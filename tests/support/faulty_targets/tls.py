"""Faulty targets of TLS: certificates that must be rejected, and handshakes that fail."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import trustme
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.faulty_targets.behaviour import (
    answer_with,
    read_and_close,
    reset_after,
    send_endlessly,
    send_slowly,
)
from tests.support.faulty_targets.certificates import (
    DAY,
    HOST,
    NO_EXPIRY,
    UNKNOWN_EXTENSION,
    IssuedCertificate,
    key_of,
    names,
    self_signed,
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
from tests.support.faulty_targets.openssl import s_server
from tests.support.line_servers import send_on_connect
from tests.support.servers import http_response, send_nothing

if TYPE_CHECKING:
    from tests.support.servers import Handler

NOW = datetime.now(UTC)
NAMES_OF_HOST = names(HOST)
HANDSHAKE, UNTRUSTED, EXPIRED = "tls_handshake", "tls_untrusted", "tls_expired"
Context = Callable[[TargetAuthority], ssl.SSLContext]


def _target(name: str, serve_target: ServeTarget, reason: str, **options: Any) -> FaultyTarget:
    """Return a faulty target of the `tls` kind. `options` are further keys of the check."""
    seconds, max_blocked = options.pop("seconds", AMPLE), options.pop("max_blocked", 0.1)
    check = {"tls": {"target": f"{HOST}:<port>", "ca": "<ca>", **options}}
    return FaultyTarget(f"tls-{name}", serve_target, check, reason, BAD if reason else GOOD, seconds, max_blocked)


def _with_certificate(
    name: str,
    make: Callable[[IssuedCertificate], IssuedCertificate],
    reason: str,
    *,
    chain: bool = True,
    **options: Any,
) -> FaultyTarget:
    """Return a faulty target with the certificate that `make` creates with the trusted authority."""

    def context(authority: TargetAuthority) -> ssl.SSLContext:
        return make(IssuedCertificate.of(authority.root)).context(authority.folder, chain=chain)

    return _target(name, listener(send_nothing, context), reason, **options)


def expired_certificates() -> Iterator[FaultyTarget]:
    """Yield certificates outside of their validity."""
    yield _with_certificate(
        "expired", lambda ca: ca.issues(NAMES_OF_HOST, starts=NOW - 9 * DAY, ends=NOW - DAY), "tls_expired"
    )
    yield _with_certificate("not-yet-valid", lambda ca: ca.issues(NAMES_OF_HOST, starts=NOW + DAY), "tls_not_yet_valid")
    yield _with_certificate(
        "expiring", lambda ca: ca.issues(NAMES_OF_HOST, ends=NOW + 3 * DAY), "tls_expiring", valid_for="14d"
    )
    yield _with_certificate("for-ever", lambda ca: ca.issues(NAMES_OF_HOST, ends=NO_EXPIRY), "", valid_for="14d")
    expired = {"starts": NOW - 9 * DAY, "ends": NOW - DAY}
    yield _with_certificate(
        "authority-expired", lambda ca: ca.issues_authority(**expired).issues(NAMES_OF_HOST), EXPIRED
    )
    yield _with_certificate("expired-other-name", lambda ca: ca.issues(names("a.example"), **expired), "tls_hostname")


def certificates_of_other_hosts() -> Iterator[FaultyTarget]:
    """Yield certificates for other hosts."""
    host = {"server_name": "status.example"}
    yield _with_certificate("other-address", lambda ca: ca.issues(names("127.0.0.2")), "tls_hostname")
    yield _with_certificate("other-host", lambda ca: ca.issues(names("other.example")), "tls_hostname", **host)
    yield _with_certificate("address-as-name", lambda ca: ca.issues(_text(HOST)), "tls_hostname")
    yield _with_certificate(
        "common-name-only", lambda ca: ca.issues(common_name="status.example"), "tls_hostname", **host
    )
    yield _with_certificate("wildcard-too-high", lambda ca: ca.issues(names("*.example")), "tls_hostname", **host)
    yield _with_certificate("wildcard-within", lambda ca: ca.issues(names("sta*.example")), "tls_hostname", **host)
    yield _with_certificate(
        "name-with-nul", lambda ca: ca.issues(_text("status.example\0.evil.example")), "tls_hostname", **host
    )
    yield _with_certificate(
        "wildcard", lambda ca: ca.issues(names("*.status.example")), "", server_name="a.status.example"
    )
    many = names(HOST, *(f"host-{number}.example" for number in range(2_000)))
    yield _with_certificate("names-by-the-thousand", lambda ca: ca.issues(many), "")


def _text(name: str) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName([x509.DNSName(name)]), False


def untrusted_certificates() -> Iterator[FaultyTarget]:
    """Yield certificates without a trusted chain, or not valid for servers."""
    client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False
    elsewhere = x509.NameConstraints([x509.DNSName("elsewhere.example")], None), True
    yield _with_certificate("self-signed", lambda ca: self_signed(NAMES_OF_HOST), UNTRUSTED)
    yield _with_certificate(
        "unknown-authority", lambda ca: IssuedCertificate.of(trustme.CA()).issues(NAMES_OF_HOST), UNTRUSTED
    )
    yield _with_certificate(
        "intermediate-missing", lambda ca: ca.issues_authority().issues(NAMES_OF_HOST), UNTRUSTED, chain=False
    )
    yield _with_certificate("intermediate", lambda ca: ca.issues_authority().issues(NAMES_OF_HOST), "")
    yield _with_certificate("issued-by-a-leaf", lambda ca: ca.issues(NAMES_OF_HOST).issues(NAMES_OF_HOST), UNTRUSTED)
    yield _with_certificate(
        "issued-too-deep", lambda ca: ca.issues_authority(depth=0).issues_authority().issues(NAMES_OF_HOST), UNTRUSTED
    )
    yield _with_certificate("for-clients", lambda ca: ca.issues(NAMES_OF_HOST, client), UNTRUSTED)
    yield _with_certificate(
        "unheard-of-and-critical", lambda ca: ca.issues(NAMES_OF_HOST, UNKNOWN_EXTENSION), UNTRUSTED
    )
    limited = names("status.example")
    yield _with_certificate(
        "beyond-its-authority",
        lambda ca: ca.issues_authority(elsewhere).issues(limited),
        UNTRUSTED,
        server_name="status.example",
    )
    yield _with_certificate("weak-key", lambda ca: ca.issues(NAMES_OF_HOST, key=key_of(1024)), UNTRUSTED)
    yield _with_certificate("strong-key", lambda ca: ca.issues(NAMES_OF_HOST, key=key_of(4096)), "")
    yield _with_certificate("long-chain", lambda ca: _deep(ca, 8).issues(NAMES_OF_HOST), "")
    yield _with_certificate(
        "endless-chain", lambda ca: _deep(ca, 300).issues(NAMES_OF_HOST), HANDSHAKE
    )  # over OpenSSL's 100 KiB


def _deep(authority: IssuedCertificate, steps: int) -> IssuedCertificate:
    for _ in range(steps):
        authority = authority.issues_authority()
    return authority


def failed_negotiations() -> Iterator[FaultyTarget]:
    """Yield servers with which no protocol or cipher can be negotiated, or which require more than the check has."""
    weak_ciphers = "DEFAULT:COMPLEMENTOFALL:@SECLEVEL=0"
    yield _target("only-1.0", s_server("-tls1", "-cipher", weak_ciphers), HANDSHAKE)
    yield _target("only-1.1", s_server("-tls1_1", "-cipher", weak_ciphers), HANDSHAKE)
    yield _target("no-encryption", s_server("-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"), HANDSHAKE)
    yield _target("anonymous", s_server("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"), HANDSHAKE)
    yield _target("only-cbc-sha1", s_server("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA", bits=2048), HANDSHAKE)
    yield _target("only-static-rsa", s_server("-tls1_2", "-cipher", "AES128-GCM-SHA256", bits=2048), HANDSHAKE)
    yield _target("only-psk", s_server("-nocert", "-tls1_2", "-psk", "c0ffee", "-cipher", "PSK"), HANDSHAKE)
    unknown_name = (
        "-servername",
        "other.example",
        "-servername_fatal",
        "-cert2",
        "<certificate>",
        "-key2",
        "<certificate>",
    )
    yield _target("name-unknown", s_server(*unknown_name), HANDSHAKE, server_name="status.example")
    yield _target("client-certificate", s_server("-tls1_2", "-Verify", "1"), HANDSHAKE)
    dhe = ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256", "-dhparam", "<ffdhe8192>")
    yield _target("only-dhe", s_server(*dhe, bits=2048), HANDSHAKE)
    yield _target("1.2", s_server("-tls1_2"), "")
    yield _target("1.3", s_server("-tls1_3"), "")
    # OpenSSL offers this group, and Python cannot disable it before 3.15 (SSLContext.set_groups).
    yield _target("group-of-8192-bits", s_server("-tls1_3", "-groups", "ffdhe8192"), "", max_blocked=0.5)
    yield _target("retry-p-521", s_server("-tls1_3", "-groups", "P-521"), "")


def broken_handshakes() -> Iterator[FaultyTarget]:
    """Yield servers that use another protocol, stop during the handshake, or never start it."""
    yield _target("silent", listener(send_nothing), "tls_timeout", seconds=SHORT)
    yield _target(
        "drip", listener(send_slowly(b"\0", b"\x16\x03\x03\x40\0", after_request=False)), "tls_timeout", seconds=SHORT
    )
    yield _target("hello-then-silence", listener(_part_of_a_handshake(5, stay=True)), "tls_timeout", seconds=SHORT)
    yield _target("closes-at-once", listener(read_and_close(4_096)), HANDSHAKE)
    yield _target("resets", listener(reset_after(after_request=False)), "connection_reset")
    yield _target("cut-in-the-middle", listener(_part_of_a_handshake(500)), HANDSHAKE)
    yield _target("alert", listener(read_and_close(4_096, b"\x15\x03\x03\0\x02\x02\x28")), HANDSHAKE)
    yield _target("warnings-without-end", listener(send_endlessly(b"\x15\x03\x03\0\x02\x01\x70" * 1_000)), HANDSHAKE)
    yield _target("empty-records", listener(send_endlessly(b"\x16\x03\x03\0\0" * 1_000)), HANDSHAKE)
    yield _target("garbage", listener(send_endlessly(b"\x16\x03\x03\xff\xff" + b"\xff" * 70_000)), HANDSHAKE)
    yield _target(
        "huge-hello", listener(send_endlessly(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + b"\0" * 16_380)), HANDSHAKE
    )
    yield _target("plain-http", listener(read_and_close(4_096, http_response(b"", "400 Bad Request"))), HANDSHAKE)
    yield _target("plain-smtp", listener(send_on_connect(b"220 mail.example ESMTP\r\n")), HANDSHAKE)
    yield _target("echo", listener(_echo), HANDSHAKE)


def _part_of_a_handshake(count: int, *, stay: bool = False) -> Handler:
    """Send only the first bytes of a real server's handshake."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65_536)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _certify(context)
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(hello)
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read()[:count])
        await writer.drain()
        if not stay:
            writer.write_eof()
        await reader.read()

    return handler


def _certify(context: ssl.SSLContext) -> None:
    trustme.CA().issue_cert(HOST).configure_cert(context)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)


def over_http() -> Iterator[FaultyTarget]:
    """Yield https servers with faults that occur after the handshake."""

    def build_target(name: str, serve_target: ServeTarget, reason: str, **options: Any) -> FaultyTarget:
        check = {"http": f"https://{HOST}:<port>/", "tls": {"ca": "<ca>"}, **options}
        return FaultyTarget(f"https-{name}", serve_target, check, reason, BAD if reason else GOOD)

    def trusted_context(authority: TargetAuthority) -> ssl.SSLContext:
        return IssuedCertificate.of(authority.root).issues(NAMES_OF_HOST).context(authority.folder)

    yield build_target("good", listener(answer_with(http_response(b"ok")), trusted_context), "")
    yield build_target(
        "expired",
        listener(send_nothing, lambda authority: _expired_certificate(authority).context(authority.folder)),
        EXPIRED,
    )
    yield build_target("client-certificate", s_server("-tls1_3", "-Verify", "1", "-www"), HANDSHAKE)
    yield build_target("tickets", s_server("-tls1_3", "-num_tickets", "200", "-www"), "")
    yield build_target("no-response", listener(answer_with(b""), trusted_context), "empty_response")
    short = answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
    yield build_target("cut-short", listener(short, trusted_context), "truncated_response")
    endless = send_endlessly(b"x" * 65_536, b"HTTP/1.1 200 OK\r\n\r\n")
    yield build_target(
        "endless-body", listener(endless, trusted_context), "body_too_large", expect={"contains": "never this"}
    )
    yield build_target("plain", listener(read_and_close(4_096, http_response(b"ok"))), HANDSHAKE)


def _expired_certificate(authority: TargetAuthority) -> IssuedCertificate:
    return IssuedCertificate.of(authority.root).issues(NAMES_OF_HOST, starts=NOW - 9 * DAY, ends=NOW - DAY)


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    for group in (
        expired_certificates,
        certificates_of_other_hosts,
        untrusted_certificates,
        failed_negotiations,
        broken_handshakes,
        over_http,
    ):
        yield from group()
