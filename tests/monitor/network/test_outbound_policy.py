"""The outbound address policy: judged where a socket connects, whatever name, spelling or redirect led there."""

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


def why_not(host: str, policy: OutboundPolicy) -> str:
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
def test_link_local_and_metadata_are_denied_even_where_they_are_allowed(host: str) -> None:
    everything = OutboundBlock.model_validate({"allow": ["0.0.0.0/0", "::/0"]})
    assert why_not(host, OutboundPolicy()).startswith("address_denied unknown: ")
    assert "no probe may reach" in why_not(host, OutboundPolicy())
    assert "no probe may reach" in why_not(host, OutboundPolicy(everything))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_loopback_is_for_those_on_this_machine(host: str) -> None:
    assert why_not(host, OutboundPolicy()) == ""
    assert "remote callers may not reach" in why_not(host, OutboundPolicy().for_remote_callers())


def test_lists_name_networks_and_deny_wins() -> None:
    policy = OutboundPolicy(OutboundBlock.model_validate({"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"]}))
    assert why_not("10.2.0.1", policy) == why_not("::ffff:10.2.0.1", policy) == ""
    assert "deny" in why_not("10.1.2.3", policy)
    assert "deny" in why_not("::ffff:10.1.2.3", policy)
    assert "allow" in why_not("192.0.2.1", policy)
    assert "allow" in why_not("2001:db8::1", policy)
    assert why_not("::1", OutboundPolicy(OutboundBlock.model_validate({"allow": ["::1/128"]}))) == ""


def test_a_network_of_mapped_addresses_is_the_one_that_it_maps() -> None:
    policy = OutboundPolicy(OutboundBlock.model_validate({"deny": ["::ffff:192.0.2.0/120"]}))
    assert "deny" in why_not("192.0.2.7", policy)
    assert "deny" in why_not("::ffff:192.0.2.7", policy)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"allow": []}, "at least 1"),
        ({"deny": ["10.0.0.1/8"]}, "has bits set after its prefix"),
        ({"deny": ["example.org"]}, "is not a network"),
        ({"deny": [10]}, "is not a network"),
    ],
)
def test_what_is_no_list_of_networks_is_refused(written: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        OutboundBlock.model_validate(written)


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
]
# A ping comes to us; a program and a browser connect by themselves, which is why they need --allow-exec.
ELSEWHERE = {"heartbeat", "exec", "browser"}


def test_no_kind_is_forgotten() -> None:
    assert {next(iter(written)) for written in WAYS} | ELSEWHERE == set(KINDS)


@pytest.mark.parametrize("written", WAYS, ids=lambda written: next(iter(written)))
async def test_every_kind_asks_before_it_connects(written: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a name leads: the address is what counts."""
    monkeypatch.setattr("monitor.probes.icmp.allowed", lambda: True)  # it asks before it opens the socket
    where = {
        key: value.replace("%s", "inside.test") if isinstance(value, str) else value for key, value in written.items()
    }
    async with nameserver(dns_records("A 169.254.169.254")) as port:
        result = (await attempt(where, 5, Resolver(["127.0.0.1"], port))).result
    assert result.outcome is Outcome.UNKNOWN
    assert "address_denied" in (result.reason, result.detail.partition(":")[0])
    assert "169.254.169.254" in result.detail


async def test_a_redirect_does_not_get_around_it() -> None:
    away = http_response(status="302 Found", Location="http://169.254.169.254/latest/meta-data/")
    async with serve_tcp(respond_with(away)) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 3})).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "address_denied")


async def test_an_address_that_may_be_tried_is_tried_beside_one_that_may_not() -> None:
    async with (
        serve_tcp(respond_with(http_response())) as port,
        nameserver(dns_records("A 169.254.169.254", "A 127.0.0.1")) as names,
    ):
        resolver = Resolver(["127.0.0.1"], names)
        result = (await attempt({"http": f"http://both.test:{port}/"}, 5, resolver)).result
    assert result.outcome is Outcome.GOOD


async def test_a_caller_from_elsewhere_does_not_reach_this_machine() -> None:
    async with (
        serve_tcp(respond_with(http_response())) as port,
        probe_environment(SystemClock(), Health()) as (runner, _),
    ):
        probe = prepare(load_check({"http": f"http://127.0.0.1:{port}/"}))
        ours = await runner.attempt(probe, 5)
        theirs = await runner.attempt(probe, 5, outbound=runner.outbound.for_remote_callers())
    assert (ours.result.outcome, theirs.result.reason) == (Outcome.GOOD, "address_denied")


def test_nothing_connects_past_the_policy() -> None:
    """Whoever adds a way to connect has to add it here, and to ask the policy first."""
    found = set()
    house = Path(monitor.__file__).parent
    for path in (each for each in house.rglob("*.py") if each.parent.name not in {"storage", "demo"}):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {
                *(
                    "connect",
                    "_connect",
                    "connect_ex",
                    "create_connection",
                    "open_connection",
                    "sock_connect",
                    "sendto",
                ),
                *("create_datagram_endpoint", "ClientSession", "urlopen"),
            }:
                found.add(f"{path.parent.name}/{path.name}")
    assert found == {
        "network/icmp_echo.py",
        "network/resolver.py",  # whether there is a route, which sends nothing
        "network/connection.py",
        "probes/mysql.py",
        "protocols/database.py",  # asks for the two drivers
        "protocols/postgres_session.py",
        "protocols/websocket_session.py",  # such a method encodes a request, sent over a Connection
        "receivers/email.py",  # begins SMTP over the socket of a Connection
    }
