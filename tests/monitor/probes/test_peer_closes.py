"""A peer that closes, resets or sends early at every point of a good conversation, for every kind over TCP.

Each conversation runs with a real server through a relay that cuts the connection. The outcome depends on the bytes
before the cut, not on how the connection ends or how the bytes are segmented.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from typing import TYPE_CHECKING
from unittest.mock import ANY

import pytest

from tests.support.conversations import (
    BAD,
    CONVERSATIONS,
    ENCRYPTED,
    GOOD,
    READS_ONLY_AFTER_REQUEST,
    TLS,
    UNKNOWN,
    URL,
    context,
)
from tests.support.cutting_relay import Ending, Relay, end_of_chunk, run_relay, truncation_positions
from tests.support.faulty_targets.faulty_target import TargetAuthority
from tests.support.faulty_targets.line_protocols import pg_message
from tests.support.probed_conversations import attempt_details, no_internal_errors
from tests.support.probing import attempt
from tests.support.proxy import Proxy
from tests.support.servers import http_response, read_request, respond_with, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Handler

ENDINGS: tuple[Ending, ...] = ("close", "reset")


def send_everything_first(content: bytes, *, stay_open: bool) -> Handler:
    """Return a handler that sends everything before any request. Unless `stay_open`, it then closes its half."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        if not stay_open:
            writer.write_eof()
        await reader.read()

    return handler


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TargetAuthority:
    return TargetAuthority(tmp_path_factory.mktemp("peers"))


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("piecewise", [False, True], ids=["chunks", "single bytes"])
@pytest.mark.fault(36)
async def test_bytes_before_the_cut_decide_the_outcome(name: str, piecewise: bool, authority: TargetAuthority) -> None:
    conversation = CONVERSATIONS[name]
    async with no_internal_errors(), conversation.server(authority) as port:
        relay = Relay(port, piecewise=piecewise)
        async with run_relay(relay) as relay_port:
            assert await attempt_details(conversation.check, relay_port, authority) == (GOOD, "", ANY), (
                "the conversation itself"
            )
        total = sum(map(len, relay.chunks))
        for cut in truncation_positions(relay.chunks):
            for ending in ENDINGS:
                async with run_relay(Relay(port, cut, ending, piecewise)) as relay_port:
                    outcome, reason, detail = await attempt_details(conversation.check, relay_port, authority)
                description = f"{ending} after {cut} of {total} bytes: {outcome} {reason} {detail}"
                if outcome is GOOD:
                    assert not conversation.exact or cut >= total - conversation.unneeded_bytes, description
                else:
                    assert (outcome, cut < total - conversation.unneeded_bytes or not conversation.exact) == (
                        conversation.outcome,
                        True,
                    ), description
                    assert reason in conversation.reasons, description


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.fault(36)
async def test_wrong_byte_causes_no_internal_error(name: str, authority: TargetAuthority) -> None:
    """Errors of a protocol's library become an outcome of the peer."""
    conversation = CONVERSATIONS[name]
    async with no_internal_errors(), conversation.server(authority) as port:
        relay = Relay(port)
        async with run_relay(relay) as relay_port:
            await attempt_details(conversation.check, relay_port, authority)
        for at in truncation_positions(relay.chunks):
            async with run_relay(Relay(port, end_of_chunk(relay.chunks, at), damaged=at)) as relay_port:
                outcome, reason, detail = await attempt_details(conversation.check, relay_port, authority)
            assert reason != "probe_defect", f"byte {at}: {detail}"
            assert outcome in (GOOD, conversation.outcome), f"byte {at}: {reason} {detail}"


@pytest.mark.parametrize("name", [name for name, conversation in CONVERSATIONS.items() if conversation.early_reasons])
async def test_response_sent_before_the_request_is_accepted(name: str, authority: TargetAuthority) -> None:
    conversation = CONVERSATIONS[name]
    async with no_internal_errors(), conversation.server(authority) as port:
        relay = Relay(port)
        async with run_relay(relay) as relay_port:
            await attempt_details(conversation.check, relay_port, authority)
        for stay_open in (False, True) if name not in READS_ONLY_AFTER_REQUEST else (False,):
            async with serve_tcp(send_everything_first(b"".join(relay.chunks), stay_open=stay_open)) as relay_port:
                outcome, reason, detail = await attempt_details(conversation.check, relay_port, authority)
            assert reason in conversation.early_reasons, detail
            assert (outcome is GOOD) is (reason == "")


