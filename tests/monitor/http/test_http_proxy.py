"""HTTP proxies: the request to the proxy, the classification of its failures, and its limits."""

from __future__ import annotations

import asyncio
import base64
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.config.outbound import OutboundBlock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probes.registry import prepare
from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.probing import attempt, load_check
from tests.support.proxy import Proxy, copy_both_ways
from tests.support.servers import http_response, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.probe_result import ProbeResult

NAME = "target.example.test"
DOCS = (Path(__file__).parents[3] / "docs/http.md").read_text(encoding="utf-8")
LOOPBACK = "127.0.0.1"


async def through(proxy: Any, url: str, **check_keys: Any) -> ProbeResult:
    async with serve_tcp(proxy) as port:
        return (await attempt({"http": url, "proxy": f"http://{LOOPBACK}:{port}", **check_keys})).result


async def test_http_request_is_sent_to_the_proxy_with_the_full_url() -> None:
    proxy = Proxy({NAME: LOOPBACK})
    async with serve_tcp(respond_with(http_response(b"here"))) as port:
        result = await through(proxy, f"http://{NAME}:{port}/x?q=1", expect={"contains": "here"})
    assert result.outcome is Outcome.GOOD, result.detail
    assert proxy.heads[0].startswith(f"GET http://{NAME}:{port}/x?q=1 HTTP/1.1\r\nHost: {NAME}:{port}\r\n")


async def test_https_request_goes_through_an_encrypted_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "secret-of-the-target")
    authority, proxy = trustme.CA(), Proxy({NAME: LOOPBACK})
    async with serve_tcp(respond_with(http_response(b"here")), server_context(authority.issue_cert(NAME))) as port:
        result = await through(
            proxy,
            f"https://{NAME}:{port}/path",
            tls={"ca": write_ca_bundle(authority, tmp_path)},
            bearer={"env": "KEY"},
            expect={"encrypted": True, "contains": "here"},
        )
    assert result.outcome is Outcome.GOOD, result.detail
    assert proxy.heads == [f"CONNECT {NAME}:{port} HTTP/1.1\r\nHost: {NAME}:{port}\r\n\r\n"]
    assert set(result.phases) == {"resolve", "connect", "tls", "first_byte", "transfer"}


async def test_certificate_behind_a_tunnel_is_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serve_tcp(
        respond_with(http_response()), server_context(authority.issue_cert("another.example.test"))
    ) as port:
        ca = write_ca_bundle(authority, tmp_path)
        result = await through(Proxy({NAME: LOOPBACK}), f"https://{NAME}:{port}/", tls={"ca": ca})
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_hostname")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_proxy_credentials_are_sent_to_the_proxy_only(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXY_PASSWORD", "opens-the-proxy")
    authority, observations = trustme.CA(), list[bytes]()

    async def target(reader: Any, writer: Any) -> None:
        observations.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http_response())
        await writer.drain()

    authorization = "Basic " + base64.b64encode(b"probe:opens-the-proxy").decode()
    context = server_context(authority.issue_cert(NAME)) if scheme == "https" else None
    async with serve_tcp(target, context) as port:
        check_keys: dict[str, Any] = {"tls": {"ca": write_ca_bundle(authority, tmp_path)}} if context else {}
        url = f"{scheme}://{NAME}:{port}/"
        rejected = await through(Proxy({NAME: LOOPBACK}, authorization), url, **check_keys)
        check_keys["proxy_basic"] = {"user": "probe", "password": {"env": "PROXY_PASSWORD"}}
        result = await through(Proxy({NAME: LOOPBACK}, authorization), url, **check_keys)
    assert (rejected.outcome, rejected.reason) == (Outcome.UNKNOWN, "proxy_refused")
    assert result.outcome is Outcome.GOOD, result.detail
    assert len(observations) == 1
    assert b"roxy" not in observations[0]


