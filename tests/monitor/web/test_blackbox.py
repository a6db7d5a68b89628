"""Tests of /probe: access control, responses, and that no secret is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dns.rcode
import pytest

from monitor.blackbox.service import MAX_CONCURRENT, START_INTERVAL, Blackbox
from monitor.clock import SystemClock
from monitor.config.model import HostPort
from monitor.config.outbound import OutboundBlock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.outbound_policy import OutboundPolicy
from monitor.network.resolver import Resolver
from monitor.web import blackbox
from monitor.web.blackbox import Probes
from tests.monitor.web.conftest import small_ledger
from tests.support.addresses import resolver_for
from tests.support.clocks import ManualClock, settle
from tests.support.line_servers import send_on_connect
from tests.support.nameserver import dns_records, nameserver
from tests.support.proxy import Proxy
from tests.support.servers import http_response, read_request, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer

CANARY = "canary-71c0ffee"
MODULES = f"""
modules:
  http_2xx: {{prober: http, timeout: 5s}}
  tcp: {{prober: tcp, timeout: 5s}}
  dns: {{prober: dns, timeout: 5s, dns: {{query_name: example.test}}}}
  icmp: {{prober: icmp, timeout: 5s}}
  grpc: {{prober: grpc, timeout: 5s}}
  fixed_host: {{prober: http, http: {{headers: {{Host: one.test}}}}}}
  session: {{prober: http, http: {{follow_redirects: false, headers: {{X-Session: {CANARY}-6}}}}}}
  with_secrets:
    prober: http
    timeout: 5s
    http:
      method: POST
      headers: {{X-Api-Key: {CANARY}-1}}
      basic_auth: {{username: user, password: {CANARY}-2}}
      body: token={CANARY}-3
  query_response:
    prober: tcp
    timeout: 5s
    tcp: {{query_response: [{{expect: "^hello", send: "PASS {CANARY}-4"}}]}}
  labelled:
    prober: tcp
    timeout: 5s
    tcp:
      query_response:
        - expect: "^SSH-2.0-([^ -]+)(?: (.*))?$"
          labels: [{{name: version, value: "${{1}}"}}, {{name: note, value: "${{2}}"}}]
  expect_bytes:
    prober: tcp
    timeout: 5s
    tcp: {{query_response: [{{expect_bytes: "SSH-2.0-"}}]}}