@pytest.mark.parametrize("piecewise", [False, True])
async def test_token_server_that_closes_gives_unknown(
    piecewise: bool, authority: TargetAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "canary-secret")
    content = http_response(json.dumps({"access_token": "canary-token", "expires_in": 300}).encode())
    async with (
        no_internal_errors(),
        serve_tcp(respond_with(content)) as issuer,
        serve_tcp(respond_with(http_response(b"fine"))) as target,
    ):
        client = {"token_url": URL, "client_id": "x", "client_secret": {"env": "CLIENT_SECRET"}}
        check = {"http": f"http://127.0.0.1:{target}/", "oauth2": client, "expect": {"contains": "fine"}}
        for cut in truncation_positions([content]):
            for ending in ENDINGS:
                async with run_relay(Relay(issuer, cut, ending, piecewise)) as relay_port:
                    outcome, reason, detail = await attempt_details(check, relay_port, authority)
                expected = (GOOD, "") if cut == len(content) else (UNKNOWN, "token_unavailable")
                assert (outcome, reason) == expected, f"{ending} after {cut}: {detail}"


@pytest.mark.parametrize("piecewise", [False, True])
async def test_proxy_that_closes_before_the_tunnel_gives_unknown(piecewise: bool, authority: TargetAuthority) -> None:
    established = len(b"HTTP/1.1 200 Connection established\r\n\r\n")
    async with (
        no_internal_errors(),
        serve_tcp(respond_with(http_response(b"fine")), context(authority)) as target,
        serve_tcp(Proxy()) as proxy,
    ):
        check = {"http": f"https://127.0.0.1:{target}/", "proxy": "http://127.0.0.1:<port>", **ENCRYPTED}
        for cut in (*range(0, established + 2, 3), established, established + 1, established + 500):
            for ending in ENDINGS:
                async with run_relay(Relay(proxy, cut, ending, piecewise)) as relay_port:
                    outcome, reason, detail = await attempt_details(check, relay_port, authority)
                assert (outcome is UNKNOWN) is (cut < established), f"{ending} after {cut}: {reason} {detail}"
                assert reason in ({"proxy_refused"} if cut < established else TLS), detail


@pytest.mark.parametrize("status", ["413 Content Too Large", "401 Unauthorized"])
async def test_early_response_to_a_long_request_body_is_read(status: str, tmp_path: Path) -> None:
    """The server responds after the head, does not read the body, and closes the connection."""
    (tmp_path / "body").write_bytes(b"x" * 1_000_000)

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_response(b"no", status))
        await writer.drain()

    async with no_internal_errors(), serve_tcp(refusing) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "method": "POST", "body_file": str(tmp_path / "body")}
        result = (await attempt({**check, "expect": {"status": int(status[:3])}})).result
    assert (result.outcome, result.reason) == (GOOD, ""), result.detail


@pytest.mark.parametrize(
    ("type_of_value", "value"), [(23, b"abc"), (1700, b"1.2.3"), (1114, b"2026-99-99"), (25, b"\xff")]
)
async def test_value_of_the_wrong_type_causes_no_internal_error(type_of_value: int, value: bytes) -> None:
    """psycopg parses a value by the type that the server declares."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        writer.write(pg_message(b"R", b"\0\0\0\0") + pg_message(b"Z", b"I"))
        await reader.readexactly(1)
        column = b"\0\1a\0" + struct.pack("!IHIhih", 0, 0, type_of_value, -1, -1, 0)
        row = struct.pack("!hi", 1, len(value)) + value
        writer.write(pg_message(b"T", column) + pg_message(b"D", row))
        await reader.read()

    async with no_internal_errors(), serve_tcp(server) as port:
        check = {"postgres": f"127.0.0.1:{port}", "user": "x", "query": "SELECT 1", "expect": "1"}
        result = (await attempt(check)).result
    assert (result.outcome, result.reason) == (BAD, "database_malformed"), result.detail


@pytest.mark.parametrize("version", [5, 112])
async def test_certificate_of_an_unknown_version_causes_no_internal_error(
    version: int, authority: TargetAuthority, tmp_path: Path
) -> None:
    """OpenSSL accepts it without verification; the cryptography library raises its own exception."""
    known = b"\xa0\x03\x02\x01\x02"  # version 3, as the certificate begins (RFC 5280, 4.1)
    leaf = authority.root.issue_cert("127.0.0.1")
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    certificate = ssl.DER_cert_to_PEM_cert(der.replace(known, known[:-1] + bytes([version]), 1))
    (tmp_path / "odd.pem").write_text(certificate + leaf.private_key_pem.bytes().decode())
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(tmp_path / "odd.pem")
    async with no_internal_errors(), serve_tcp(respond_with(http_response(b"fine")), server_context) as port:
        check = {"http": f"https://127.0.0.1:{port}/", "tls": {"verify": False}}
        result = (await attempt(check)).result
        target = {"target": f"127.0.0.1:{port}", "verify": False}
        bare = (await attempt({"tls": {**target, "valid_for": "1d"}})).result
        issued = (await attempt({"tls": {**target, "issuer": "CN=nobody"}})).result
    assert (result.outcome, result.certificate_expiry, bare.outcome) == (GOOD, None, GOOD)
    assert (issued.outcome, issued.reason) == (BAD, "tls_issuer")
