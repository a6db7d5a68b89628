"""The outbound address policy: applied where a socket connects, for any name, spelling or redirect."""

from __future__ import annotations

import ast
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import monitor
from monitor.clock import SystemClock
from monitor.config.model import OutboundBlock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.failure import ProbeFailure
from monitor.network.outbound_policy import OutboundPolicy
from monitor.network.resolver import Resolver
from monitor.probes.registry import KINDS, prepare
from sla.observation import Outcome
from tests.support.nameserver import dns_records, nameserver
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, serve_tcp


def denial_reason(host: str, policy: OutboundPolicy) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        policy.check((family, (host, 80)))
    except ProbeFailure as failure:
        return f"{failure.reason} {failure.outcome}: {failure.detail}"
    return ""


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "::ffff:0:a9fe:a9fe",
        "::a9fe:a9fe",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
@pytest.mark.fault(48)
def test_link_local_and_metadata_addresses_are_always_denied(host: str) -> None:
    everything = OutboundBlock.model_validate({"allow": ["0.0.0.0/0", "::/0"]})
    assert denial_reason(host, OutboundPolicy()).startswith("address_denied unknown: ")
    assert "no probe may reach" in denial_reason(host, OutboundPolicy())
    assert "no probe may reach" in denial_reason(host, OutboundPolicy(everything))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_loopback_is_denied_for_remote_clients(host: str) -> None:
    assert denial_reason(host, OutboundPolicy()) == ""
    assert "remote callers may not reach" in denial_reason(host, OutboundPolicy().for_remote_callers())


def test_deny_list_takes_precedence_over_allow_list() -> None:
    policy = OutboundPolicy(OutboundBlock.model_validate({"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"]}))
    assert denial_reason("10.2.0.1", policy) == denial_reason("::ffff:10.2.0.1", policy) == ""
    assert "deny" in denial_reason("10.1.2.3", policy)
    assert "deny" in denial_reason("::ffff:10.1.2.3", policy)
    assert "allow" in denial_reason("192.0.2.1", policy)
    assert "allow" in denial_reason("2001:db8::1", policy)
    assert denial_reason("::1", OutboundPolicy(OutboundBlock.model_validate({"allow": ["::1/128"]}))) == ""


def test_ipv4_mapped_network_equals_the_ipv4_network() -> None:
    policy = OutboundPolicy(OutboundBlock.model_validate({"deny": ["::ffff:192.0.2.0/120"]}))
    assert "deny" in denial_reason("192.0.2.7", policy)
    assert "deny" in denial_reason("::ffff:192.0.2.7", policy)


