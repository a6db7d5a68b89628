"""STARTTLS: the exchange of each protocol before TLS, the server's agreement or refusal, and injected bytes."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trustme
from pydantic import ValidationError

from monitor.protocols.starttls import PORTS
from sla.observation import Outcome
from tests.monitor.probes.test_databases import POSTGRES, mariadb, postgres
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.probing import attempt, load_check
from tests.support.processes import needs
from tests.support.servers import send_nothing, serve_tcp
from tests.support.starttls import FEATURES, TURNS, XMPP, extended_response, mysql_greeting, serve_starttls

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

PROTOCOLS = sorted(PORTS)
EXTENDED = TURNS["ldap"][0][0]


class TlsServer(NamedTuple):
    """A server's context, and the authority that issued its certificate."""

    context: ssl.SSLContext
    authority: str


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> TlsServer:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))
    return TlsServer(context, write_ca_bundle(authority, tmp_path_factory.mktemp("authority")))


async def probe_starttls(handler: Handler, protocol: str, seconds: float = 5.0, **options: Any) -> ProbeResult:
    async with serve_tcp(handler) as port:
        check = {"tls": {"target": f"127.0.0.1:{port}", "starttls": protocol, **options}}
        return (await attempt(check, seconds)).result


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_certificate_after_starttls_is_verified(protocol: str, tls_server: TlsServer) -> None:
    handler = serve_starttls(TURNS[protocol], tls_server.context)
    result = await probe_starttls(handler, protocol, ca=tls_server.authority)
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
    assert result.certificate_expiry is not None
    assert {"connect", "first_byte", "tls"} <= set(result.phases)
    assert (await probe_starttls(handler, protocol)).reason == "tls_untrusted"


@pytest.mark.parametrize("protocol", [protocol for protocol in PROTOCOLS if TURNS[protocol][-1][1]])
async def test_injected_bytes_after_agreement_to_tls_are_rejected(protocol: str, tls_server: TlsServer) -> None:
    result = await probe_starttls(
        serve_starttls(TURNS[protocol], None, b"forged\r\n"), protocol, ca=tls_server.authority
    )
    assert (result.outcome, result.reason) == (Outcome.BAD, "starttls_injected")


async def test_injected_bytes_after_mysql_greeting_are_rejected(tls_server: TlsServer) -> None:
    result = await probe_starttls(send_on_connect(mysql_greeting() + b"forged"), "mysql", ca=tls_server.authority)
    assert (result.outcome, result.reason) == (Outcome.BAD, "starttls_injected")


REFUSALS = [
    ("smtp", [(b"", b"421-too\r\n421 busy\r\n")], "421 busy"),
    ("smtp", [*TURNS["smtp"][:2], (rb"STARTTLS\r\n", b"454 not now\r\n")], "454 not now"),
    ("imap", [(b"", b"* BYE overloaded\r\n")], "overloaded"),
    ("imap", [*TURNS["imap"][:1], (rb"n STARTTLS\r\n", b"n BAD unknown\r\n")], "unknown"),
    ("pop3", [(b"", b"+OK\r\n"), (rb"STLS\r\n", b"-ERR what?\r\n")], "what?"),
    ("ftp", [(b"", b"220 here\r\n"), (rb"AUTH TLS\r\n", b"530 log in first\r\n")], "530"),
    ("xmpp", [(XMPP, FEATURES % b"<mechanisms/>")], "does not offer"),
    ("xmpp", [*TURNS["xmpp"][:1], (TURNS["xmpp"][1][0], b"<failure xmlns='x'/></stream:stream>")], "<failure"),
    ("ldap", [(EXTENDED, extended_response(2, b"unsupported extended operation"))], "result 2 unsupported"),
    ("ldap", [(EXTENDED, extended_response(52, number=0))], "result 52"),
    ("postgres", [(TURNS["postgres"][0][0], b"N")], "does not support TLS"),
    ("mysql", [(b"", mysql_greeting(0xF7FF))], "does not support TLS"),
    ("mysql", [(b"", b"\x17\0\0\0\xff\x10\x04Too many connections")], "Too many"),
]


@pytest.mark.parametrize(("protocol", "turns", "expected_detail"), REFUSALS)
async def test_refusal_of_starttls_is_reported(protocol: str, turns: Any, expected_detail: str) -> None:
    result = await probe_starttls(serve_starttls(turns), protocol)
    assert (result.outcome, result.reason) == (Outcome.BAD, "starttls_refused"), result.detail
    assert expected_detail in result.detail


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "reply", [b"SSH-2.0-OpenSSH_9.2\r\n" * 20, b"\x30\x02\xff\xff" * 20, b"\x30\x05\x02\x01\x01\x78\x80", bytes(200)]
)
async def test_reply_of_another_protocol_is_bad_with_a_reason(protocol: str, reply: bytes) -> None:
    result = await probe_starttls(send_and_close(reply), protocol)
    assert result.outcome is Outcome.BAD
    assert result.reason in ("starttls_malformed", "starttls_injected", "hung_up", "answer_too_long")
    assert result.detail.isprintable()


INVALID_REPLY_REASONS = {"starttls_malformed", "starttls_refused", "answer_too_long"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("handler", "reasons"),
    [
        (send_and_close(), {"hung_up"}),
        (send_on_connect(b"220-more\r\n" * 30_000), INVALID_REPLY_REASONS),
        (send_on_connect(b"<stream:stream><stream:features/><proceed" * 2_000), INVALID_REPLY_REASONS),
        (send_nothing, {"deadline"}),
    ],
)
async def test_exchange_ends_for_any_server_behaviour(protocol: str, handler: Handler, reasons: set[str]) -> None:
    result = await probe_starttls(handler, protocol, 0.5)
    assert result.outcome is Outcome.BAD
    assert result.reason in reasons, result.detail


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_default_port_depends_on_the_protocol(protocol: str) -> None:
    check = load_check({"tls": {"target": "mail.example.org", "starttls": protocol}})
    assert check.tls.target.port == PORTS[protocol]
    assert load_check({"tls": {"target": "[::1]:99", "starttls": protocol}}).tls.target.port == 99


def test_default_port_without_a_protocol_is_443() -> None:
    assert load_check({"tls": "forms.example.org"}).target == "forms.example.org:443"


@pytest.mark.parametrize("options", [{"starttls": "telnet"}, {"starttls": True}, {"starttls": "smtp", "target": "a b"}])
def test_invalid_starttls_option_is_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load_check({"tls": {"target": "mail.example.org", **options}})


REAL_SERVERS = {
    "postgres": (postgres, "postgres", ("-c", "ssl=on", "-c", "ssl_cert_file={0}/crt", "-c", "ssl_key_file={0}/key")),
    "mysql": (mariadb, "mysql", ("--ssl-cert={0}/crt", "--ssl-key={0}/key")),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "protocol",
    [
        pytest.param("postgres", marks=needs(str(POSTGRES / "initdb"))),
        pytest.param("mysql", marks=needs("mariadbd", "mariadb-install-db")),
    ],
)
async def test_real_server_is_good(protocol: str, tmp_path: Path) -> None:
    server, owner, options = REAL_SERVERS[protocol]
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(tmp_path / "key")
    (tmp_path / "crt").write_bytes(b"".join(certificate.bytes() for certificate in leaf.cert_chain_pems))
    (tmp_path / "key").chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(tmp_path / "key", owner)
    with server(tmp_path, *(option.format(tmp_path) for option in options)) as port:
        target = {"target": f"127.0.0.1:{port}", "starttls": protocol, "ca": write_ca_bundle(authority, tmp_path)}
        result = (await attempt({"tls": target})).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
