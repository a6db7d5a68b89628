"""Every probe kind, one line each. Configuration, validation, schema, docs and engine derive from this table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.probes import (
    browser,
    dns,
    domain,
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
from monitor.probes import exec as exec_kind

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.network.attempt import Probe
    from monitor.probes.base import Kind

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
        exec_kind.KIND,
        browser.KIND,
    )
}

CHECK_TYPES: tuple[type[CheckBase], ...] = tuple(kind.check for kind in KINDS.values())

# What runs programs -> what it is to a daemon that was not told to.
_REFUSED: dict[type[CheckBase], type[CheckBase]] = {
    exec_kind.ExecCheck: exec_kind.RefusedExecCheck,
    browser.BrowserCheck: browser.RefusedBrowserCheck,
}


def check_types(*, allow_exec: bool) -> tuple[type[CheckBase], ...]:
    """Return the types that a configuration may hold; without `allow_exec`, what runs programs is a mistake."""
    if allow_exec:
        return CHECK_TYPES
    return tuple(_REFUSED[each] if each in _REFUSED else each for each in CHECK_TYPES)  # noqa: SIM401 - mypy


def prepare(check: Any) -> Probe:
    """Return the probe of a check of any registered kind."""
    return KINDS[check.kind].prepare(check)
