"""The `grpc` prober: one call of the standard health service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.blackbox.prober import Prober, Trial
from monitor.blackbox.target_address import chosen, split
from monitor.blackbox.tls import noting, options, show
from monitor.config.model import HostPort
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.grpc import GrpcCheck, caller
from monitor.protocols.grpc_health import HEALTH, SERVING

if TYPE_CHECKING:
    from monitor.network.attempt import Frame

_PHASES = "probe_grpc_duration_seconds"
_RESPONSE = "probe_grpc_healthcheck_response"
_UNAVAILABLE = 14


def _begin(trial: Trial) -> None:
    for name in ("probe_grpc_ssl", "probe_grpc_status_code", "probe_ssl_earliest_cert_expiry"):
        trial.gauges.set(name, 0)
    trial.gauges.phases(_PHASES, resolve=0)


async def _run(trial: Trial, frame: Frame) -> None:
    gauges, config = trial.gauges, trial.module.grpc
    host, port = _authority(trial.target, 443 if config.tls else 80)
    await chosen(trial, frame, host, port, config)
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
    frame.on_secured = noting(trial)
    gauges.set("probe_grpc_status_code", _UNAVAILABLE)  # until there is another
    answer = await caller(check)(frame)
    trial.diary.note("answered", code=answer.code, message=answer.message, health=answer.health)
    gauges.set("probe_grpc_status_code", answer.code)
    if answer.code:
        raise ProbeFailure("grpc_status", f"{answer.code} {quoted(answer.message)}")
    gauges.set(_RESPONSE, 1, {"serving_status": answer.health})
    if trial.handshake is not None:
        gauges.set("probe_grpc_ssl", 1)
        show(trial, chain=False)
    if answer.health != SERVING:
        raise ProbeFailure("grpc_not_serving", f"the health is {answer.health}")


def _authority(target: str, port: int) -> tuple[str, int]:
    """Return host and port of an address, which may be written as a URL."""
    try:
        return split(urlsplit(target).netloc if target.startswith(("http://", "https://")) else target, port)
    except ValueError:
        raise ProbeFailure("bad_target", f"{quoted(target)} is no address") from None


def _end(trial: Trial, phases: Mapping[str, float]) -> None:
    if trial.gauges.has(_RESPONSE):  # else nothing was asked
        looked_up = trial.gauges.value("probe_dns_lookup_time_seconds")
        trial.gauges.phases(_PHASES, resolve=looked_up, check=max(0.0, sum(phases.values()) - looked_up))


GRPC = Prober(_begin, _run, _end)
