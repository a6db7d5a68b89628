"""The ntp kind: the computation of the offset, and servers without the time or without a valid answer."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.probes.ntp import offset_of
from sla.interval import SECOND
from sla.observation import Outcome
from tests.support.line_servers import serve_datagrams
from tests.support.probing import attempt

PACKET = struct.Struct("!BBbb3I4Q")
SINCE_1900 = 2_208_988_800


def ntp_timestamp(instant: int) -> int:
    """Return an NTP timestamp of microseconds since the Unix epoch; it wraps in 2036."""
    return ((instant + SINCE_1900 * SECOND) << 32) // SECOND % (1 << 64)


def packet(at: int, nonce: int = 0, *, leap: int = 0, mode: int = 4, stratum: int = 2, code: bytes = b"GPS\0") -> bytes:
    first = leap << 6 | 4 << 3 | mode
    reference = int.from_bytes(code, "big")
    return PACKET.pack(
        first, stratum, 6, -20, 0, 0, reference, ntp_timestamp(at), nonce, ntp_timestamp(at), ntp_timestamp(at)
    )


@given(
    st.integers(min_value=0, max_value=5_000_000_000 * SECOND),
    st.integers(min_value=-86_400 * SECOND, max_value=86_400 * SECOND),
    st.integers(min_value=0, max_value=10 * SECOND),
)
def test_offset_is_independent_of_a_symmetric_delay(now: int, ahead: int, delay: int) -> None:
    """This is also true across the end of NTP's first era, in 2036."""
    now += 90_000 * SECOND
    actual = offset_of(packet(now + delay + ahead), now, now + 2 * delay)
    assert abs(actual - ahead) <= 2


def server(ahead: float = 0.0, **options: object) -> object:
    def answer(request: bytes) -> list[bytes]:
        nonce = PACKET.unpack(request)[10]
        forged = packet(0, nonce ^ 1)
        now = time.time_ns() // 1000 + int(ahead * SECOND)
        return [b"", forged, packet(now, nonce, **options)]

    return answer


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (server(), ""),
        (server(ahead=3600.0), "ntp_offset"),
        (server(ahead=-3600.0), "ntp_offset"),
        (server(leap=3), "ntp_unsynchronised"),
        (server(stratum=16), "ntp_unsynchronised"),
        (server(stratum=0, code=b"RATE"), "ntp_refused"),
        (server(mode=3), "ntp_malformed"),
        (lambda request: [], "deadline"),
    ],
)
async def test_only_a_matching_answer_counts_and_every_failure_has_its_reason(answering: object, reason: str) -> None:
    async with serve_datagrams(answering) as port:
        result = (await attempt({"ntp": f"127.0.0.1:{port}", "within": "60s"}, 0.5)).result
    assert result.reason == reason
    assert result.outcome is (Outcome.BAD if reason else Outcome.GOOD)