@pytest.mark.parametrize(
    ("check_keys", "message"),
    [
        ({"allow": []}, "at least 1"),
        ({"deny": ["10.0.0.1/8"]}, "has bits set after its prefix"),
        ({"deny": ["example.org"]}, "is not a network"),
        ({"deny": [10]}, "is not a network"),
    ],
)
def test_invalid_list_of_networks_is_rejected(check_keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OutboundBlock.model_validate(check_keys)


WAYS: list[dict[str, Any]] = [
    {"http": "http://%s/"},
    {"tls": "%s:443"},
    {"tcp": "%s:80"},
    {"udp": "%s:53", "send": "x", "expect": "y"},
    {"dns": "example.org", "resolver": "%s:53"},
    {"icmp": "%s"},
    {"grpc": "%s:80"},
    {"websocket": "ws://%s/"},
    {"smtp": "%s"},
    {"ssh": "%s"},
    {"ntp": "%s"},
    {"redis": "%s"},
    {"postgres": "%s"},
    {"mysql": "%s"},
    {"freshness": "http://%s/", "stamp": {"header": "Date"}, "max_age": "1d"},
    {"prometheus": "http://%s/", "good": "a", "total": "b", "at_least": "99%"},
    {"domain": "example.org", "rdap": "http://%s/"},
    {"jwt": "a.b.c", "jwks": "http://%s/", "issuer": "https://login.test", "audience": "forms"},
    {"steps": [{"id": "one", "http": "http://inside.test/"}]},
]
# A heartbeat is received. A program and a browser connect themselves, and need --allow-exec for that.
WITHOUT_CONNECTION = {"heartbeat", "exec", "browser"}


def test_every_kind_has_a_case() -> None:
    assert {next(iter(check_keys)) for check_keys in WAYS} | WITHOUT_CONNECTION == set(KINDS)


@pytest.mark.parametrize("check_keys", WAYS, ids=lambda check_keys: next(iter(check_keys)))
@pytest.mark.fault(48)
async def test_policy_applies_to_every_kind(check_keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It also applies to names: the address counts."""
    monkeypatch.setattr(
        "monitor.probes.icmp.may_open_socket", lambda: True
    )  # the policy is checked before the socket is opened
    address = {
        key: value.replace("%s", "inside.test") if isinstance(value, str) else value
        for key, value in check_keys.items()
    }
    async with nameserver(dns_records("A 169.254.169.254")) as port:
        result = (await attempt(address, 5, Resolver(["127.0.0.1"], port))).result
    assert result.outcome is Outcome.UNKNOWN
    assert "address_denied" in (result.reason.removeprefix("one: "), result.detail.partition(":")[0])
    assert "169.254.169.254" in result.detail


@pytest.mark.fault(35)
async def test_policy_applies_to_redirects() -> None:
    away = http_response(status="302 Found", Location="http://169.254.169.254/latest/meta-data/")
    async with serve_tcp(respond_with(away)) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 3})).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "address_denied")


async def test_permitted_address_is_tried_next_to_a_denied_one() -> None:
    async with (
        serve_tcp(respond_with(http_response())) as port,
        nameserver(dns_records("A 169.254.169.254", "A 127.0.0.1")) as names,
    ):
        resolver = Resolver(["127.0.0.1"], names)
        result = (await attempt({"http": f"http://both.test:{port}/"}, 5, resolver)).result
    assert result.outcome is Outcome.GOOD


async def test_remote_client_cannot_reach_loopback() -> None:
    async with (
        serve_tcp(respond_with(http_response())) as port,
        probe_environment(SystemClock(), Health()) as (runner, _),
    ):
        probe = prepare(load_check({"http": f"http://127.0.0.1:{port}/"}))
        local_result = await runner.attempt(probe, 5)
        remote_result = await runner.attempt(probe, 5, outbound=runner.outbound.for_remote_callers())
    assert (local_result.result.outcome, remote_result.result.reason) == (Outcome.GOOD, "address_denied")


CONNECTING_CALLS = {
    "connect",
    "_connect",
    "connect_ex",
    "create_connection",
    "open_connection",
    "sock_connect",
    "sendto",
    "create_datagram_endpoint",
    "ClientSession",
    "urlopen",
    "build_opener",
    "OpenerDirector",
}


def _is_own_connection(call: ast.Attribute) -> bool:
    """Return whether it is a call of our class `Connection`, which checks the policy."""
    return isinstance(call.value, ast.Name) and call.value.id == "Connection"


@pytest.mark.fault(48)
def test_every_connecting_call_is_covered_by_the_policy() -> None:
    """A new way to connect must be added here, and must check the policy first."""
    actual = set()
    own_class = Path(monitor.__file__).parent
    for path in (path for path in own_class.rglob("*.py") if path.parent.name not in {"storage", "demo"}):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in CONNECTING_CALLS and not _is_own_connection(node):
                actual.add(f"{path.parent.name}/{path.name}")
    assert actual == {
        "network/icmp_echo.py",
        "network/json_client.py",  # for commands: the daemon's address, or one that the user specifies
        "network/resolver.py",  # checks for a route, and sends nothing
        "network/connection.py",
        "probes/mysql.py",
        "protocols/database.py",  # checks the policy for the two drivers
        "protocols/postgres_session.py",
        "protocols/websocket_session.py",  # such a method encodes a request, sent over a Connection
        "receivers/email.py",  # begins SMTP over the socket of a Connection
    }
