"""A host with several addresses (RFC 8305): an address that accepts no connection does not hide one that does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.message
import pytest

from monitor.config.model import Family
from monitor.network.happy_eyeballs import interleave
from sla.observation import Outcome
from tests.monitor.probes.test_ntp import PACKET, packet
from tests.support.addresses import resolver_for, unresponsive_address
from tests.support.line_servers import send_and_close, send_on_connect, serve_datagrams
from tests.support.nameserver import dns_records
from tests.support.probing import attempt
from tests.support.servers import Handler, http_response, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from monitor.probe_result import ProbeResult

NAME = "several.example.test"
LIVE, DEAD, ALSO_DEAD = "127.0.0.1", "127.0.0.2", "127.0.0.3"

CONVERSATIONS: list[tuple[dict[str, Any], Handler]] = [
    ({"http": f"http://{NAME}:{{}}/"}, respond_with(http_response())),
    ({"tcp": f"{NAME}:{{}}"}, send_nothing),
    ({"ssh": f"{NAME}:{{}}"}, send_on_connect(b"SSH-2.0-test\r\n")),
]
# A server that hangs up gives another reason for these than an address that accepts no connection.
HUNG_UP: list[dict[str, Any]] = [
    {"tls": f"{NAME}:{{}}"},
    {"smtp": f"{NAME}:{{}}"},
    {"redis": f"{NAME}:{{}}"},
    {"postgres": f"{NAME}:{{}}"},
    {"mysql": f"{NAME}:{{}}"},
    {"websocket": f"ws://{NAME}:{{}}/"},
    {"grpc": f"{NAME}:{{}}"},
    {"http": f"https://{NAME}:{{}}/"},
    {"dns": "status.example.test", "resolver": f"{NAME}:{{}}", "transport": "tcp"},
]


def with_port(check_keys: dict[str, Any], port: int, **options: Any) -> dict[str, Any]:
    return {key: value.format(port) for key, value in check_keys.items()} | options


@contextlib.contextmanager
def dead(port: int, *hosts: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for host in hosts:
            stack.enter_context(unresponsive_address(host, port))
        yield


async def probe_addresses(
    check_keys: dict[str, Any], port: int, addresses: list[str], folder: Path, seconds: float = 10.0, **options: Any
) -> ProbeResult:
    """Return the result of a probe of a host with these addresses; only LIVE accepts connections."""
    with dead(port, *(address for address in addresses if address != LIVE)):
        return (
            await attempt(with_port(check_keys, port, **options), seconds, resolver_for(NAME, addresses, folder))
        ).result


@pytest.mark.parametrize(("check_keys", "handler"), CONVERSATIONS, ids=["http", "tcp", "ssh"])
@pytest.mark.parametrize("addresses", [["::1", LIVE], [DEAD, LIVE], [DEAD, "::1", ALSO_DEAD, LIVE], [LIVE, DEAD]])
async def test_live_address_is_found_among_dead_ones(
    check_keys: dict[str, Any], handler: Handler, addresses: list[str], tmp_path: Path
) -> None:
    async with serve_tcp(handler) as port:
        result = await probe_addresses(check_keys, port, addresses, tmp_path)
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
    assert result.phases["connect"] < 5


@pytest.mark.parametrize("check_keys", HUNG_UP, ids=lambda check_keys: "".join(list(check_keys)[:1]))
@pytest.mark.fault(31)
async def test_every_connecting_kind_reaches_the_live_address(check_keys: dict[str, Any], tmp_path: Path) -> None:
    async with serve_tcp(send_and_close()) as port:
        result = await probe_addresses(check_keys, port, [DEAD, LIVE], tmp_path)
    assert result.outcome is not Outcome.GOOD
    assert "connect_" not in result.reason
    assert DEAD not in result.detail


async def test_all_dead_addresses_are_listed(tmp_path: Path) -> None:
    async with serve_tcp(send_nothing) as port:
        result = await probe_addresses({"tcp": f"{NAME}:{{}}"}, port, [DEAD, ALSO_DEAD], tmp_path, 1.0)
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_timeout")
    assert result.detail == f"not complete within 1 s, waiting for connect: {DEAD} deadline; {ALSO_DEAD} deadline"


async def test_each_address_is_listed_with_its_reason(tmp_path: Path) -> None:
    async with serve_tcp(send_nothing) as port:  # on 127.0.0.1 alone
        with dead(port, ALSO_DEAD):
            check_keys = {"http": f"http://{NAME}:{port}/"}
            late = (await attempt(check_keys, 1.0, resolver_for(NAME, [DEAD, ALSO_DEAD], tmp_path))).result
        rejected = (await attempt(check_keys, 5.0, resolver_for(NAME, [DEAD, "169.254.1.1"], tmp_path))).result
    assert late.detail.endswith(f"{DEAD} connect_refused; {ALSO_DEAD} deadline")
    assert (rejected.outcome, rejected.reason) == (Outcome.BAD, "connect_refused")
    assert rejected.detail == f"{DEAD} connect_refused; 169.254.1.1 address_denied"


async def test_single_dead_address_is_listed(tmp_path: Path) -> None:
    async with serve_tcp(send_nothing) as port:
        result = await probe_addresses({"tcp": f"{NAME}:{{}}"}, port, [DEAD], tmp_path, 0.5)
    assert (result.reason, result.detail) == (
        "connect_timeout",
        f"not complete within 0.5 s, waiting for connect: {DEAD}",
    )


async def test_all_addresses_are_tried_before_an_early_deadline(tmp_path: Path) -> None:
    """Five delays of 250 ms would exceed the deadline."""
    others = [DEAD, ALSO_DEAD, "127.0.0.4", "127.0.0.5", "127.0.0.6"]
    async with serve_tcp(send_nothing) as port:
        result = await probe_addresses({"tcp": f"{NAME}:{{}}"}, port, [*others, LIVE], tmp_path, 1.0)
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail


@pytest.mark.parametrize(("family", "addresses"), [("ip4", [DEAD, "::1"]), ("ip6", ["::1", LIVE])])
async def test_addresses_of_another_family_are_not_tried(family: str, addresses: list[str], tmp_path: Path) -> None:
    async with serve_tcp(send_nothing) as port:
        result = await probe_addresses({"tcp": f"{NAME}:{{}}"}, port, addresses, tmp_path, 1.0, family=family)
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_timeout")


async def test_slow_login_is_not_repeated_at_another_address(tmp_path: Path) -> None:
    """The connection decides for every kind, so no server logs a second, aborted login."""
    connections = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()

    async with serve_tcp(slow) as port:
        for kind in ("postgres", "mysql"):
            with dead(port, DEAD):
                resolver = resolver_for(NAME, [LIVE, DEAD], tmp_path)
                result = (await attempt({kind: f"{NAME}:{port}"}, 1.5, resolver)).result
            assert (result.outcome, DEAD in result.detail) == (Outcome.BAD, False), result.detail
    assert connections == 2


async def test_losing_connections_are_closed(tmp_path: Path) -> None:
    def sockets() -> int:
        links = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
        return sum(1 for link in links if str(link).startswith("socket:"))

    async with serve_tcp(send_nothing) as port:
        with dead(port, DEAD, ALSO_DEAD):
            resolver = resolver_for(NAME, [DEAD, ALSO_DEAD, LIVE], tmp_path)
            before = sockets()
            await attempt({"tcp": f"{NAME}:{port}"}, 10, resolver)
            async with asyncio.timeout(10):
                while sockets() > before:  # the server's end of the connection
                    await asyncio.sleep(0.01)


def answer(request: bytes) -> list[bytes]:
    """Answer as a time server, a name server and an echo server."""
    if len(request) == PACKET.size:
        return [packet(time.time_ns() // 1000, PACKET.unpack(request)[10])]
    if request == b"ping":
        return [b"pong"]
    query = dns.message.from_wire(request)
    assert isinstance(query, dns.message.QueryMessage)
    return list(dns_records("A 192.0.2.1")(query))


@pytest.mark.parametrize(
    "check_keys",
    [
        {"udp": f"{NAME}:{{}}", "send": "ping", "expect": "pong"},
        {"ntp": f"{NAME}:{{}}", "within": "5s"},
        {"dns": "status.example.test", "resolver": f"{NAME}:{{}}"},
    ],
    ids=["udp", "ntp", "dns"],
)
async def test_address_that_answers_no_datagrams_is_skipped(check_keys: dict[str, Any], tmp_path: Path) -> None:
    async with serve_datagrams(answer) as port, silent_datagram_server(DEAD, port):
        result = (await attempt(with_port(check_keys, port), 10, resolver_for(NAME, [DEAD, LIVE], tmp_path))).result
        late = (await attempt(with_port(check_keys, port), 1, resolver_for(NAME, [DEAD], tmp_path))).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
    assert late.outcome is Outcome.BAD


@contextlib.asynccontextmanager
async def silent_datagram_server(host: str, port: int) -> Any:
    """Receive datagrams at the address without answering."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(host, port))
    try:
        yield
    finally:
        transport.close()


def test_families_alternate() -> None:
    four = [(socket.AF_INET, (f"192.0.2.{number}", 80)) for number in range(3)]
    six = [(socket.AF_INET6, (f"2001:db8::{number}", 80)) for number in range(2)]
    assert interleave([*six, *four]) == [six[0], four[0], six[1], four[1], four[2]]
    assert interleave([*four, *six]) == [four[0], six[0], four[1], six[1], four[2]]
    assert interleave(four) == four


async def test_all_addresses_of_the_preferred_family_come_first(tmp_path: Path) -> None:
    resolver = resolver_for(NAME, ["::1", LIVE, "::2", DEAD], tmp_path)
    assert [address[0] for _, address in await resolver.addresses(NAME, 80, Family.IP4_FIRST)] == [
        LIVE,
        DEAD,
        "::1",
        "::2",
    ]
    assert [address[0] for _, address in await resolver.addresses(NAME, 80)] == ["::1", LIVE, "::2", DEAD]
    await resolver.close()
