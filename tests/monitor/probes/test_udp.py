"""The udp kind: one datagram sent, one received."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.addresses import closed_port
from tests.support.line_servers import serve_datagrams
from tests.support.probing import attempt, load_check


@pytest.mark.parametrize("expected", [{"expect": "^pong"}, {"expect_hex": "6e67"}])
async def test_expected_answer_is_good(expected: dict[str, str]) -> None:
    async with serve_datagrams(lambda request: [b"pong " + request]) as port:
        result = (await attempt({"udp": f"127.0.0.1:{port}", "send": "ping", **expected})).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert set(result.phases) == {"resolve", "connect", "first_byte"}


@pytest.mark.parametrize("answer", [b"error", b"\xff" * 9_000])
async def test_unexpected_answer_is_bad(answer: bytes) -> None:
    async with serve_datagrams(lambda request: [answer]) as port:
        result = (await attempt({"udp": f"127.0.0.1:{port}", "send_hex": "00 01", "expect": "pong"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "answer_mismatch")
    assert result.detail.isprintable()


async def test_missing_answer_ends_at_the_deadline() -> None:
    async with serve_datagrams(lambda request: []) as port:
        result = (await attempt({"udp": f"127.0.0.1:{port}", "send": "ping", "expect": "."}, 0.1)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "deadline")


async def test_closed_port_is_reported() -> None:
    result = (await attempt({"udp": f"127.0.0.1:{closed_port()}", "send": "ping", "expect": "."})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_refused")


@pytest.mark.parametrize("fields", [{"send": "ping"}, {"expect": "pong"}, {}])
def test_check_without_an_expected_answer_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="datagram"):
        load_check({"udp": "127.0.0.1:9", **fields})
