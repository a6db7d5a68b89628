"""TLS failures of a target: each error of a certificate has its own reason, in every kind with TLS."""

from __future__ import annotations

import functools
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trustme
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.certificates import (
    context_with_chain,
    issue_certificate,
    self_signed_context,
    server_context,
    write_ca_bundle,
)
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, read_request, respond_with, send_nothing, serve_tcp
from tests.support.starttls import TURNS, serve_starttls

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from monitor.probe_result import ProbeResult

NOW = datetime.now(UTC)
HOST = "status.example"


class Authority(NamedTuple):
    """A certificate authority and the path of its certificate."""

    ca: trustme.CA
    path: str


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    ca = trustme.CA()
    return Authority(ca, write_ca_bundle(ca, tmp_path_factory.mktemp("authority")))


def tls_check(kind: str, port: int, **options: Any) -> dict[str, Any]:
    """Return a check of a TLS listener, as a mapping, of either kind."""
    if kind == "tls":
        return {"tls": {"target": f"127.0.0.1:{port}", **options}}
    return {"http": f"https://127.0.0.1:{port}/", "tls": options}


async def probe_server(kind: str, context: ssl.SSLContext, seconds: float = 5.0, **options: Any) -> ProbeResult:
    async with serve_tcp(respond_with(http_response(b"ok")), context) as port:
        return (await attempt(tls_check(kind, port, **options), seconds)).result


both_kinds = pytest.mark.parametrize("kind", ["tls", "http"])


@both_kinds
async def test_trusted_certificate_with_the_address_is_good(kind: str, authority: Authority) -> None:
    ends = NOW + timedelta(days=20)
    context = server_context(authority.ca.issue_cert("127.0.0.1", not_after=ends))
    result = await probe_server(kind, context, ca=authority.path)
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert result.certificate_expiry == pytest.approx(ends.timestamp(), abs=1)
    assert {"connect", "tls"} <= set(result.phases)


@both_kinds
@pytest.mark.parametrize(
    ("names", "validity", "reason"),
    [
        (["127.0.0.1"], {"not_before": NOW - timedelta(days=9), "not_after": NOW - timedelta(days=2)}, "tls_expired"),
        (
            ["127.0.0.1"],
            {"not_before": NOW + timedelta(days=2), "not_after": NOW + timedelta(days=9)},
            "tls_not_yet_valid",
        ),
        ([HOST], {}, "tls_hostname"),
        (["127.0.0.2"], {}, "tls_hostname"),
    ],
)
@pytest.mark.fault(37)
async def test_every_certificate_error_has_its_reason(
    kind: str, names: list[str], validity: dict[str, Any], reason: str, authority: Authority
) -> None:
    """The expiry is reported in each case."""
    validity = {"not_after": NOW + timedelta(days=20), **validity}
    context = server_context(authority.ca.issue_cert(*names, **validity))
    result = await probe_server(kind, context, ca=authority.path)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert result.detail
    assert result.certificate_expiry == pytest.approx(validity["not_after"].timestamp(), abs=1)


@both_kinds
async def test_self_signed_certificate_is_untrusted(kind: str, tmp_path: Path, authority: Authority) -> None:
    ends = (NOW + timedelta(days=20)).replace(microsecond=0)
    result = await probe_server(kind, self_signed_context(tmp_path, ends=ends), ca=authority.path)
    assert (result.outcome, result.reason, result.certificate_expiry) == (
        Outcome.BAD,
        "tls_untrusted",
        ends.timestamp(),
    )


@both_kinds
async def test_unconfigured_authority_is_untrusted(kind: str) -> None:
    """Without `ca`, the system's authorities are used, and they do not include the test's."""
    result = await probe_server(kind, server_context(trustme.CA().issue_cert("127.0.0.1")))
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_untrusted")


