"""The smtp kind: greeting, EHLO, STARTTLS, QUIT, and the failures of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trustme

from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.line_servers import reply_to_lines, send_and_close, send_on_connect
from tests.support.probing import attempt
from tests.support.servers import send_nothing, serve_tcp

if TYPE_CHECKING:
    import asyncio
    import ssl
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

EHLO = b"EHLO ninewatch.invalid"


def mail(offered: bytes = b"250-mail\r\n250 SIZE 1000\r\n", greeting: bytes = b"220-hello\r\n220 there\r\n") -> Handler:
    return reply_to_lines({EHLO: offered, b"QUIT": b"221 bye\r\n"}, greeting)


def encrypting_server(context: ssl.SSLContext, injected: bytes = b"") -> Handler:
    """Return a mail server with STARTTLS, which may send bytes after its response and before the handshake."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        assert await reader.readline() == EHLO + b"\r\n"
        writer.write(b"250-mail\r\n250 STARTTLS\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go ahead\r\n" + injected)
        await writer.drain()
        await writer.start_tls(context)
        assert await reader.readline() == EHLO + b"\r\n"
        writer.write(b"250 mail\r\n")
        assert await reader.readline() == b"QUIT\r\n"
        writer.write(b"221 bye\r\n")
        await reader.read()

    return handler


async def run_probe(handler: Handler, seconds: float = 5.0, **options: Any) -> ProbeResult:
    async with serve_tcp(handler) as port:
        return (await attempt({"smtp": f"127.0.0.1:{port}", **options}, seconds)).result


async def test_server_that_accepts_ehlo_is_good() -> None:
    result = await run_probe(mail())
    assert (result.outcome, result.status) == (Outcome.GOOD, 221)
    assert set(result.phases) == {"resolve", "connect", "first_byte", "transfer"}


@pytest.mark.parametrize(
    ("handler", "reason", "status"),
    [
        (mail(greeting=b"554 no service for you\r\n"), "smtp_status", 554),
        (mail(greeting=b"421 too busy\r\n"), "smtp_status", 421),
        (mail(offered=b"550-no\r\n550 such name\r\n"), "smtp_status", 550),
        (mail(greeting=b"SSH-2.0-x\r\n"), "smtp_malformed", None),
        (send_on_connect(b"220-more\r\n" * 200), "smtp_malformed", None),
        (send_on_connect(b"2" * 80_000), "answer_too_long", None),
        (send_and_close(b"220"), "hung_up", None),
        (send_nothing, "deadline", None),
    ],
)
async def test_every_failed_start_has_its_reason(handler: Handler, reason: str, status: int | None) -> None:
    result = await run_probe(handler, 0.5)
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, reason, status)


async def test_starttls_is_requested_verified_and_followed_by_ehlo(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))
    trusted = {"tls": {"ca": write_ca_bundle(authority, tmp_path)}}
    good = await run_probe(encrypting_server(context), encryption="starttls", **trusted)
    assert (good.outcome, good.reason) == (Outcome.GOOD, "")
    assert good.certificate_expiry is not None
    assert (await run_probe(encrypting_server(context), encryption="starttls")).reason == "tls_untrusted"
    injected = await run_probe(encrypting_server(context, b"250 forged\r\n"), encryption="starttls", **trusted)
    assert injected.reason == "starttls_injected"


async def test_server_without_starttls_is_bad() -> None:
    assert (await run_probe(mail(), encryption="starttls")).reason == "starttls_missing"


async def test_implicit_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serve_tcp(mail(), server_context(authority.issue_cert("127.0.0.1"))) as port:
        check_keys = {
            "smtp": f"127.0.0.1:{port}",
            "encryption": "tls",
            "tls": {"ca": write_ca_bundle(authority, tmp_path)},
        }
        result = (await attempt(check_keys)).result
    assert result.outcome is Outcome.GOOD
