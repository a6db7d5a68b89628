"""The registry of probe kinds, from which configuration, schema, documentation and engine are derived."""

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
    jwt,
    mysql,
    ntp,
    postgres,
    prometheus,
    redis,
    smtp,
    ssh,
    steps,
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
        jwt.KIND,
        steps.KIND,
    )
}

CHECK_TYPES: tuple[type[CheckBase], ...] = tuple(kind.check for kind in KINDS.values())

# Types that run programs -> their types without --allow-exec.
_DISABLED: dict[type[CheckBase], type[CheckBase]] = {
    exec_kind.ExecCheck: exec_kind.DisabledExecCheck,
    browser.BrowserCheck: browser.DisabledBrowserCheck,
    steps.StepsCheck: steps.DisabledStepsCheck,
}


def check_types(*, allow_exec: bool) -> tuple[type[CheckBase], ...]:
    """Return the check types of a configuration; without `allow_exec`, those that run programs fail validation."""
    if allow_exec:
        return CHECK_TYPES
    return tuple(_DISABLED[check_type] if check_type in _DISABLED else check_type for check_type in CHECK_TYPES)  # noqa: SIM401 - mypy


def prepare(check: Any) -> Probe:
    """Return the probe of a check of any registered kind."""
    return KINDS[check.kind].prepare(check)
