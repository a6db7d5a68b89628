"""The `ntp` kind: how far a server's clock is from ours (RFC 5905; the request tells nothing of us, as in RFC 8915).

No NTP library: the one that is used, ntplib, has had no release since 2021, and a packet is 48 bytes.
"""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING, Annotated, ClassVar

from monitor.config.addresses import DefaultPort
from monitor.config.model import Duration, HostPort, Reached
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.base import Kind
from monitor.vocabulary import ProbeResult
from sla.interval import MILLISECOND, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe

_PACKET = struct.Struct("!BBbb3I4Q")  # RFC 5905, figure 8, without extensions
_CLIENT, _SERVER, _VERSION = 3, 4, 4
_UNSYNCHRONISED = 3  # leap indicator
_SINCE_1900 = 2_208_988_800  # seconds from NTP's epoch to Unix'
_ERA = 1 << 64  # a 64-bit timestamp wraps every 136 years: first in 2036


class NtpCheck(Reached):
    """Good when the server is synchronised and its clock is close to ours (whichever of the two is off)."""

    kind: ClassVar[str] = "ntp"

    ntp: Annotated[HostPort, DefaultPort(123)]
    """`host` or `host:port`; port 123 unless written."""

    within: Duration = 100 * MILLISECOND
    """Bad when the two clocks differ by more than this."""


def prepare(check: NtpCheck) -> Probe:
    """Return the probe that asks once for the time."""
    host, port = check.ntp.host, check.ntp.port

    async def probe(frame: Frame) -> ProbeResult:
        async def ask(wire: Wire) -> tuple[bytes, int, int]:
            frame.enter("first_byte")
            nonce = secrets.randbits(64)
            sent = frame.now()
            await wire.send(_PACKET.pack(_VERSION << 3 | _CLIENT, *(0,) * 9, nonce))
            while True:
                heard, received = await wire.receive(), frame.now()
                if len(heard) >= _PACKET.size and _PACKET.unpack_from(heard)[8] == nonce:  # else not to our question
                    return heard, sent, received

        answer = await Wire.in_datagrams(frame, await frame.addresses(host, port, check.family), ask)
        frame.close()
        offset = offset_of(*answer)
        if abs(offset) > check.within:
            raise ProbeFailure("ntp_offset", f"its clock is {offset / SECOND:+.3f} s from ours")
        return ProbeResult(Outcome.GOOD, phases=frame.phases, detail=f"offset {offset / SECOND:+.6f} s")

    return probe


def offset_of(packet: bytes, sent: int, received: int) -> int:
    """Return by how many microseconds the server's clock is ahead: ((t2 - t1) + (t3 - t4)) / 2 (RFC 5905, 8).

    Raises:
        ProbeFailure: `ntp_refused`, the server sent a kiss of death; `ntp_unsynchronised`; `ntp_malformed`.
    """
    first, stratum, _, _, _, _, reference, _, _, arrived, left = _PACKET.unpack_from(packet)
    if first & 7 != _SERVER:
        raise ProbeFailure("ntp_malformed", f"mode {first & 7} is not a server's")
    if stratum == 0:
        code = reference.to_bytes(4, "big").rstrip(b"\0").decode("ascii", "replace")
        raise ProbeFailure("ntp_refused", f"kiss code {quoted(code)}")
    if first >> 6 == _UNSYNCHRONISED or stratum > 15:
        raise ProbeFailure("ntp_unsynchronised", f"stratum {stratum}, leap indicator {first >> 6}")
    return (_apart(arrived, sent) + _apart(left, received)) // 2


def _apart(theirs: int, ours: int) -> int:
    """Return how far their timestamp is ahead of ours (microseconds), in whichever era that is less than 68 years."""
    mine = ((ours + _SINCE_1900 * SECOND) << 32) // SECOND
    difference = (theirs - mine) % _ERA
    return (difference if difference < _ERA // 2 else difference - _ERA) * SECOND >> 32


KIND = Kind(
    "ntp",
    NtpCheck,
    prepare,
    example="""\
id: time
ntp: time.example.org
within: 250ms
""",
    reasons={
        "ntp_malformed": "the answer is not a server's",
        "ntp_offset": "the clocks differ by more than `within`",
        "ntp_refused": "the server does not serve us (a kiss of death, such as RATE)",
        "ntp_unsynchronised": "the server itself does not know the time",
    },
    schemes={"ntp": {}},
)
