"""The http kind over TLS: client certificates, TLS versions, and whether the response was encrypted."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from monitor.protocols.database import named_context
from sla.observation import Outcome
from tests.support.certificates import (
    client_certificate_context,
    server_context,
    write_ca_bundle,
    write_client_certificate,
)
from tests.support.line_servers import send_on_connect
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
# In TLS 1.3, a certificate is rejected after the handshake, and not every server sends a reason.
REJECTION_REASONS = {"tls_handshake", "empty_response", "connection_reset", "hung_up"}
KINDS = {
    "http": {"http": "https://127.0.0.1:{}/"},
    "tcp": {"tcp": "127.0.0.1:{}", "encrypted": True, "script": [{"expect": "HTTP|hello"}]},
    "tls": {"tls": {"target": "127.0.0.1:{}"}},
}


def check_at(kind: str, port: int, **tls: Any) -> dict[str, Any]:
    check_keys: dict[str, Any] = dict(KINDS[kind])
    if kind == "tls":
        return {"tls": {"target": f"{LOOPBACK}:{port}", **tls}}
    return {**check_keys, kind: check_keys[kind].format(port), "tls": tls}


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_client_certificate_is_sent_if_required(kind: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = client_certificate_context(authority.issue_cert(LOOPBACK), authority)
    certificate, key = write_client_certificate(authority, tmp_path)
    ca = write_ca_bundle(authority, tmp_path)
    handler = respond_with(http_response()) if kind == "http" else send_on_connect(b"hello")
    async with serve_tcp(handler, context) as port:
        with_certificate = await attempt(check_at(kind, port, ca=ca, certificate=str(certificate), key=str(key)))
        hidden = await attempt(check_at(kind, port, ca=ca))
    assert with_certificate.result.outcome is Outcome.GOOD, with_certificate.result.detail
    assert hidden.result.reason in REJECTION_REASONS, hidden.result.detail


async def test_client_certificate_of_another_authority_is_rejected(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = client_certificate_context(authority.issue_cert(LOOPBACK), authority)
    certificate, key = write_client_certificate(trustme.CA(), tmp_path)
    async with serve_tcp(respond_with(http_response()), context) as port:
        tls = {"ca": write_ca_bundle(authority, tmp_path), "certificate": str(certificate), "key": str(key)}
        result = (await attempt(check_at("http", port, **tls))).result
    assert result.outcome is Outcome.BAD
    assert result.reason in REJECTION_REASONS, result.detail


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(("spoken", "reason"), [("TLSv1.2", "tls_handshake"), ("TLSv1.3", "")])
async def test_only_the_configured_tls_version_is_used(kind: str, spoken: str, reason: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert(LOOPBACK))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    handler = send_on_connect(b"hello") if kind == "tcp" else respond_with(http_response())
    async with serve_tcp(handler, context) as port:
        data = check_at(kind, port, ca=write_ca_bundle(authority, tmp_path), version=spoken)
        result = (await attempt(data)).result
    assert result.reason == reason, result.detail


async def test_encryption_is_checked_after_the_last_redirect(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca = write_ca_bundle(authority, tmp_path)
    async with (
        serve_tcp(respond_with(http_response()), server_context(authority.issue_cert(LOOPBACK))) as secure,
        serve_tcp(
            respond_with(http_response(status="301 Moved", Location=f"https://{LOOPBACK}:{secure}/"))
        ) as plain_port,
    ):

        async def reason(encrypted: bool, redirects: int, status: Any = "2xx") -> str:
            expect = {"encrypted": encrypted, "status": status}
            judged = {"tls": {"ca": ca}} if redirects else {}
            check_keys = {"http": f"http://{LOOPBACK}:{plain_port}/", "redirects": redirects, **judged}
            return (await attempt({**check_keys, "expect": expect})).result.reason

        assert await reason(encrypted=True, redirects=1) == ""
        assert await reason(encrypted=False, redirects=1) == "tls_forbidden"
        assert await reason(encrypted=True, redirects=0, status="3xx") == "tls_required"
        assert await reason(encrypted=False, redirects=0, status="3xx") == ""


async def test_server_name_host_header_and_address_are_independent(tmp_path: Path) -> None:
    """One server behind an address is requested with one name in TLS and another one in the Host header."""
    authority = trustme.CA()
    server_names: list[str | None] = []
    context = server_context(authority.issue_cert("sni.example.test"))
    context.sni_callback = lambda connection, name, _: server_names.append(name)
    requests: list[bytes] = []

    async def handler(reader: Any, writer: Any) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http_response())
        await writer.drain()

    async with serve_tcp(handler, context) as port:
        check_keys = {
            "http": f"https://url.example.test:{port}/",
            "resolve_to": LOOPBACK,
            "headers": {"Host": "host.example.test"},
            "tls": {"ca": write_ca_bundle(authority, tmp_path), "server_name": "sni.example.test"},
        }
        result = (await attempt(check_keys)).result
    assert result.outcome is Outcome.GOOD, result.detail
    assert server_names == ["sni.example.test"]
    assert b"\r\nHost: host.example.test\r\n" in b"\r\n" + requests[0].partition(b"\r\n")[2]


def test_database_driver_uses_the_configured_tls_version() -> None:
    check = load_check({"postgres": "db.example.test", "encrypted": True, "tls": {"version": "TLSv1.3"}})
    context = named_context(check, "db.example.test")
    assert context is not None
    assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_3