@both_kinds
async def test_verify_false_accepts_any_certificate_and_reports_its_expiry(kind: str, tmp_path: Path) -> None:
    ends = NOW - timedelta(hours=1)
    result = await probe_server(kind, self_signed_context(tmp_path, ends=ends), verify=False)
    assert result.outcome is Outcome.GOOD
    assert result.certificate_expiry == pytest.approx(ends.timestamp(), abs=1)


@both_kinds
@pytest.mark.fault(37)
async def test_certificate_with_the_maximum_expiry_is_read(kind: str, tmp_path: Path) -> None:
    ends = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    result = await probe_server(kind, self_signed_context(tmp_path, ends=ends), verify=False)
    assert (result.outcome, result.certificate_expiry) == (Outcome.GOOD, ends.timestamp())


@both_kinds
async def test_server_name_is_sent_and_verified(kind: str, authority: Authority) -> None:
    """SNI and the verified name are the configured name. The address is used for the connection only."""
    server_names: list[str | None] = []
    context = server_context(authority.ca.issue_cert(HOST))
    context.sni_callback = lambda _connection, name, _context: server_names.append(name)
    result = await probe_server(kind, context, ca=authority.path, server_name=HOST)
    assert (result.outcome, server_names) == (Outcome.GOOD, [HOST])