"""


@dataclass
class ProbeServer:
    """A running server with /probe enabled."""

    server: RunningServer
    blackbox_state: Blackbox

    async def probe(self, target: str, module: str = "tcp", **headers: str) -> tuple[int, str]:
        response = await self.server.get("/probe", params={"target": target, "module": module}, headers=headers)
        return response.status, response.text

    async def debug(self, target: str, module: str, **headers: str) -> str:
        params = {"target": target, "module": module, "debug": "true"}
        return (await self.server.get("/probe", params=params, headers=headers)).text


StartProbeServer = Callable[..., Awaitable[ProbeServer]]


@pytest.fixture
async def start_probe_server(
    publish: Callable[..., Awaitable[RunningServer]], tmp_path: Path
) -> AsyncIterator[StartProbeServer]:
    path = tmp_path / "blackbox.yml"
    path.write_text(MODULES)
    async with (
        nameserver(dns_records(rcode=dns.rcode.NXDOMAIN)) as nameserver_address,
        probe_environment(SystemClock(), Health(), Resolver(["127.0.0.1"], nameserver_address)) as (
            runner,
            loop_monitor,
        ),
    ):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]

        async def start(
            *allow: str, outbound: OutboundBlock | None = None, listen_on_all_addresses: bool = False
        ) -> ProbeServer:
            blackbox_state, ledger = Blackbox(path, SystemClock()), small_ledger()
            if listen_on_all_addresses:
                ledger.portfolio = ledger.portfolio.model_copy(update={"listen": HostPort("0.0.0.0", 9999)})
            runner.outbound = OutboundPolicy(outbound)
            probes = Probes(blackbox_state, runner, tuple(map(ip_network, allow)))
            return ProbeServer(await publish(ledger, SystemClock(), probes=probes), blackbox_state)

        yield start


def value(page: str, name: str) -> float:
    return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"{name} "))


async def test_probe_is_disabled_without_a_module_file(server: RunningServer) -> None:
    response = await server.get("/probe?target=127.0.0.1")
    assert response.status == 404
    assert "--blackbox-config" in response.text


async def test_loopback_client_is_allowed(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server()
    async with serve_tcp(respond_with(http_response(b"ok"))) as port:
        status, page = await probe_server.probe(f"127.0.0.1:{port}", "http_2xx")
    assert (status, value(page, "probe_success"), value(page, "probe_http_status_code")) == (200, 1, 200)
    assert 'ninewatch_probe_outcome_info{outcome="good",reason=""} 1' in page


@pytest.mark.parametrize(
    "headers",
    [
        {name: "127.0.0.1"}
        for name in (
            "X-Forwarded-For",
            "Forwarded",
            "x-real-ip",
            "Via",
            "X-Forwarded-Proto",
            "X-Original-Forwarded-For",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "True-Client-IP",
            "CF-Ray",
        )
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_forwarded_request_is_treated_as_remote(
    start_probe_server: StartProbeServer, headers: dict[str, str]
) -> None:
    probe_server = await start_probe_server()
    status, body = await probe_server.probe("127.0.0.1:1", **headers)
    assert (status, "--blackbox-allow" in body) == (403, True)


async def test_http_1_0_request_is_treated_as_forwarded(start_probe_server: StartProbeServer) -> None:
    url = urlsplit((await start_probe_server()).server.base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET /probe?module=tcp&target=127.0.0.1:1 HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()


async def test_allow_list_applies_to_loopback_too(start_probe_server: StartProbeServer) -> None:
    """Otherwise a local proxy that adds no headers would bypass the allow list."""
    status, body = await (await start_probe_server("192.0.2.0/24")).probe("127.0.0.1:1")
    assert (status, "127.0.0.1/32" in body) == (403, True)
    assert (await (await start_probe_server("192.0.2.0/24", "127.0.0.1/32")).probe("127.0.0.1:1"))[0] == 200


async def test_unrecognized_loopback_client_gets_a_hint(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server(listen_on_all_addresses=True)
    status, body = await probe_server.probe("127.0.0.1:1", Host="monitor.example.test")
    assert (status, "use 127.0.0.1 or localhost" in body) == (403, True)


async def test_remote_client_cannot_probe_loopback_targets(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server("127.0.0.0/8")
    async with serve_tcp(respond_with(http_response(b"ok"))) as port:
        for target in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::ffff:127.0.0.1]:{port}"):
            status, page = await probe_server.probe(target, "http_2xx", **{"X-Forwarded-For": "192.0.2.1"})
            assert (status, value(page, "probe_success")) == (200, 0)
            assert 'reason="address_denied"' in page
        assert value((await probe_server.probe(f"127.0.0.1:{port}", "http_2xx"))[1], "probe_success") == 1


@pytest.mark.parametrize("first_client", ["local", "remote"])
async def test_token_server_on_loopback_is_allowed_for_remote_clients(
    start_probe_server: StartProbeServer, first_client: str
) -> None:
    probe_server, headers = await start_probe_server("127.0.0.0/8"), {"X-Forwarded-For": "192.0.2.1"}
    token_handler = respond_with(http_response(b'{"access_token": "a-token", "expires_in": 3600}'))
    async with serve_tcp(token_handler) as port, serve_tcp(respond_with(http_response(b"ok"))) as target:
        path = probe_server.blackbox_state._path
        path.write_text(f"""
modules:
  oauth2:
    prober: http
    http: {{oauth2: {{client_id: a, client_secret: b, token_url: "http://127.0.0.1:{port}/"}}}}