@pytest.mark.parametrize(
    ("refusal", "outcome", "reason"),
    [
        ("403 Forbidden", Outcome.UNKNOWN, "proxy_refused"),
        ("302 Found", Outcome.UNKNOWN, "proxy_refused"),
        ("502 Bad Gateway", Outcome.BAD, "proxy_no_connection"),
        ("503 Service Unavailable", Outcome.BAD, "proxy_no_connection"),
        ("504 Gateway Timeout", Outcome.BAD, "proxy_no_connection"),
    ],
)
async def test_failed_tunnel_has_the_reason_of_proxy_or_target(refusal: str, outcome: Outcome, reason: str) -> None:
    result = await through(Proxy(refusal=refusal), f"https://{NAME}/")
    assert (result.outcome, result.reason) == (outcome, reason)
    assert result.detail == f'the proxy responded {refusal[:3]} for "{NAME}:443"'


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        (respond_with(http_response(status="502 Bad Gateway", Via="1.1 proxy")), "http_status"),
        (
            respond_with(http_response(status="503 Busy", Proxy_Status="proxy; error=connection_limit_reached")),
            "http_status",
        ),
        (respond_with(http_response(status="403 Forbidden")), "http_status"),
        (respond_with(b""), "empty_response"),
        (respond_with(b"SSH-2.0-OpenSSH\r\n"), "malformed_response"),
        (send_nothing, "deadline"),
    ],
    ids=["502", "503", "403", "hang-up", "no HTTP", "silence"],
)
async def test_ambiguous_http_failure_counts_as_the_targets(proxy: Any, reason: str) -> None:
    async with serve_tcp(proxy) as port:
        check = {"http": f"http://{NAME}/", "proxy": f"http://{LOOPBACK}:{port}"}
        result = (await attempt(check, 0.5 if proxy is send_nothing else 5)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, reason), result.detail
    assert f"`{reason}`" in DOCS or reason == "http_status"


@pytest.mark.parametrize("proxy", [send_and_close(), send_on_connect(b"SSH-2.0-OpenSSH\r\n")])
async def test_server_that_is_no_proxy_gives_unknown(proxy: Any) -> None:
    result = await through(proxy, f"https://{NAME}/")
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "proxy_refused")


@pytest.mark.parametrize("url", [f"http://{NAME}/", f"https://{NAME}/"])
async def test_missing_proxy_gives_unknown(url: str) -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        result = (await attempt({"http": url, "proxy": f"http://{LOOPBACK}:{unused.getsockname()[1]}"})).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "proxy_unreachable")
    assert result.detail.startswith("connect_refused: ")


