"""The `icmp` kind: does a host echo?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from monitor.config.model import HostName, Reached, problem_at
from monitor.network.happy_eyeballs import first
from monitor.network.icmp_echo import allowed, echo
from monitor.probes.base import Kind
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe


class IcmpCheck(Reached):
    """Good when the host echoes. A firewall that drops echoes looks like a host that is down."""

    kind: ClassVar[str] = "icmp"

    icmp: HostName
    """The host to ping: a name or an address."""

    @model_validator(mode="after")
    def _may_be_sent(self) -> Self:
        if not allowed():
            raise problem_at(
                "icmp",
                "this process may not ping; allow its group to with `sysctl net.ipv4.ping_group_range='0 2147483647'`, "
                "or probe a port with tcp",
            )
        return self


def prepare(check: IcmpCheck) -> Probe:
    """Return the probe that pings once; of several addresses, the next where none has echoed within 250 ms."""

    async def probe(frame: Frame) -> ProbeResult:
        addresses = await frame.addresses(check.icmp, 0, check.family)
        frame.enter("first_byte")
        await first(frame, addresses, partial(echo, frame))
        frame.close()
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


KIND = Kind(
    "icmp",
    IcmpCheck,
    prepare,
    example="""\
id: gateway
icmp: gateway.example.org
""",
    schemes={"icmp": {}, "ping": {}},
)
