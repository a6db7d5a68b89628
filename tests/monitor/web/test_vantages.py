"""GET /api/v1/vantages, pages and the banner: whether this vantage can observe, and what others observed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.delivery_status import Deliveries, DeliveryState, DeliveryStatus, ShippingStatus, VantageLink
from monitor.vantage_status import ReferenceStatus, VantageStatus
from monitor.web.vantages import PATHS
from sla.interval import MINUTE
from sla.observation import Observation
from sla.vantage import ClockOffset
from tests.monitor.web.conftest import NOW, small_ledger
from tests.support.ledgers import BAD, GOOD, ledger_of, probe_all, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer

GATEWAY = ReferenceStatus(
    "gateway", "icmp", "10.0.0.1", near=True, system=False, at=NOW - 1_000_000, good=True, latency=0.002
)
OUTSIDE = ReferenceStatus(
    "outside", "tcp", "<192.0.2.1:443>", near=False, system=False, at=NOW, good=False, reason="connect_timeout"
)
NEW = ReferenceStatus("new", "tcp", "198.51.100.1:443", near=False, system=True)
EAST = DeliveryStatus("east", DeliveryState.SILENT, NOW - 60_000_000, None, 2, ("chefs/health",), problem="no file")
BLIND = VantageStatus("local", None, NOW - 60_000_000, {"ip4": False, "ip6": None}, (GATEWAY, OUTSIDE, NEW))


async def test_vantages_list_their_references(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(small_ledger())
    assert await (await server.get("/api/v1/vantages")).json() == []
    server.health.vantages = (BLIND,)
    (vantage,) = body = await (await server.get("/api/v1/vantages")).json()
    jsonschema.validate(body, PATHS["/api/v1/vantages"][1])
    references = vantage.pop("references")
    assert vantage == {
        "id": "local",
        "via": None,
        "blind": True,
        "since": "2026-09-21T14:12:20Z",
        "families": [{"family": "ip4", "blind": True}, {"family": "ip6", "blind": None}],
        "delivery": None,
    }
    assert [
        (reference["id"], reference["near"], reference["good"], reference["reason"]) for reference in references
    ] == [
        ("gateway", True, True, ""),
        ("outside", False, False, "connect_timeout"),
        ("new", False, None, ""),
    ]
    assert (references[0]["latency_seconds"], references[2]["at"], references[2]["system"]) == (0.002, None, True)


async def test_blind_vantage_is_on_every_page_and_in_readyz(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(small_ledger())
    assert "Connection of this monitor" not in (await server.get("/")).text
    server.health.vantages = (BLIND,)
    for path in ("/", "/products/chefs"):
        text = (await server.get(path)).text
        assert "no far reference answers over IPv4 (the failure is beyond gateway)" in text
    overview = (await server.get("/")).text
    assert "Connection of this monitor" in overview
    assert "&lt;192.0.2.1:443&gt;" in overview
    (reason,) = (await (await server.get("/readyz")).json())["reasons"]
    assert reason.startswith("blind since 2026-09-21T14:12:20Z: no far reference answers over IPv4")


async def test_other_vantages_are_listed_with_what_they_deliver(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    server = await publish(small_ledger())
    server.health.vantages, server.health.deliveries = (BLIND,), Deliveries((EAST,))
    _, other = body = await (await server.get("/api/v1/vantages")).json()
    jsonschema.validate(body, PATHS["/api/v1/vantages"][1])
    assert other == {
        "id": "east",
        "via": None,
        "blind": False,
        "since": "2026-09-21T14:12:20Z",
        "families": [],
        "references": [],
        "delivery": {
            "state": "silent",
            "since": "2026-09-21T14:12:20Z",
            "newest": None,
            "checks": 2,
            "missing": ["chefs/health"],
            "clock_ahead_seconds": 0,
            "problem": "no file",
            "link": None,
        },
    }


async def test_link_of_a_vantage_that_sends_its_observations_is_listed(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    server = await publish(small_ledger())
    link = VantageLink(NOW, "1.2", same_checks=False, clock=ClockOffset(-1_500_000, 20_000))
    server.health.deliveries = Deliveries((replace(EAST, link=link),))
    (other,) = body = await (await server.get("/api/v1/vantages")).json()
    jsonschema.validate(body, PATHS["/api/v1/vantages"][1])
    assert other["delivery"]["link"] == {
        "last_request": "2026-09-21T14:13:20Z",
        "version": "1.2",
        "same_checks": False,
        "clock_offset_seconds": 1.5,
        "clock_error_seconds": 0.02,
    }
    samples = [line for line in (await server.get("/metrics")).text.splitlines() if 'vantage="east"' in line]
    assert 'ninewatch_vantage_clock_offset_seconds{vantage="east"} 1.5' in samples
    assert 'ninewatch_vantage_same_checks{vantage="east"} 0.0' in samples


async def test_delivery_to_the_centre_is_described(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(small_ledger())
    assert await (await server.get("/api/v1/centre")).json() is None
    clock = ClockOffset(500_000, 10_000)
    server.health.shipping = ShippingStatus("https://centre:9443", NOW, 3, NOW - MINUTE, "no response in time", clock)
    server.health.frames_dropped = 2
    body = await (await server.get("/api/v1/centre")).json()
    jsonschema.validate(body, PATHS["/api/v1/centre"][1])
    assert body == {
        "url": "https://centre:9443",
        "last_response": "2026-09-21T14:13:20Z",
        "frames_waiting": 3,
        "oldest_frame": "2026-09-21T14:12:20Z",
        "frames_dropped": 2,
        "clock_offset_seconds": -0.5,
        "clock_error_seconds": 0.01,
        "problem": "no response in time",
    }
    text = (await server.get("/metrics")).text
    assert "ninewatch_frames_waiting 3.0" in text
    assert "ninewatch_frames_dropped_total 2.0" in text
    assert "the centre does not receive observations: no response in time" in (await server.get("/")).text


async def test_metrics_of_deliveries_are_published_once_there_are_other_vantages(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """The number of lost quorums is not published before it is known."""

    async def metrics() -> list[str]:
        names = ("ninewatch_vantage_delivering", "ninewatch_vantage_newest", "ninewatch_checks_without")
        return [line for line in (await server.get("/metrics")).text.splitlines() if line.startswith(names)]

    server = await publish(small_ledger())
    assert await metrics() == []
    server.health.deliveries = Deliveries((EAST, replace(EAST, id="west", state=DeliveryState.WAITING, newest=NOW)))
    known = [
        'ninewatch_vantage_delivering{vantage="east"} 0.0',
        'ninewatch_vantage_delivering{vantage="west"} 1.0',
        'ninewatch_vantage_newest_timestamp_seconds{vantage="west"} 1.79e+09',
    ]
    assert await metrics() == known
    server.health.deliveries = replace(server.health.deliveries, assured_since=NOW)
    assert await metrics() == [*known, "ninewatch_checks_without_quorum 0.0"]


async def test_metric_is_published_per_decided_family(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(small_ledger())
    server.health.vantages = (BLIND, VantageStatus("local/vpn", "vpn", NOW, {"ip6": True}, ()))
    text = (await server.get("/metrics")).text
    assert [line for line in text.splitlines() if line.startswith("ninewatch_vantage_blind")] == [
        'ninewatch_vantage_blind{family="ip4",vantage="local"} 1.0',
        'ninewatch_vantage_blind{family="ip6",vantage="local/vpn"} 0.0',
    ]


@pytest.mark.fault(29)
async def test_check_shows_each_vantage_and_disagreement(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    """East sees an outage that this daemon does not see; west was observed too long ago to vote."""
    vantages = [{"id": name, "observations": f"{name}.jsonl"} for name in ("east", "west")]
    ledger = ledger_of(product("chefs"), vantages=vantages)
    (entry,) = ledger.entries.values()
    probe_all(ledger, [entry], NOW - 10 * MINUTE, NOW)
    for n in range(10):
        entry.observe_elsewhere(Observation(entry.key, NOW - (9 - n) * MINUTE, BAD, "deadline", vantage="east"))
    entry.observe_elsewhere(Observation(entry.key, NOW - 9 * MINUTE, GOOD, vantage="west"))
    server = await publish(ledger)
    (check,) = (await (await server.get("/api/v1/products/chefs")).json())["checks"]
    assert (check["quorum"], check["vantages_disagree"], check["state"]) == ("2 of 3", True, "unknown")
    assert [(line["id"], line["state"], line["vote"]) for line in check["vantages"]] == [
        ("local", "up", "up"),
        ("east", "down", "down"),
        ("west", "unknown", None),
    ]
    assert check["vantages"][2]["last_observed"] == "2026-09-21T14:04:20Z"
    page = (await server.get("/products/chefs")).text
    assert "health by vantage: down when 2 of 3 vantages see it down. The vantages disagree." in page
    assert page.count('data-label="Vantage"') == 3


async def test_check_of_this_daemon_alone_has_no_vantages(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(small_ledger())
    (check, *_) = (await (await server.get("/api/v1/products/chefs")).json())["checks"]
    assert (check["quorum"], check["vantages"], check["vantages_disagree"]) == (None, [], False)
    assert 'data-label="Vantage"' not in (await server.get("/products/chefs")).text