""")
        probe_server.blackbox_state.reload_if_needed(probe_server.server.health, requested=True)
        if first_client == "local":
            assert value((await probe_server.probe(f"127.0.0.1:{target}", "oauth2"))[1], "probe_success") == 1
        page = (await probe_server.probe(f"127.0.0.1:{target}", "oauth2", **headers))[1]
        assert 'reason="address_denied"' in page  # of the target; a denied token server would give token_unavailable
        assert value((await probe_server.probe(f"127.0.0.1:{target}", "oauth2"))[1], "probe_success") == 1


async def test_loopback_proxy_does_not_expose_loopback_targets_to_remote_clients(
    start_probe_server: StartProbeServer,
) -> None:
    probe_server, headers = await start_probe_server("127.0.0.0/8"), {"X-Forwarded-For": "192.0.2.1"}
    names = dict.fromkeys(("target.test", "app.localhost"), "127.0.0.1")
    async with serve_tcp(Proxy(names)) as port, serve_tcp(respond_with(http_response(b"ok"))) as target:
        url = f"proxy_url: http://127.0.0.1:{port}, skip_resolve_phase_with_proxy: true"
        probe_server.blackbox_state._path.write_text(f"modules: {{via_proxy: {{prober: http, http: {{{url}}}}}}}")
        probe_server.blackbox_state.reload_if_needed(probe_server.server.health, requested=True)
        assert (
            value((await probe_server.probe(f"target.test:{target}", "via_proxy", **headers))[1], "probe_success") == 1
        )
        for host in ("localhost", "LocalHost.", "app.localhost", "localhost.localdomain", "ip6-localhost", "127.0.0.1"):
            page = (await probe_server.probe(f"{host}:{target}", "via_proxy", **headers))[1]
            assert 'reason="address_denied"' in page, host
        assert value((await probe_server.probe(f"localhost:{target}", "via_proxy"))[1], "probe_success") == 1


async def test_redirect_to_a_cloud_metadata_address_is_denied(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server()
    redirect = http_response(b"", "302 Found", Location="http://169.254.169.254/latest/meta-data/")
    async with serve_tcp(respond_with(redirect)) as port:
        page = (await probe_server.probe(f"127.0.0.1:{port}", "http_2xx"))[1]
    assert 'reason="address_denied"' in page


async def test_outbound_policy_applies_to_probe_requests(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server(outbound=OutboundBlock(deny=(ip_network("127.0.0.0/8"),)))
    async with serve_tcp(send_nothing) as port:
        assert 'reason="address_denied"' in (await probe_server.probe(f"127.0.0.1:{port}"))[1]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
async def test_cross_origin_request_is_rejected(start_probe_server: StartProbeServer, headers: dict[str, str]) -> None:
    assert (await (await start_probe_server("127.0.0.0/8")).probe("127.0.0.1:1", **headers))[0] == 403


async def test_unknown_host_header_is_rejected(start_probe_server: StartProbeServer) -> None:
    """This prevents DNS rebinding."""
    assert (await (await start_probe_server()).probe("127.0.0.1:1", Host="evil.test"))[0] == 421


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
async def test_other_methods_than_get_are_rejected(start_probe_server: StartProbeServer, method: str) -> None:
    response = await (await start_probe_server()).server.get("/probe?target=127.0.0.1:1&module=tcp", method)
    assert (response.status, response.raw.headers["Allow"]) == (405, "GET")
    message = "method not allowed; allowed: GET; this endpoint is read-only\n"
    assert response.text == ("" if method == "HEAD" else message)


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


async def test_requests_over_the_concurrency_limit_get_503(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server()
    probe_server.blackbox_state.in_flight = MAX_CONCURRENT
    response = await probe_server.server.get("/probe?target=127.0.0.1:1&module=tcp")
    assert (response.status, response.raw.headers["Retry-After"]) == (503, "1")
    probe_server.blackbox_state.in_flight -= 1
    assert (await probe_server.probe("127.0.0.1:1"))[0] == 200
    assert probe_server.blackbox_state.in_flight == MAX_CONCURRENT - 1


class SilentServer:
    """Accepts a connection, sends nothing, and records the connect and the disconnect."""

    def __init__(self) -> None:
        self.connected, self.disconnected = asyncio.Event(), asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        while await reader.read(4096):
            pass
        self.disconnected.set()


async def test_probe_is_cancelled_when_the_client_disconnects(start_probe_server: StartProbeServer) -> None:
    """The module's timeout is two minutes; the test ends earlier."""
    probe_server, target = await start_probe_server(), SilentServer()
    url = urlsplit(probe_server.server.base)
    async with serve_tcp(target) as port, asyncio.timeout(30):
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        path = f"/probe?module=fixed_host&target=127.0.0.1:{port}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await target.connected.wait()
        assert probe_server.blackbox_state.in_flight == 1
        writer.close()
        await target.disconnected.wait()
    assert probe_server.blackbox_state.in_flight == 0


async def test_cancelled_waiters_do_not_delay_later_probes(start_probe_server: StartProbeServer) -> None:
    blackbox_state, clock = (await start_probe_server()).blackbox_state, ManualClock()
    blackbox_state._clock = clock
    await blackbox_state._wait_for_start()
    waiting = [asyncio.create_task(blackbox_state._wait_for_start()) for _ in range(100)]
    await settle()
    for connection in waiting:
        connection.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    turn = asyncio.create_task(blackbox_state._wait_for_start())
    await clock.advance(START_INTERVAL)
    assert turn.done()


async def test_concurrency_is_limited_per_client(
    start_probe_server: StartProbeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blackbox, "MAX_PER_CLIENT", 1)
    probe_server, target = await start_probe_server("127.0.0.0/8"), SilentServer()
    async with serve_tcp(target) as port, asyncio.timeout(30):
        first = asyncio.create_task(probe_server.probe(f"127.0.0.1:{port}", "fixed_host"))
        await target.connected.wait()
        assert (await probe_server.probe("127.0.0.1:1"))[0] == 503
        assert (await probe_server.probe("127.0.0.1:1", **{"X-Forwarded-For": "192.0.2.1"}))[0] == 200
        first.cancel()
        await target.disconnected.wait()
        assert (await probe_server.probe("127.0.0.1:1"))[0] == 200


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
