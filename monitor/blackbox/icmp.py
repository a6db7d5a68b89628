"""The `icmp` prober: one echo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.blackbox.prober import Prober, Trial
from monitor.blackbox.target_address import chosen, lookup_time
from monitor.network.icmp_echo import Request, echo

if TYPE_CHECKING:
    from monitor.network.attempt import Frame

_PHASES = "probe_icmp_duration_seconds"
_USUAL = 28  # bytes that blackbox_exporter sends unless told otherwise


def _begin(trial: Trial) -> None:
    trial.gauges.phases(_PHASES, resolve=0, setup=0, rtt=0)


async def _run(trial: Trial, frame: Frame) -> None:
    config = trial.module.icmp
    where = await chosen(trial, frame, trial.target, 0, config)
    frame.source = config.source_ip_address
    frame.enter("connect")
    request = Request(config.payload_size or _USUAL, config.ttl or None, config.dont_fragment)
    hops = await echo(frame, where, request)
    trial.diary.note("the host echoed", hop_limit=hops)
    if hops is not None:
        trial.gauges.set("probe_icmp_reply_hop_limit", hops)


def _end(trial: Trial, phases: Mapping[str, float]) -> None:
    """Setting up an echo is what connecting is elsewhere."""
    rtt = phases.get("first_byte", 0) if trial.gauges.has("probe_icmp_reply_hop_limit") else 0
    trial.gauges.phases(_PHASES, resolve=lookup_time(trial), setup=phases.get("connect", 0), rtt=rtt)


ICMP = Prober(_begin, _run, _end)
