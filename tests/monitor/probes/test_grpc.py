"""The grpc kind with grpcio's server and health service, and with servers that are not gRPC."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.probes.registry import prepare
from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.faulty_targets.framed import answer_calls
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.probing import attempt, load_check, retry_if_starved
from tests.support.servers import http_response, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

Status = health_pb2.HealthCheckResponse


@contextlib.contextmanager
def healthy(authority: trustme.CA | None = None, *, service: bool = True) -> Iterator[int]:
    """Run a server with the services `up` (serving) and `down` (not serving); the server as a whole is serving."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        servicer = health.HealthServicer()
        for name, status in (("", Status.SERVING), ("up", Status.SERVING), ("down", Status.NOT_SERVING)):
            servicer.set(name, status)
        servicer.set("odd", Status.UNKNOWN)
        if service:
            health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        if authority is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            leaf = authority.issue_cert("127.0.0.1")
            chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
            credentials = grpc.ssl_server_credentials([(leaf.private_key_pem.bytes(), chain)])
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


async def run_probe(port: int, seconds: float = 5.0, **options: Any) -> ProbeResult:
    return (await attempt({"grpc": f"127.0.0.1:{port}", **options}, seconds)).result


@pytest.mark.parametrize(
    ("service", "reason"),
    [("", ""), ("up", ""), ("down", "grpc_not_serving"), ("odd", "grpc_not_serving"), ("x" * 300, "grpc_status")],
)
async def test_health_of_a_service_gives_the_outcome(service: str, reason: str) -> None:
    with healthy() as port:
        result = await run_probe(port, service=service)
    assert (result.outcome, result.reason) == (Outcome.BAD if reason else Outcome.GOOD, reason)


async def test_missing_health_service_is_reported() -> None:
    with healthy(service=False) as port:
        result = await run_probe(port)
    assert (result.outcome, result.reason) == (Outcome.BAD, "grpc_status")
    assert "UNIMPLEMENTED" in result.detail


async def test_tls_negotiates_http_2_and_verifies_the_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    trusted = {"encrypted": True, "tls": {"ca": write_ca_bundle(authority, tmp_path)}}
    with healthy(authority) as port:
        good = await run_probe(port, **trusted)
        strange = await run_probe(port, encrypted=True)
    assert (good.outcome, strange.reason) == (Outcome.GOOD, "tls_untrusted")
    assert good.certificate_expiry is not None
    async with serve_tcp(send_nothing, server_context(authority.issue_cert("127.0.0.1"))) as port:
        assert (await run_probe(port, **trusted)).reason == "grpc_no_http2"


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (respond_with(http_response(b"page")), "http2_malformed"),
        (send_on_connect(b"SSH-2.0-x\r\n"), "http2_malformed"),
        (send_on_connect(b"\xff" * 100_000), "http2_malformed"),
        (send_and_close(), "hung_up"),
        (send_nothing, "deadline"),
    ],
)
async def test_server_that_is_not_grpc_has_its_reason(handler: Handler, reason: str) -> None:
    async with serve_tcp(handler) as port:
        result = await run_probe(port, 0.5)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert result.detail.isprintable()


@pytest.mark.parametrize("name", ["te", "Content-Type", "Host", "grpc-timeout"])
def test_reserved_metadata_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError, match="reserved for the call itself"):
        load_check({"grpc": "h:1", "metadata": {name: "x"}})


async def test_retry_pushback_of_an_exhausted_server_is_respected() -> None:
    calls = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await answer_calls(b"", {"grpc-status": "8", "grpc-retry-pushback-ms": "60000"})(reader, writer)

    async with serve_tcp(counting) as port, probe_environment(SystemClock(), Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        probe = prepare(load_check({"grpc": f"127.0.0.1:{port}"}))
        results = [(await retry_if_starved(runner, probe, 5.0)).result for _ in range(2)]
    assert [(result.outcome, result.reason) for result in results] == [(Outcome.UNKNOWN, "rate_limited")] * 2
    assert calls == 1


@pytest.mark.parametrize(
    ("status", "unknown", "reason"),
    [
        ("16", "UNAUTHENTICATED", "inconclusive"),
        ("8", ["UNAUTHENTICATED", "RESOURCE_EXHAUSTED"], "inconclusive"),
        ("8", "UNAUTHENTICATED", "grpc_status"),
        ("14", "UNAUTHENTICATED", "grpc_status"),
        ("99", "UNAUTHENTICATED", "grpc_status"),
    ],
)
async def test_configured_unknown_status_gives_unknown(status: str, unknown: Any, reason: str) -> None:
    async with serve_tcp(answer_calls(b"", {"grpc-status": status})) as port:
        result = (await attempt({"grpc": f"127.0.0.1:{port}", "unknown": unknown})).result
    assert (result.outcome is Outcome.UNKNOWN, result.reason) == (reason == "inconclusive", reason)


async def test_429_with_retry_after_is_unknown() -> None:
    async with serve_tcp(answer_calls(b"", status="429", **{"retry-after": "5"})) as port:
        result = (await attempt({"grpc": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.UNKNOWN, "rate_limited", 429)


@pytest.mark.parametrize("unknown", ["OK", "NO_SUCH", 8, True])
def test_invalid_status_is_rejected(unknown: Any) -> None:
    with pytest.raises(ValidationError, match="is not a status of a failed call"):
        load_check({"grpc": "h:1", "unknown": unknown})
