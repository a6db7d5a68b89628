"""Every probe kind, one line each. Configuration, validation, schema, docs and engine derive from this table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.probes import (
    dns,
    domain,
    freshness,
    heartbeat,
    http,
    icmp,
    ntp,
    prometheus,
    redis,
    smtp,
    ssh,
    tcp,
    tls,
    udp,
)

if TYPE_CHECKING:
    from monitor.probes.base import Kind, Probe

KINDS: dict[str, Kind[Any]] = {
    kind.name: kind
    for kind in (
        http.KIND,
        tcp.KIND,
        tls.KIND,
        dns.KIND,
        icmp.KIND,
        udp.KIND,
        smtp.KIND,
        ssh.KIND,
        ntp.KIND,
        redis.KIND,
        heartbeat.KIND,
        freshness.KIND,
        prometheus.KIND,
        domain.KIND,
    )
}

CHECK_TYPES = tuple(kind.check for kind in KINDS.values())


def prepare(check: Any) -> Probe:
    """Return the probe of a check of any registered kind."""
    return KINDS[check.kind].prepare(check)
