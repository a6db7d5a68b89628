"""Every probe kind, one line each. Configuration, validation, schema, docs and engine derive from this table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.probes import (
    dns,
    domain,
    exec,
    freshness,
    grpc,
    heartbeat,
    http,
    icmp,
    mysql,
    ntp,
    postgres,
    prometheus,
    redis,
    smtp,
    ssh,
    tcp,
    tls,
    udp,
    websocket,
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
        postgres.KIND,
        mysql.KIND,
        websocket.KIND,
        grpc.KIND,
        heartbeat.KIND,
        freshness.KIND,
        prometheus.KIND,
        domain.KIND,
        exec.KIND,
    )
}

CHECK_TYPES = tuple(kind.check for kind in KINDS.values())


def prepare(check: Any) -> Probe:
    """Return the probe of a check of any registered kind."""
    return KINDS[check.kind].prepare(check)
