"""The `grpc` prober: one call of the standard health service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.blackbox.prober import BlackboxProbe, Prober
from monitor.blackbox.target_address import resolve_target, split
from monitor.blackbox.tls import options, set_tls_gauges, tls_logger
from monitor.config.model import HostPort
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.grpc import GrpcCheck, caller
from monitor.protocols.grpc_health import HEALTH, SERVING

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt

_PHASES = "probe_grpc_duration_seconds"
_RESPONSE = "probe_grpc_healthcheck_response"
_UNAVAILABLE = 14


def _begin(probe: BlackboxProbe) -> None:
    for name in ("probe_grpc_ssl", "probe_grpc_status_code", "probe_ssl_earliest_cert_expiry"):
        probe.gauges.set(name, 0)
    probe.gauges.phases(_PHASES, resolve=0)


async def _run(probe: BlackboxProbe, attempt: Attempt) -> None:
    gauges, config = probe.gauges, probe.module.grpc
    host, port = _authority(probe.target, 443 if config.tls else 80)
    await resolve_target(probe, attempt, host, port, config)
    for health in HEALTH.values():
        gauges.set(_RESPONSE, 0, {"serving_status": health})
    check = GrpcCheck.model_construct(
        id="probe",
        grpc=HostPort(host, port),
        service=config.service,
        metadata={name: ", ".join(values) for name, values in config.metadata.items()},
        encrypted=config.tls,
        tls=options(config.tls_config),
    )
    attempt.on_tls = tls_logger(probe)
    gauges.set("probe_grpc_status_code", _UNAVAILABLE)  # until a response arrives
    response = await caller(check)(attempt)
    probe.probe_log.note("received response", code=response.code, message=response.message, health=response.health)
    gauges.set("probe_grpc_status_code", response.code)
    if response.code:
        raise ProbeFailure("grpc_status", f"{response.code} {quoted(response.message)}")
    gauges.set(_RESPONSE, 1, {"serving_status": response.health})
    if probe.tls_state is not None:
        gauges.set("probe_grpc_ssl", 1)
        set_tls_gauges(probe, chain=False)
    if response.health != SERVING:
        raise ProbeFailure("grpc_not_serving", f"the health is {response.health}, expected {SERVING}")


def _authority(target: str, port: int) -> tuple[str, int]:
    """Return the host and the port of an address or URL; `port` is the default."""
    try:
        return split(urlsplit(target).netloc if target.startswith(("http://", "https://")) else target, port)
    except ValueError:
        raise ProbeFailure("bad_target", f"{quoted(target)} is not an address") from None


def _end(probe: BlackboxProbe, phases: Mapping[str, float]) -> None:
    if probe.gauges.has(_RESPONSE):  # a call was made
        lookup_seconds = probe.gauges.value("probe_dns_lookup_time_seconds")
        probe.gauges.phases(_PHASES, resolve=lookup_seconds, check=max(0.0, sum(phases.values()) - lookup_seconds))


GRPC = Prober(_begin, _run, _end)
