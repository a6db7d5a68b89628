"""Responses of /probe: parameters, timeouts, debug output without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.blackbox.service import Blackbox
from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.web.blackbox import Probes
from tests.monitor.web.conftest import small_ledger
from tests.support.addresses import resolver_for
from tests.support.line_servers import send_on_connect
from tests.support.probe_server import CANARY, MODULES, ProbeServer, StartProbeServer, value
from tests.support.servers import http_response, read_request, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer


async def test_healthy_endpoint_matches_blackbox_exporter(
    server: RunningServer, start_probe_server: StartProbeServer
) -> None:
    assert (await server.get("/-/healthy")).status == 404
    response = await (await start_probe_server()).server.get("/-/healthy")
    assert (response.status, response.text) == (200, "Healthy")


async def test_hostname_may_include_a_port(start_probe_server: StartProbeServer) -> None:
    request_heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request_heads.append(await read_request(reader))
        writer.write(http_response(b"ok"))
        await writer.drain()

    probe_server = await start_probe_server()
    async with serve_tcp(handle) as port:
        for name in ("forms.test:8443", "[::1]:8443", "forms.test"):
            response = await probe_server.server.get(f"/probe?target=127.0.0.1:{port}&hostname={name}")
            assert value(response.text, "probe_success") == 1
            assert f"\r\nHost: {name}\r\n".encode() in request_heads.pop()


async def test_empty_timeout_header_is_ignored(start_probe_server: StartProbeServer) -> None:
    assert (await (await start_probe_server()).probe("127.0.0.1:1", **{"X-Prometheus-Scrape-Timeout-Seconds": ""}))[
        0
    ] == 200


@pytest.mark.parametrize(
    ("query", "expected_error"),
    [
        ("module=nosuch&target=a", 'Unknown module "nosuch"'),
        ("module=tcp", "Target parameter is missing"),
        ("target=127.0.0.1:1", None),  # default module: http_2xx
        ("module=tcp&target=a%0ab:1", "too long or not printable"),
        ("module=fixed_host&target=a&hostname=two.test", "host header defined both"),
        ("module=tcp&target=a:1&hostname=a%0d%0aX:1", "neither a host name nor an IP address"),
    ],
)
async def test_invalid_parameters_are_rejected(
    start_probe_server: StartProbeServer, query: str, expected_error: str | None
) -> None:
    probe_server = await start_probe_server()
    response = await probe_server.server.get(f"/probe?{query}")
    assert response.status == (200 if expected_error is None else 400)
    assert (expected_error or "probe_http_status_code") in response.text


@pytest.mark.parametrize("module", ["http_2xx", "tcp", "dns", "icmp", "grpc"])
async def test_invalid_target_fails_without_internal_error(start_probe_server: StartProbeServer, module: str) -> None:
    probe_server = await start_probe_server()
    invalid_targets = (
        "..",
        "..:1",
        ":1",
        "http://",
        "//x",
        "127.1:1",
        "[v1.a]:1",
        "http://a:1:2",
        "*:1",
        "℀:1",
        "ä..ö",
        "a" * 300,
    )
    for target in invalid_targets:
        status, page = await probe_server.probe(target, module)
        assert (status, value(page, "probe_success"), "probe_defect" in page) == (200, 0, False), target


async def test_unknown_modules_use_the_blackbox_exporter_metric(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server()
    probe_server.server.health.blackbox_reload_success, probe_server.server.health.blackbox_reload_at = True, 0
    await probe_server.probe("a", "nosuch")
    page = (await probe_server.server.get("/metrics")).text
    assert "\nblackbox_module_unknown_total 1.0\n" in page
    assert "\nblackbox_exporter_config_last_reload_successful 1.0\n" in page


@pytest.mark.parametrize("timeout", ["x", "nan", "-1", "1,5"])
async def test_invalid_timeout_header_is_rejected(start_probe_server: StartProbeServer, timeout: str) -> None:
    result = await (await start_probe_server()).probe("127.0.0.1:1", **{"X-Prometheus-Scrape-Timeout-Seconds": timeout})
    assert result[0] == 400


async def test_scrape_timeout_limits_the_probe(start_probe_server: StartProbeServer) -> None:
    """Without the limit, the probe would use the module's timeout of 5 s and report that."""
    probe_server = await start_probe_server()
    async with serve_tcp(send_nothing) as port:
        for _ in range(50):  # an attempt that a busy machine starved does not test the deadline
            debug_page = await probe_server.debug(
                f"127.0.0.1:{port}", "http_2xx", **{"X-Prometheus-Scrape-Timeout-Seconds": "0.6"}
            )
            if "monitor_starved" not in debug_page:
                break
    assert 'timeout="0.1s"' in debug_page
    assert "not complete within 0.1 s" in debug_page


