"""The `icmp` kind: one echo request (ping)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Self

from pydantic import model_validator

from monitor.config.model import HostName, NetworkCheck, problem_at
from monitor.network.happy_eyeballs import first_success
from monitor.network.icmp_echo import echo, may_open_socket
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe

_NOT_ALLOWED: Final = (
    "this process is not allowed to ping; run `sysctl net.ipv4.ping_group_range='0 2147483647'`, or use tcp"
)


class IcmpCheck(NetworkCheck):
    """Good if the host replies. If a firewall drops ICMP, the host is reported as down."""

    kind: ClassVar[str] = "icmp"

    icmp: HostName
    """The host to ping: a name or an address."""

    @model_validator(mode="after")
    def _ping_is_allowed(self) -> Self:
        if not self.is_reference and (problem := self.missing_permission()):
            raise problem_at("icmp", problem)
        return self

    def missing_permission(self) -> str:
        """Return that this process may not ping, with a remedy; empty if it may."""
        return "" if may_open_socket() else _NOT_ALLOWED


def prepare(check: IcmpCheck) -> Probe:
    """Return the probe that pings once; the next address of a host is tried after 250 ms without a reply."""

    async def probe(attempt: Attempt) -> ProbeResult:
        addresses = await attempt.addresses(check.icmp, 0, check.family)
        attempt.enter("first_byte")
        await first_success(attempt, addresses, partial(echo, attempt))
        attempt.close()
        return ProbeResult(Outcome.GOOD, phases=attempt.phases)

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
