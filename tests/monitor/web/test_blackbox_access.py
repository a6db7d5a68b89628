"""Access to /probe: clients, targets, hosts, methods."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from monitor.config.outbound import OutboundBlock
from tests.support.probe_server import StartProbeServer, value
from tests.support.proxy import Proxy
from tests.support.servers import http_response, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer


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


@pytest.mark.fault(48)
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
