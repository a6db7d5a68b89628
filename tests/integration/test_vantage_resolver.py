"""The resolver or the connection behind it fails in network namespaces: no downtime of products by name, one alert."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sla.observation import Outcome
from tests.support.nameserver import dns_records, nameserver_on
from tests.support.namespaces import OUTSIDE4, ROUTER4, Internet, inside
from tests.support.vantage_scene import (
    INTERVALS,
    NEEDS_NAMESPACES,
    in_monitor,
    listen,
    portfolio,
    restore,
    scene,
    wan_lost,
)

if TYPE_CHECKING:
    import dns.message

pytestmark = [pytest.mark.slow, NEEDS_NAMESPACES]

NAMES = {f"host{number}.example.org": address for number, address in enumerate(OUTSIDE4)}


def by_name(interval: float) -> dict[str, object]:
    """Return a portfolio with references by address, and products by name."""
    named_products = portfolio(f"{interval:g}s", lambda number: f"host{number}.example.org")["products"]
    return portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number]) | {"products": named_products}


def live_resolver(net: Internet) -> contextlib.AbstractAsyncContextManager[asyncio.DatagramTransport]:
    """Answer for these names on the router, as a resolver does that has them in its cache."""

    def bind() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((ROUTER4, 53))
        return sock

    def answer(query: dns.message.QueryMessage) -> Iterable[bytes]:
        name = query.question[0].name.to_text(omit_final_dot=True)
        return dns_records(f"A {NAMES[name]}")(query) if name in NAMES else dns_records()(query)

    return nameserver_on(inside(net.router, bind), answer)


@INTERVALS
@pytest.mark.fault(27)
def test_lost_wan_with_a_live_resolver_is_no_downtime_and_one_alert(
    net: Internet, tmp_path: Path, interval: float
) -> None:
    """Names are still resolved, from the cache of a resolver this side of the cut."""

    async def run() -> None:
        with listen(net, OUTSIDE4) as servers:
            async with live_resolver(net), scene(tmp_path, by_name(interval), interval) as current:
                await current.observes_again("steady", good=3)
                wan_lost(net)
                servers[3].close()
                await current.rounds(2)
                await current.skip(31)
                await current.rounds(1)
                assert current.outcomes("steady")[Outcome.UNKNOWN] >= 3
                assert current.outcomes("failing")[Outcome.BAD] == 0
                assert (current.harness.ledger.incidents, current.blind_alerts()) == ([], ["opened"])
                restore(net)
                await current.observes_again("steady", good=6)
                await current.skip(31)
                assert (current.downtime("steady"), current.blind_alerts()) == (0, ["opened", "resolved"])
                (incident,) = current.harness.ledger.incidents
                assert (incident.product, incident.reason) == ("failing", "connect_refused")

    try:
        in_monitor(net, run)
    finally:
        restore(net)


@INTERVALS
@pytest.mark.fault(22)
def test_dead_resolver_is_no_downtime_and_one_alert(net: Internet, tmp_path: Path, interval: float) -> None:
    """No product can be observed, although the references answer. An outage in the meantime is found afterwards."""

    async def run() -> None:
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, by_name(interval), interval) as current:
                async with live_resolver(net):
                    await current.observes_again("steady", good=3)
                servers[3].close()
                await current.rounds(2)
                await current.skip(121)
                await current.rounds(1)
                assert current.outcomes("steady")[Outcome.UNKNOWN] >= 3
                assert current.outcomes("failing")[Outcome.BAD] == 0
                assert (current.harness.ledger.incidents, current.blind_alerts()) == ([], ["opened"])
                async with live_resolver(net):
                    await current.observes_again("steady", good=6)
                    await current.skip(31)
                assert (current.downtime("steady"), current.blind_alerts()) == (0, ["opened", "resolved"])
                (incident,) = current.harness.ledger.incidents
                assert (incident.product, incident.reason) == ("failing", "connect_refused")

    in_monitor(net, run)


@INTERVALS
@pytest.mark.fault(22)
def test_dead_resolver_does_not_hide_targets_by_address(net: Internet, tmp_path: Path, interval: float) -> None:
    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        data["products"] = [by_name(interval)["products"][0], data["products"][1]]  # type: ignore[index]
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, data, interval) as current:
                servers[3].close()
                await current.rounds(3)
                assert current.outcomes("steady")[Outcome.UNKNOWN] == 3
                assert current.outcomes("failing")[Outcome.BAD] == 3
                assert current.downtime("steady") == 0

    in_monitor(net, run)
