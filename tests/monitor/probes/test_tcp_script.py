"""The script of the tcp kind: sent bytes, expected bytes, and the start of TLS."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.line_servers import reply_to_lines, send_and_close, send_on_connect
from tests.support.probing import attempt, load_check
from tests.support.servers import send_nothing, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

FTP = reply_to_lines({b"NOOP": b"200 fine\r\n", b"QUIT": b"221 bye\r\n"}, b"220 here\r\n")


async def run_script(handler: Handler, *script: dict[str, Any], seconds: float = 5.0) -> ProbeResult:
    async with serve_tcp(handler) as port:
        return (await attempt({"tcp": f"127.0.0.1:{port}", "script": script}, seconds)).result


async def test_completed_script_is_good_and_its_time_is_a_phase() -> None:
    result = await run_script(
        FTP, {"expect": "^220 "}, {"send": "NOOP\r\n", "expect": "^200"}, {"send": "QUIT\r\n", "expect": "221 bye"}
    )
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert set(result.phases) == {"resolve", "connect", "first_byte"}


async def test_hexadecimal_bytes_are_sent_and_expected() -> None:
    script = {"send_hex": "4e 4f 4f 50 0d 0a", "expect_hex": "32303020"}
    assert (await run_script(FTP, {"expect": "220"}, script)).outcome is Outcome.GOOD


async def test_answer_in_segments_is_joined() -> None:
    async def dribbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"+PONG":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    assert (await run_script(dribbling, {"send": "PING", "expect": r"\+PONG"})).outcome is Outcome.GOOD


async def test_bytes_before_a_send_do_not_satisfy_the_next_expect() -> None:
    result = await run_script(
        reply_to_lines({b"A": b"ok\n"}), {"send": "A\n", "expect": "ok"}, {"send": "B\n", "expect": "ok"}
    )
    assert (result.outcome, result.reason) == (Outcome.BAD, "hung_up")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (send_and_close(b"554 go away\r\n"), "answer_mismatch"),
        (send_and_close(), "hung_up"),
        (send_on_connect(b"x" * 80_000), "answer_too_long"),
        (send_nothing, "deadline"),
    ],
)
async def test_missing_answer_has_its_reason(handler: Handler, reason: str) -> None:
    result = await run_script(handler, {"expect": "^220 "}, seconds=0.5)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert result.detail.isprintable()


async def test_tls_starts_at_the_scripts_step(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))

    async def upgrading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"go ahead\n")
        await writer.start_tls(context)
        writer.write(b"in secret\n")
        await reader.read()

    async with serve_tcp(upgrading) as port:
        script = [{"send": "TLS?\n", "expect": "go ahead\n", "starttls": True}, {"expect": "in secret"}]
        check_keys = {"tcp": f"127.0.0.1:{port}", "script": script}
        good = (await attempt({**check_keys, "tls": {"ca": write_ca_bundle(authority, tmp_path)}})).result
        strange = (await attempt(check_keys)).result
    assert good.outcome is Outcome.GOOD
    assert good.certificate_expiry is not None
    assert strange.reason == "tls_untrusted"


async def test_injected_bytes_before_the_handshake_are_rejected() -> None:
    """They may be in one segment with the server's response, and would be read as encrypted bytes."""
    result = await run_script(send_on_connect(b"go ahead\nPWNED\n"), {"expect": "^go", "starttls": True})
    assert (result.outcome, result.reason) == (Outcome.BAD, "starttls_injected")


async def test_one_segment_can_satisfy_several_steps() -> None:
    result = await run_script(send_on_connect(b"one\r\ntwo\r\n"), {"expect": "^one"}, {"expect": "^two"})
    assert result.outcome is Outcome.GOOD


async def test_implicit_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serve_tcp(send_on_connect(b"hello"), server_context(authority.issue_cert("127.0.0.1"))) as port:
        check_keys = {
            "tcp": f"127.0.0.1:{port}",
            "encrypted": True,
            "tls": {"ca": write_ca_bundle(authority, tmp_path)},
        }
        result = (await attempt({**check_keys, "script": [{"expect": "hello"}]})).result
    assert result.outcome is Outcome.GOOD
    assert "tls" in result.phases


@pytest.mark.parametrize(
    "step", [{}, {"send": "a", "send_hex": "00"}, {"expect": "a", "expect_hex": "00"}, {"send_hex": "xyz"}, {"send": 5}]
)
def test_invalid_step_is_rejected(step: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load_check({"tcp": "127.0.0.1:1", "script": [step]})
