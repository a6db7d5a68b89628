"""The monitor's own connection is cut in network namespaces: no downtime, one alert; real outages are still found."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sla.observation import Outcome
from tests.support.namespaces import OUTSIDE4, OUTSIDE6, Internet, ip, is_ip6
from tests.support.vantage_scene import (
    INTERVALS,
    MAX_ROUNDS,
    NEEDS_NAMESPACES,
    in_monitor,
    listen,
    portfolio,
    restore,
    scene,
    wan_lost,
)

pytestmark = [pytest.mark.slow, NEEDS_NAMESPACES]

Cut = Callable[[Internet], None]


def link_down(net: Internet) -> None:
    ip("-n", net.monitor, "link", "set", "up0", "down")


def peer_down(net: Internet) -> None:
    ip("-n", net.router, "link", "set", "down0", "down")


def wan_unreachable(net: Internet) -> None:
    """The own router reports each packet as undeliverable (EHOSTUNREACH)."""
    ip("-n", net.router, "route", "replace", "unreachable", "default")


@INTERVALS
@pytest.mark.parametrize("cut", [link_down, peer_down, wan_lost, wan_unreachable], ids=lambda cut: cut.__name__)
@pytest.mark.fault(27)
def test_cut_connection_is_no_downtime_and_one_alert(net: Internet, tmp_path: Path, cut: Cut, interval: float) -> None:
    """One product fails in the meantime, and is found to be down when the connection is back."""

    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, data, interval) as current:
                await current.rounds(3)
                assert current.outcomes("steady")[Outcome.GOOD] == 3
                cut(net)
                await current.rounds(2)
                servers[3].close()
                await current.skip(31)
                await current.rounds(1)
                assert current.outcomes("failing") == {Outcome.GOOD: 3, Outcome.BAD: 0, Outcome.UNKNOWN: 3}
                assert current.blind_alerts() == ["opened"]
                restore(net)
                await current.observes_again("steady", good=6)
                await current.skip(31)
                await current.rounds(1)
                assert (current.outcomes("steady")[Outcome.GOOD], current.outcomes("steady")[Outcome.BAD]) == (7, 0)
                assert (current.downtime("steady"), current.blind_alerts()) == (0, ["opened", "resolved"])
                (incident,) = current.harness.ledger.incidents
                assert (incident.product, incident.reason) == ("failing", "connect_refused")

    try:
        in_monitor(net, run)
    finally:
        restore(net)


@INTERVALS
@pytest.mark.fault(31)
def test_black_hole_of_ip6_hides_only_targets_over_ip6(net: Internet, tmp_path: Path, interval: float) -> None:
    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: f"[{OUTSIDE6[number]}]")
        four = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        data["references"] = [
            reference | {"id": f"{reference['id']}-{number}"}  # type: ignore[index, operator]
            for number, document in enumerate((data, four))
            for reference in document["references"]  # type: ignore[attr-defined]
        ]
        data["products"] = [data["products"][0], four["products"][1]]  # type: ignore[index]
        with listen(net, (*OUTSIDE4, *OUTSIDE6)) as servers:
            async with scene(tmp_path, data, interval) as current:
                await current.rounds(2)
                net.drops = is_ip6
                servers[3].close()
                await current.rounds(2)
                await current.skip(31)
                assert current.outcomes("steady") == {Outcome.GOOD: 2, Outcome.BAD: 0, Outcome.UNKNOWN: 2}
                assert current.outcomes("failing") == {Outcome.GOOD: 2, Outcome.BAD: 2, Outcome.UNKNOWN: 0}
                assert current.blind_alerts() == ["opened"]
                (alert,) = [row for row in current.harness.rows() if row.key.startswith("blind:")]
                assert alert.severity == "ticket"

    try:
        in_monitor(net, run)
    finally:
        restore(net)


@INTERVALS
@pytest.mark.fault(30)
def test_a_lossy_connection_is_no_downtime(net: Internet, tmp_path: Path, interval: float) -> None:
    """30 % of all packets are lost, by a fixed sequence of random numbers. TCP repeats them within the longer timeout;
    with the shorter one, probes that time out are unknown. A product that refuses connections is still down.
    """
    lost, lock = random.Random(15), threading.Lock()  # noqa: S311 - no secret

    def drops(_packet: bytes) -> bool:
        with lock:
            return lost.random() < 0.3

    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        for product in data["products"]:  # type: ignore[attr-defined]
            product["checks"][0]["timeout"] = "20s" if interval > 1 else "200ms"
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, data, interval) as current:
                net.drops = drops
                await current.rounds(5 if interval > 1 else 10)
                assert current.harness.ledger.incidents == []
                assert (current.downtime("steady"), current.downtime("failing")) == (0, 0)
                assert current.blind_alerts() in ([], ["opened"], ["opened", "resolved"])
                servers[3].close()
                for _ in range(MAX_ROUNDS):
                    if current.harness.ledger.incidents:
                        break
                    await current.rounds(1)
                assert {incident.product for incident in current.harness.ledger.incidents} == {"failing"}
                assert current.downtime("steady") == 0

    try:
        in_monitor(net, run)
    finally:
        restore(net)
