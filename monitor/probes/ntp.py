"""The `ntp` kind: the offset of a server's clock (RFC 5905; the request contains no data about us, as in RFC 8915).

No library is used: ntplib has had no release since 2021, and a packet has 48 bytes.
"""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING, Annotated, ClassVar

from monitor.config.addresses import DefaultPort
from monitor.config.model import Duration, HostPort, NetworkCheck
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from sla.interval import MILLISECOND, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe

_PACKET = struct.Struct("!BBbb3I4Q")  # RFC 5905, figure 8, without extensions
_CLIENT, _SERVER, _VERSION = 3, 4, 4
_UNSYNCHRONISED = 3  # leap indicator
_SINCE_1900 = 2_208_988_800  # seconds from NTP's epoch to Unix'
_ERA = 1 << 64  # a 64-bit timestamp wraps every 136 years: first in 2036


class NtpCheck(NetworkCheck):
    """Good if the server is synchronised and the difference of its clock to the monitor's clock is small."""

    kind: ClassVar[str] = "ntp"

    ntp: Annotated[HostPort, DefaultPort(123)]
    """`host` or `host:port`; default port 123."""

    within: Duration = 100 * MILLISECOND
    """Largest difference of the clocks."""


def prepare(check: NtpCheck) -> Probe:
    """Return the probe that requests the time once."""
    host, port = check.ntp.host, check.ntp.port

    async def probe(attempt: Attempt) -> ProbeResult:
        async def ask(connection: Connection) -> tuple[bytes, int, int]:
            attempt.enter("first_byte")
            nonce = secrets.randbits(64)
            sent_at = attempt.now()
            await connection.send(_PACKET.pack(_VERSION << 3 | _CLIENT, *(0,) * 9, nonce))
            while True:
                packet, received = await connection.receive(), attempt.now()
                if (
                    len(packet) >= _PACKET.size and _PACKET.unpack_from(packet)[8] == nonce
                ):  # else not a response to our request
                    return packet, sent_at, received

        answer = await Connection.exchange_datagrams(attempt, await attempt.addresses(host, port, check.family), ask)
        attempt.close()
        offset = offset_of(*answer)
        if abs(offset) > check.within:
            raise ProbeFailure("ntp_offset", f"the server's clock differs by {offset / SECOND:+.3f} s")
        return ProbeResult(Outcome.GOOD, phases=attempt.phases, detail=f"offset {offset / SECOND:+.6f} s")

    return probe


def offset_of(packet: bytes, sent_at: int, received: int) -> int:
    """Return the microseconds that the server's clock is ahead: ((t2 - t1) + (t3 - t4)) / 2 (RFC 5905, 8).

    Raises:
        ProbeFailure: `ntp_refused`: a kiss-o'-death packet; `ntp_unsynchronised`; `ntp_malformed`.
    """
    first, stratum, _, _, _, _, reference, _, _, arrived, departed = _PACKET.unpack_from(packet)
    if first & 7 != _SERVER:
        raise ProbeFailure("ntp_malformed", f"mode {first & 7}, expected {_SERVER} (server)")
    if stratum == 0:
        code = reference.to_bytes(4, "big").rstrip(b"\0").decode("ascii", "replace")
        raise ProbeFailure("ntp_refused", f"kiss code {quoted(code)}")
    if first >> 6 == _UNSYNCHRONISED or stratum > 15:
        raise ProbeFailure("ntp_unsynchronised", f"stratum {stratum}, leap indicator {first >> 6}")
    return (_difference(arrived, sent_at) + _difference(departed, received)) // 2


def _difference(server_timestamp: int, our_time: int) -> int:
    """Return the microseconds that their timestamp is ahead of ours, in the era where that is less than 68 years."""
    our_timestamp = ((our_time + _SINCE_1900 * SECOND) << 32) // SECOND
    difference = (server_timestamp - our_timestamp) % _ERA
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
        "ntp_malformed": "not a server's response",
        "ntp_offset": "the clocks differ by more than `within`",
        "ntp_refused": "the server refused the request (kiss-o'-death, such as RATE)",
        "ntp_unsynchronised": "the server is not synchronised",
    },
    schemes={"ntp": {}},
)
