"""The `icmp` prober: one echo request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.blackbox.prober import BlackboxProbe, Prober
from monitor.blackbox.target_address import lookup_time, resolve_target
from monitor.network.icmp_echo import Request, echo

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt

_PHASES = "probe_icmp_duration_seconds"
_DEFAULT_PAYLOAD = 28  # bytes, blackbox_exporter's default


def _begin(probe: BlackboxProbe) -> None:
    probe.gauges.phases(_PHASES, resolve=0, setup=0, rtt=0)


async def _run(probe: BlackboxProbe, attempt: Attempt) -> None:
    config = probe.module.icmp
    address = await resolve_target(probe, attempt, probe.target, 0, config)
    attempt.source = config.source_ip_address
    attempt.enter("connect")
    request = Request(config.payload_size or _DEFAULT_PAYLOAD, config.ttl or None, config.dont_fragment)
    hops = await echo(attempt, address, request)
    probe.probe_log.note("received reply", hop_limit=hops)
    if hops is not None:
        probe.gauges.set("probe_icmp_reply_hop_limit", hops)


def _end(probe: BlackboxProbe, phases: Mapping[str, float]) -> None:
    """Set the phases; `setup` is the attempt's phase `connect`."""
    rtt = phases.get("first_byte", 0) if probe.gauges.has("probe_icmp_reply_hop_limit") else 0
    probe.gauges.phases(_PHASES, resolve=lookup_time(probe), setup=phases.get("connect", 0), rtt=rtt)


ICMP = Prober(_begin, _run, _end)