@both_kinds
@pytest.mark.fault(37)
async def test_stalled_handshake_ends_at_the_deadline(kind: str) -> None:
    async with serve_tcp(send_nothing) as port:
        result = (await attempt(tls_check(kind, port), 0.1)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_timeout")


async def spill(garbage: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(garbage)
    await writer.drain()
    await reader.read()


@both_kinds
@pytest.mark.parametrize(
    "garbage",
    [b"SSH-2.0-OpenSSH_9.2\r\n", http_response(b"plain"), b"\x00" * 5_000, b"\x16\x03\x03\xff\xff" + b"\xff" * 70_000],
)
async def test_garbage_on_the_tls_port_is_a_handshake_failure(kind: str, garbage: bytes) -> None:
    async with serve_tcp(functools.partial(spill, garbage)) as port:
        result = (await attempt(tls_check(kind, port), 5)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_handshake")


@both_kinds
async def test_server_that_hangs_up_during_the_handshake_is_a_handshake_failure(kind: str) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)  # the rest is unread, so the close may arrive as a reset

    async with serve_tcp(hang_up) as port:
        result = (await attempt(tls_check(kind, port), 5)).result
    assert result.outcome is Outcome.BAD
    assert result.reason in ("tls_handshake", "connection_reset")


@both_kinds
@pytest.mark.fault(37)
async def test_outdated_protocol_is_a_handshake_failure(kind: str, authority: Authority) -> None:
    context = server_context(authority.ca.issue_cert("127.0.0.1"))
    context.set_ciphers("AES128-SHA")  # a current client does not offer it
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    result = await probe_server(kind, context, ca=authority.path)
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_handshake")


@both_kinds
async def test_server_that_requires_a_certificate_gets_none(kind: str, authority: Authority) -> None:
    """With TLS 1.2 the rejection comes during the handshake. The outcome does not depend on that."""
    context = server_context(authority.ca.issue_cert("127.0.0.1"))
    authority.ca.configure_trust(context)
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2
    result = await probe_server(kind, context, ca=authority.path)
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_handshake")


async def test_valid_certificate_that_expires_too_soon_is_bad(authority: Authority) -> None:
    context = server_context(authority.ca.issue_cert("127.0.0.1", not_after=NOW + timedelta(days=10)))
    soon = await probe_server("tls", context, ca=authority.path, valid_for="14d")
    enough = await probe_server("tls", context, ca=authority.path, valid_for="7d")
    assert (soon.outcome, soon.reason) == (Outcome.BAD, "tls_expiring")
    assert soon.certificate_expiry is not None
    assert enough.outcome is Outcome.GOOD


class Chain(NamedTuple):
    """A server's context, the file of the trusted root, and the instant (Unix time) of the earliest expiry."""

    context: ssl.SSLContext
    ca: str
    expiry: float


def chain_of(folder: Path, *, leaf: float, intermediate: float, root: float, extra: str = "") -> Chain:
    top = issue_certificate("Root", root)
    middle = issue_certificate("Intermediate", intermediate, top)
    own = issue_certificate("Server", leaf, middle, host="127.0.0.1")
    others = {
        "": [],
        "unrelated": [issue_certificate("Unrelated", 1)],
        "cross-signed": [issue_certificate("Root", 1, issue_certificate("Old Root", 2), key=top.key)],
        "root": [top],
    }[extra]
    path = folder / "root.pem"
    path.write_bytes(top.pem)
    expiry = min(issued.certificate.not_valid_after_utc for issued in (own, middle, top)).timestamp()
    return Chain(context_with_chain(folder, own, middle, *others), str(path), expiry)


@pytest.mark.parametrize(
    ("days", "expected_name"),
    [
        ({"leaf": 90, "intermediate": 3, "root": 900}, 'a certificate of the chain "CN=Intermediate"'),
        ({"leaf": 90, "intermediate": 60, "root": 3}, 'a certificate of the chain "CN=Root"'),
        ({"leaf": 3, "intermediate": 60, "root": 900}, 'the certificate "CN=Server"'),
    ],
)
async def test_earliest_expiry_in_the_chain_decides(days: dict[str, float], expected_name: str, tmp_path: Path) -> None:
    chain = chain_of(tmp_path, **days)
    soon = await probe_server("tls", chain.context, ca=chain.ca, valid_for="14d")
    enough = await probe_server("tls", chain.context, ca=chain.ca, valid_for="2d")
    assert (soon.outcome, soon.reason) == (Outcome.BAD, "tls_expiring")
    assert soon.detail.startswith(f"{expected_name} expires in 3.0 days, on 20")
    assert enough.outcome is Outcome.GOOD


@pytest.mark.parametrize("extra", ["unrelated", "cross-signed", "root"])
async def test_certificate_outside_of_the_chain_does_not_count(extra: str, tmp_path: Path) -> None:
    chain = chain_of(tmp_path, leaf=90, intermediate=60, root=900, extra=extra)
    result = await probe_server("tls", chain.context, ca=chain.ca, valid_for="14d")
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
    assert result.certificate_expiry == chain.expiry


@pytest.mark.parametrize("verify", [True, False])
async def test_unverified_chain_does_not_count(verify: bool, tmp_path: Path) -> None:
    chain = chain_of(tmp_path, leaf=90, intermediate=3, root=900)
    result = await probe_server(
        "tls", chain.context, **({"ca": chain.ca} if verify else {"verify": False}), valid_for="14d"
    )
    assert result.outcome is (Outcome.BAD if verify else Outcome.GOOD)


SPEAKING_TLS: list[dict[str, Any]] = [
    {"http": "https://127.0.0.1:{}/"},
    {"tcp": "127.0.0.1:{}", "encrypted": True},
    {"smtp": "127.0.0.1:{}", "encryption": "tls"},
    {"redis": "127.0.0.1:{}", "encrypted": True},
    {"websocket": "wss://127.0.0.1:{}/"},
    {"grpc": "127.0.0.1:{}", "encrypted": True},
    {"dns": "a.example", "resolver": "127.0.0.1:{}", "transport": "tls"},
]


@pytest.mark.parametrize("fields", SPEAKING_TLS, ids=lambda fields: next(iter(fields)))
async def test_every_kind_reports_the_chains_expiry(fields: dict[str, Any], tmp_path: Path) -> None:
    chain = chain_of(tmp_path, leaf=90, intermediate=3, root=900)
    async with serve_tcp(send_nothing, chain.context) as port:
        check = {key: value.format(port) if isinstance(value, str) else value for key, value in fields.items()}
        result = (await attempt({**check, "tls": {"ca": chain.ca}}, 1.0)).result
    assert result.certificate_expiry == chain.expiry


async def test_chain_after_starttls_decides_too(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, leaf=90, intermediate=3, root=900)
    async with serve_tcp(serve_starttls(TURNS["smtp"], chain.context)) as port:
        check_keys = {"target": f"127.0.0.1:{port}", "starttls": "smtp", "ca": chain.ca, "valid_for": "14d"}
        result = (await attempt({"tls": check_keys}, 5)).result
    assert result.reason == "tls_expiring", result.detail
    assert "CN=Intermediate" in result.detail


async def test_unexpected_issuer_is_reported(authority: Authority) -> None:
    context = server_context(authority.ca.issue_cert("127.0.0.1"))
    result = await probe_server("tls", context, ca=authority.path, issuer="O=trustme v")
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    other = await probe_server("tls", context, ca=authority.path, issuer="^CN=Another CA,")
    assert (other.outcome, other.reason) == (Outcome.BAD, "tls_issuer")
    assert "trustme" in other.detail


async def test_fingerprint_accepts_one_untrusted_certificate(tmp_path: Path) -> None:
    context = self_signed_context(tmp_path)
    pem = (tmp_path / "self-signed.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :])
    pin = hashlib.sha256(der).hexdigest()
    with_colons = ":".join(pin[at : at + 2] for at in range(0, 64, 2)).upper()
    for fingerprint in (pin, with_colons):
        assert (await probe_server("tls", context, verify=False, sha256=fingerprint)).outcome is Outcome.GOOD
    other = await probe_server("tls", context, verify=False, sha256="0" * 64)
    assert (other.outcome, other.reason) == (Outcome.BAD, "tls_other_certificate")
    assert pin in other.detail


@pytest.mark.parametrize(
    "options", [{"sha256": "abc"}, {"sha256": "g" * 64}, {"issuer": "("}, {"issuer": 5}, {"valid_for": 14}]
)
def test_invalid_certificate_expectation_is_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load_check(tls_check("tls", 443, **options))


async def test_resolve_to_keeps_the_verified_name(authority: Authority) -> None:
    """The connection goes to the address; SNI, the Host header and the verified name are the URL's."""
    server_names: list[str | None] = []
    hosts: list[bytes] = []
    context = server_context(authority.ca.issue_cert(HOST))
    context.sni_callback = lambda _connection, name, _context: server_names.append(name)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.extend(line for line in (await read_request(reader)).split(b"\r\n") if line.startswith(b"Host:"))
        writer.write(http_response())
        await writer.drain()
        await reader.read()

    async with serve_tcp(handler, context) as port:
        check = {"http": f"https://{HOST}:{port}/", "resolve_to": "127.0.0.1", "tls": {"ca": authority.path}}
        result = (await attempt(check)).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert (server_names, hosts) == ([HOST], [f"Host: {HOST}:{port}".encode()])


async def test_changed_ca_bundle_changes_the_check(tmp_path: Path) -> None:
    """A reload therefore uses a rotated authority, although the configuration's text is unchanged."""
    old, new = trustme.CA(), trustme.CA()
    context = server_context(new.issue_cert("127.0.0.1"))
    path = write_ca_bundle(old, tmp_path)
    async with serve_tcp(respond_with(http_response()), context) as port:
        before = load_check(tls_check("tls", port, ca=path))
        rejected = (await attempt(tls_check("tls", port, ca=path))).result
        write_ca_bundle(new, tmp_path)
        after = load_check(tls_check("tls", port, ca=path))
        result = (await attempt(tls_check("tls", port, ca=path))).result
    assert before != after
    assert (rejected.reason, result.outcome) == ("tls_untrusted", Outcome.GOOD)


async def test_ca_bundle_may_contain_comments(tmp_path: Path, authority: Authority) -> None:
    path = tmp_path / "remarks.pem"
    path.write_text("# Autorité de confiance\n" + Path(authority.path).read_text(), "utf-8")
    context = server_context(authority.ca.issue_cert("127.0.0.1"))
    assert (await probe_server("tls", context, ca=str(path))).outcome is Outcome.GOOD