async def test_debug_output_hides_secrets(start_probe_server: StartProbeServer) -> None:
    """The server sends the request's secrets back in its response."""
    requests: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_request(reader)
        requests.append(head + await reader.readexactly(len(f"token={CANARY}-3")))
        writer.write(
            http_response(
                requests[0], "500 Internal Server Error", X_Echo=head.decode().split("X-Api-Key: ")[1].split("\r\n")[0]
            )
        )
        await writer.drain()

    probe_server = await start_probe_server()
    async with serve_tcp(echo) as port:
        debug_page = await probe_server.debug(f"http://caller:{CANARY}-5@127.0.0.1:{port}/path", "with_secrets")
    assert all(f"{CANARY}-{number}".encode() in requests[0] for number in (1, 3))
    assert CANARY not in debug_page
    for part in ("Logs for the probe:", "Metrics that would have been returned:", "Module configuration:"):
        assert part in debug_page
    assert 'outcome="bad" reason="http_status"' in debug_page
    assert "probe_http_status_code 500" in debug_page
    assert '"password": "<secret>"' in debug_page


async def test_debug_output_hides_unmarked_credentials(start_probe_server: StartProbeServer) -> None:
    """The server returns the value in Location, at a position where the debug page would truncate it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = (await read_request(reader)).decode().split("X-Session: ")[1].split("\r\n")[0]
        writer.write(http_response(b"", "302 Found", Location=f"/{'x' * 290}{session}"))
        await writer.drain()

    probe_server = await start_probe_server()
    async with serve_tcp(echo) as port:
        debug_page = await probe_server.debug(f"127.0.0.1:{port}", "session")
    assert "following redirect" in debug_page
    assert CANARY[:5] not in debug_page
    assert '"X-Session": "<secret>"' in debug_page


async def test_debug_output_hides_the_sent_text_of_query_response(start_probe_server: StartProbeServer) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome <b>\x1b[31m\r\nhello\r\n")
        await reader.readline()

    probe_server = await start_probe_server()
    async with serve_tcp(greet) as port:
        debug_page = await probe_server.debug(f"127.0.0.1:{port}", "query_response")
    assert CANARY not in debug_page
    assert 'line="welcome <b>·[31m" expected="False"' in debug_page
    assert 'line="hello" expected="True"' in debug_page
    assert 'outcome="good"' in debug_page


async def test_options_of_newer_blackbox_exporter_versions_work(start_probe_server: StartProbeServer) -> None:
    """Captured groups become labels; expect_bytes compares bytes."""
    probe_server = await start_probe_server()
    ssh, mail = send_on_connect(b"SSH-2.0-Open_9.2 Debian\r\n"), send_on_connect(b"220 mail")
    async with serve_tcp(ssh) as port, serve_tcp(mail) as other:
        labelled = (await probe_server.probe(f"127.0.0.1:{port}", "labelled"))[1]
        exact = (await probe_server.probe(f"127.0.0.1:{port}", "expect_bytes"))[1]
        wrong = (await probe_server.probe(f"127.0.0.1:{other}", "expect_bytes"))[1]
    assert 'probe_expect_info{note="Debian",version="Open_9.2"} 1' in labelled
    assert (value(exact, "probe_success"), value(exact, "probe_failed_due_to_bytes")) == (1, 0)
    assert (value(wrong, "probe_success"), value(wrong, "probe_failed_due_to_bytes")) == (0, 1)


@pytest.mark.parametrize(
    ("addresses", "expected_success"), [(["127.0.0.2", "127.0.0.1"], 0), (["127.0.0.1", "127.0.0.2"], 1)]
)
@pytest.mark.parametrize("module", ["http_2xx", "tcp"])
async def test_only_the_first_address_is_probed(
    addresses: list[str],
    expected_success: int,
    module: str,
    publish: Callable[..., Awaitable[RunningServer]],
    tmp_path: Path,
) -> None:
    """This is blackbox_exporter's behaviour; the daemon's own checks try all addresses."""
    path = tmp_path / "blackbox.yml"
    path.write_text(MODULES)
    resolver = resolver_for("several.test", addresses, tmp_path)
    async with (
        serve_tcp(respond_with(http_response(b"ok"))) as port,  # on 127.0.0.1 alone
        probe_environment(SystemClock(), Health(), resolver) as (runner, loop_monitor),
    ):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        blackbox_state = Blackbox(path, SystemClock())
        probe_server = ProbeServer(
            await publish(small_ledger(), SystemClock(), probes=Probes(blackbox_state, runner, ())), blackbox_state
        )
        _, page = await probe_server.probe(f"several.test:{port}", module)
    assert value(page, "probe_success") == expected_success