async def test_proxy_with_a_full_backlog_is_unreachable() -> None:
    """The connection stays half open, but this is not the target's timeout."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind((LOOPBACK, 0))
        full.listen(0)
        for origin in (first, second):
            origin.setblocking(False)
            origin.connect_ex(full.getsockname())
        check_keys = {
            "http": f"http://{NAME}/",
            "proxy": f"http://{LOOPBACK}:{full.getsockname()[1]}",
            "timeout": "300ms",
        }
        result = (await attempt(check_keys, 5)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "proxy_unreachable")


async def test_unanswered_tunnel_ends_at_the_deadline() -> None:
    async with serve_tcp(send_nothing) as port:
        check_keys = {"http": f"https://{NAME}/", "proxy": f"http://{LOOPBACK}:{port}"}
        result = (await attempt(check_keys, 0.3)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_timeout")


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "https://169.254.169.254/", "http://10.1.2.3/"])
async def test_proxy_cannot_reach_a_denied_address(url: str) -> None:
    proxy = Proxy()
    outbound = OutboundPolicy(OutboundBlock.model_validate({"deny": ["10.0.0.0/8"]}))
    async with serve_tcp(proxy) as port, probe_environment(SystemClock(), Health(), outbound=outbound) as (runner, _):
        check = load_check({"http": url, "proxy": f"http://{LOOPBACK}:{port}"})
        result = (await runner.attempt(prepare(check), 5)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "address_denied")
    assert proxy.heads == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/", "address_denied"),
        ("http://[::ffff:169.254.169.254]/", "address_denied"),
        ("http://2852039166/", "redirect_refused"),
        ("http://0xa9.254.169.254/", "redirect_refused"),
    ],
)
async def test_redirect_through_a_proxy_cannot_reach_a_denied_address(location: str, reason: str) -> None:
    proxy = Proxy({NAME: LOOPBACK})
    async with serve_tcp(respond_with(http_response(status="302 Found", Location=location))) as port:
        result = await through(proxy, f"http://{NAME}:{port}/", redirects=1)
    assert result.reason == reason
    assert len(proxy.heads) == 1


async def test_outbound_policy_applies_to_the_proxy() -> None:
    check = load_check({"http": f"http://{NAME}/", "proxy": "http://169.254.169.254:3128"})
    async with probe_environment(SystemClock(), Health()) as (runner, _):
        result = (await runner.attempt(prepare(check), 5)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "address_denied")


@pytest.mark.parametrize(
    ("check_keys", "expected_error"),
    [
        ({"proxy": "https://proxy:3128"}, "not a proxy; use http://host:port"),
        ({"proxy": "http://proxy"}, "is not an address; use host:port"),
        ({"proxy": "http://u:p@proxy:3128"}, "a URL must not contain a password; use proxy_basic"),
        ({"proxy": "http://proxy:3128/path"}, "not a proxy"),
        ({"proxy": 3128}, "not a proxy"),
        ({"proxy_basic": {"user": "u", "password": {"env": "HOME"}}}, "no effect without a proxy"),
        ({"proxy": "http://proxy:3128", "resolve_to": "127.0.0.1"}, "no effect with a proxy"),
        ({"proxy": "http://proxy:3128", "protocol": "2"}, "a proxy supports HTTP/2 for https URLs only"),
    ],
)
def test_invalid_option_is_rejected_at_load(check_keys: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        load_check({"http": "http://a.example/", **check_keys})


BOTH = b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"
TWICE = b"content-length: 5\r\nContent-Length : 7\r\n"


@pytest.mark.parametrize("lengths", [b"", BOTH, TWICE, b"Transfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n"])
@pytest.mark.parametrize("piecewise", [False, True])
async def test_body_lengths_in_a_connect_response_are_ignored(lengths: bytes, piecewise: bool, tmp_path: Path) -> None:
    """A tunnel has no body (RFC 9110, 9.3.6), so these headers are no reason to reject the tunnel."""
    response = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n" + lengths + b"X: y\r\n\r\n"

    class Verbose(Proxy):
        async def _tunnel(self, target: str, reader: Any, writer: Any) -> None:
            target_reader, target_writer = await self._open_target(target)
            for piece in [response[at : at + 1] for at in range(len(response))] if piecewise else [response]:
                writer.write(piece)
                await asyncio.sleep(0)
            await copy_both_ways(reader, writer, target_reader, target_writer)

    authority = trustme.CA()
    async with serve_tcp(respond_with(http_response(b"here")), server_context(authority.issue_cert(NAME))) as port:
        tls = {"ca": write_ca_bundle(authority, tmp_path)}
        result = await through(
            Verbose({NAME: LOOPBACK}), f"https://{NAME}:{port}/", tls=tls, expect={"contains": "here"}
        )
    assert result.outcome is Outcome.GOOD, result.detail


@pytest.mark.parametrize(
    "response", [b"SSH-2.0-x", b"\0\xff\xfe", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, b"HTTP/1.1 2x0 OK\r\n"]
)
async def test_invalid_connect_response_fails_immediately(response: bytes) -> None:
    result = await through(send_on_connect(response), f"https://{NAME}/", timeout="5s")
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "proxy_refused"), result.detail


@pytest.mark.parametrize("proxied", [True, False])
async def test_proxy_is_a_relay(proxied: bool) -> None:
    attempts: list[Attempt] = []
    async with serve_tcp(respond_with(http_response())) as port, serve_tcp(Proxy({NAME: LOOPBACK})) as relay:
        keys = {"http": f"http://{LOOPBACK}:{port}/"} | ({"proxy": f"http://{LOOPBACK}:{relay}"} if proxied else {})
        probe = prepare(load_check(keys))

        async def observe(attempt: Attempt) -> ProbeResult:
            attempts.append(attempt)
            return await probe(attempt)

        async with probe_environment(SystemClock(), Health()) as (runner, _):
            await runner.attempt(observe, 5.0)
    assert [attempt.relayed for attempt in attempts] == [proxied]
