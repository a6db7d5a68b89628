"""Faulty targets that answer datagrams: `ntp` and `udp`."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.faulty_targets.faulty_target import AMPLE, BAD, GOOD, SHORT, FaultyTarget, ServeTarget, packets
from tests.support.faulty_targets.http import reserve_closed_port

PACKET = struct.Struct("!BBbb3I4Q")
SINCE_1900 = 2_208_988_800


def _time(
    change: Callable[[bytes], bytes] = bytes, *, first: int = 4 << 3 | 4, stratum: int = 2, ahead: float = 0.0
) -> ServeTarget:
    """Return a function that sends a time, some seconds ahead, in a packet that is then changed."""

    def answer(query: bytes) -> list[bytes]:
        stamp = int((time.time() + SINCE_1900 + ahead) * 2**32) % 2**64
        reference = int.from_bytes(b"RATE", "big")
        nonce = PACKET.unpack(query)[10]
        return [change(PACKET.pack(first, stratum, 6, -20, 0, 0, reference, stamp, nonce, stamp, stamp))]

    return packets(answer)


def ntp() -> Iterator[FaultyTarget]:
    """Yield time servers."""

    def build_target(name: str, serve_target: ServeTarget, reason: str, seconds: float = AMPLE) -> FaultyTarget:
        check = {"ntp": "127.0.0.1:<port>", "within": "5m"}  # the same clock, so a busy machine is not that late
        return FaultyTarget(f"ntp-{name}", serve_target, check, reason, BAD if reason else GOOD, seconds)

    yield build_target("good", _time(), "")
    yield build_target("ahead", _time(ahead=3_600), "ntp_offset")
    yield build_target("behind", _time(ahead=-86_400), "ntp_offset")
    yield build_target("ages-ago", _time(ahead=-SINCE_1900), "ntp_offset")
    yield build_target("kiss-of-death", _time(stratum=0), "ntp_refused")
    yield build_target("unsynchronised", _time(first=3 << 6 | 4 << 3 | 4), "ntp_unsynchronised")
    yield build_target("stratum-16", _time(stratum=16), "ntp_unsynchronised")
    yield build_target("client", _time(first=4 << 3 | 3), "ntp_malformed")
    yield build_target(
        "other-question", _time(lambda response: response[:24] + b"\1" * 8 + response[32:]), "deadline", SHORT
    )
    yield build_target("short", _time(lambda response: response[:47]), "deadline", SHORT)
    yield build_target("silent", packets(lambda query: []), "deadline", SHORT)
    yield build_target("closed", reserve_closed_port, "connect_refused")


def udp() -> Iterator[FaultyTarget]:
    """Yield servers that should answer a ping with a pong."""

    def build_target(
        name: str, serve_target: ServeTarget, reason: str, seconds: float = AMPLE, **options: Any
    ) -> FaultyTarget:
        check = {"udp": "127.0.0.1:<port>", "send": "ping", "expect": "^pong", **options}
        return FaultyTarget(f"udp-{name}", serve_target, check, reason, BAD if reason else GOOD, seconds)

    yield build_target("good", packets(lambda query: [b"pong"]), "")
    yield build_target("echo", packets(lambda query: [query]), "answer_mismatch")
    yield build_target("huge", packets(lambda query: [b"\xff" * 60_000]), "answer_mismatch")
    yield build_target("late-pong", packets(lambda query: [b"busy", b"pong"]), "answer_mismatch")
    yield build_target("silent", packets(lambda query: []), "deadline", SHORT)
    yield build_target("closed", reserve_closed_port, "connect_refused")


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    yield from ntp()
    yield from udp()
