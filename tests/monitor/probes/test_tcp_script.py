"""The tcp kind's script: what is sent, what must come back, and where TLS begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.certificates import bundle, server_context
from tests.support.line_servers import hanging_up, replying, saying_at_once
from tests.support.probing import attempt, check_of
from tests.support.servers import serving, silent

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

FTP = replying({b"NOOP": b"200 fine\r\n", b"QUIT": b"221 bye\r\n"}, b"220 here\r\n")


async def played(handler: Handler, *script: dict[str, Any], seconds: float = 5.0) -> ProbeResult:
    async with serving(handler) as port:
        return (await attempt({"tcp": f"127.0.0.1:{port}", "script": script}, seconds)).result


async def test_a_script_that_runs_to_its_end_is_good_and_its_time_is_a_phase() -> None:
    result = await played(
        FTP, {"expect": "^220 "}, {"send": "NOOP\r\n", "expect": "^200"}, {"send": "QUIT\r\n", "expect": "221 bye"}
    )
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert set(result.phases) == {"resolve", "connect", "first_byte"}


async def test_bytes_are_sent_and_found_in_hexadecimal() -> None:
    script = {"send_hex": "4e 4f 4f 50 0d 0a", "expect_hex": "32303020"}
    assert (await played(FTP, {"expect": "220"}, script)).outcome is Outcome.GOOD


async def test_an_answer_in_pieces_is_put_together() -> None:
    async def dribbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"+PONG":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    assert (await played(dribbling, {"send": "PING", "expect": r"\+PONG"})).outcome is Outcome.GOOD


async def test_a_step_is_not_satisfied_by_what_was_said_before_its_question() -> None:
    result = await played(replying({b"A": b"ok\n"}), {"send": "A\n", "expect": "ok"}, {"send": "B\n", "expect": "ok"})
    assert (result.outcome, result.reason) == (Outcome.BAD, "hung_up")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (hanging_up(b"554 go away\r\n"), "answer_mismatch"),
        (hanging_up(), "hung_up"),
        (saying_at_once(b"x" * 80_000), "answer_too_long"),
        (silent, "deadline"),
    ],
)
async def test_an_answer_that_does_not_come_has_its_word(handler: Handler, reason: str) -> None:
    result = await played(handler, {"expect": "^220 "}, seconds=0.5)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert result.detail.isprintable()


async def test_tls_begins_where_the_script_says(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("127.0.0.1"))

    async def upgrading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"go ahead\n")
        await writer.start_tls(context)
        writer.write(b"in secret\n")
        await reader.read()

    async with serving(upgrading) as port:
        script = [{"send": "TLS?\n", "expect": "go ahead\n", "starttls": True}, {"expect": "in secret"}]
        written = {"tcp": f"127.0.0.1:{port}", "script": script}
        good = (await attempt({**written, "tls": {"ca": bundle(authority, tmp_path)}})).result
        strange = (await attempt(written)).result
    assert good.outcome is Outcome.GOOD
    assert good.certificate_expiry is not None
    assert strange.reason == "tls_untrusted"


async def test_bytes_slipped_in_before_the_handshake_are_refused() -> None:
    """They may stand in one packet with the consent, and would be taken for encrypted ones."""
    result = await played(saying_at_once(b"go ahead\nPWNED\n"), {"expect": "^go", "starttls": True})
    assert (result.outcome, result.reason) == (Outcome.BAD, "starttls_injected")


async def test_what_comes_in_one_packet_serves_several_steps() -> None:
    result = await played(saying_at_once(b"one\r\ntwo\r\n"), {"expect": "^one"}, {"expect": "^two"})
    assert result.outcome is Outcome.GOOD


async def test_tls_from_the_first_byte_on(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serving(saying_at_once(b"hello"), server_context(authority.issue_cert("127.0.0.1"))) as port:
        written = {"tcp": f"127.0.0.1:{port}", "encrypted": True, "tls": {"ca": bundle(authority, tmp_path)}}
        result = (await attempt({**written, "script": [{"expect": "hello"}]})).result
    assert result.outcome is Outcome.GOOD
    assert "tls" in result.phases


@pytest.mark.parametrize(
    "step", [{}, {"send": "a", "send_hex": "00"}, {"expect": "a", "expect_hex": "00"}, {"send_hex": "xyz"}, {"send": 5}]
)
def test_a_step_that_cannot_be_meant_is_refused(step: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check_of({"tcp": "127.0.0.1:1", "script": [step]})
