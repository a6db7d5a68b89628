"""The `tcp` kind: does anybody take a connection there?"""

from __future__ import annotations

from typing import ClassVar

from monitor.config.model import CheckBase, HostPortField
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome


class TcpCheck(CheckBase):
    """Good when a connection is taken."""

    kind: ClassVar[str] = "tcp"

    tcp: HostPortField
    """`host:port` to connect to."""


def prepare(check: TcpCheck) -> Probe:
    """Return the probe that connects and hangs up."""
    host, port = check.tcp.host, check.tcp.port

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("resolve")
        with await Wire.open(frame, await frame.resolver.addresses(host, port)):
            frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


KIND = Kind("tcp", TcpCheck, prepare)
