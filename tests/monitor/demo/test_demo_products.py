"""The simulated products on real sockets: every mode answers as the real product does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from monitor.clock import SystemClock
from monitor.demo import modes, script
from monitor.demo.form import FORM_ID
from monitor.demo.listener import HOST, reserve
from monitor.demo.products import Products

PRODUCTS = [product for product in modes.MODES if product != modes.UPLINK]
DISCOVERY = "/auth/realms/master/.well-known/openid-configuration"


@dataclass
class Demo:
    """The products, and a client that opens a connection for every request, as a probe does."""

    products: Products
    client: aiohttp.ClientSession

    def url(self, listener: str, path: str) -> str:
        return f"http://{HOST}:{self.products.ports[listener]}{path}"

    async def get(self, listener: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        async with self.client.get(self.url(listener, path), allow_redirects=False, **options) as response:
            await response.read()
            return response

    async def json(self, listener: str, path: str) -> Any:
        return await (await self.get(listener, path)).json(content_type=None)

    async def set_mode(self, product: str, mode: str) -> None:
        async with self.client.post(
            self.url("control", "/_control"), json={"product": product, "mode": mode}
        ) as response:
            assert response.status == 200, await response.text()


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with Products(script.NONE, SystemClock()) as products, aiohttp.ClientSession(connector=connector) as client:
        yield Demo(products, client)


async def is_refused(demo: Demo, listener: str) -> bool:
    try:
        await demo.get(listener, "/")
    except aiohttp.ClientConnectorError as error:
        return isinstance(error.os_error, ConnectionRefusedError)
    return False


def test_mode_defines_the_behaviour_of_every_listener_of_its_product() -> None:
    """No listener keeps the behaviour of an earlier mode, and every listener except the control belongs to one
    product.
    """
    owned = [name for product in modes.MODES.values() for name in product["up"].listeners]
    assert sorted(owned) == sorted(modes.LISTENERS[1:])
    for product in modes.MODES.values():
        assert {frozenset(mode.listeners) for mode in product.values()} == {frozenset(product["up"].listeners)}


@pytest.mark.parametrize("product", list(modes.MODES))
async def test_outage_refuses_connections_and_up_reopens_the_port(demo: Demo, product: str) -> None:
    address = modes.LISTENERS[[name.startswith(product) for name in modes.LISTENERS].index(True)]
    port = demo.products.ports[address]
    await demo.set_mode(product, "outage")
    assert await is_refused(demo, address)
    await demo.set_mode(product, "up")
    assert not await is_refused(demo, address)
    assert demo.products.ports[address] == port


async def test_port_of_a_closed_listener_stays_reserved(demo: Demo) -> None:
    """Otherwise another server or connection on this port could answer in the product's place."""
    await demo.set_mode("drop", "outage")
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((HOST, demo.products.ports["drop"]))


@pytest.mark.parametrize("product", PRODUCTS)
async def test_slow_mode_answers_later_than_the_timeout(demo: Demo, product: str) -> None:
    """The connection is accepted, and the answer comes after a probe's 50 ms."""
    await demo.set_mode(product, "slow")
    listener = next(iter(modes.MODES[product]["slow"].listeners))
    with pytest.raises(TimeoutError):
        await demo.get(listener, "/", timeout=aiohttp.ClientTimeout(total=0.05))
    await demo.set_mode(product, "up")
    await demo.get(listener, "/")


async def test_nothing_is_reachable_while_the_uplink_is_cut(demo: Demo) -> None:
    """A mode that is set meanwhile applies when the uplink is back. The references return after the products."""
    await demo.set_mode("uplink", "outage")
    await demo.set_mode("css", "recovery")
    for listener in modes.LISTENERS[1:]:
        assert await is_refused(demo, listener)
    await demo.set_mode("uplink", "returning")
    closed = [listener for listener in modes.LISTENERS[1:] if await is_refused(demo, listener)]
    assert closed == ["uplink-a", "uplink-b"]
    assert (await demo.get("css-api", "/api/v1/integrations")).status == 503
    await demo.set_mode("uplink", "up")
    assert not await is_refused(demo, "uplink-a")
    assert not await is_refused(demo, "uplink-b")


async def test_changes_at_the_same_time_are_made_one_after_another(demo: Demo) -> None:
    """The script and the control server change the same product."""
    await asyncio.gather(demo.products.set("drop", "outage"), demo.products.set("drop", "up"))
    assert demo.products.current_modes["drop"] == "up"
    assert not await is_refused(demo, "drop")


async def test_chefs_keeps_a_submission_until_it_is_deleted(demo: Demo) -> None:
    api = f"/app/api/v1/forms/{FORM_ID}"
    version = (await demo.json("chefs", f"{api}/version"))["versions"][0]["id"]
    target = demo.url("chefs", f"{api}/versions/{version}/submissions")
    for invalid in (b"no JSON", b'{"submission": {"data": ["no object"]}}'):
        async with demo.client.post(target, data=invalid) as refused:
            assert refused.status == 422
    async with demo.client.post(target, json={"submission": {"data": {"ninewatch": "nw-1"}}}) as created:
        assert created.status == 201
        name = (await created.json())["id"]
    path = f"/app/api/v1/submissions/{name}"
    while (await demo.get("chefs", path)).status == 404:
        pass
    kept = await demo.json("chefs", path)
    assert kept["submission"]["submission"]["data"] == {"ninewatch": "nw-1"}
    rows = await demo.json("chefs", f"{api}/submissions")
    assert [row["submissionId"] for row in rows if row["ninewatch"] == "nw-1"] == [name]
    async with demo.client.delete(demo.url("chefs", path)) as deleted:
        assert deleted.status == 200
    assert (await demo.get("chefs", path)).status == 404


async def test_outage_aborts_pending_answers(demo: Demo) -> None:
    await demo.set_mode("drop", "slow")
    waiting = asyncio.create_task(demo.get("drop", "/api/v1/health"))
    reader, writer = await asyncio.open_connection(HOST, demo.products.ports["drop"])
    await demo.set_mode("drop", "outage")
    with pytest.raises(aiohttp.ClientError):
        await waiting
    assert await reader.read() == b""
    writer.close()


async def test_chefs_health_is_always_200_and_other_paths_depend_on_its_mode(demo: Demo) -> None:
    healthy_status = await demo.json("chefs", "/app/api/v1/status")
    assert healthy_status["ready"] is True
    assert await demo.json("chefs", "/app/api") == "ok"
    await demo.set_mode("chefs", "not_ready")
    status = await demo.get("chefs", "/app/api/v1/status")
    assert (status.status, (await status.json())["ready"]) == (200, False)
    assert [c["connected"] for c in (await status.json())["connections"].values()] == [True, False, True]
    for path in ("/app/api", "/app/config", "/anything"):
        gated = await demo.get("chefs", path)
        assert (gated.status, gated.content_type) == (503, "application/problem+json")
        assert (await gated.json(content_type=None))["details"]["message"] == "Server is not ready"


async def test_chefs_redirects_unknown_pages_and_rejects_unknown_api_paths(demo: Demo) -> None:
    """A status of 302 therefore does not prove that the product works."""
    assert (await demo.get("chefs", "/nowhere")).status == 302
    assert (await demo.get("chefs", "/app/api/nowhere")).status == 404


async def test_keycloak_discovery_has_issuer_and_jwks(demo: Demo) -> None:
    response = await demo.get("keycloak", DISCOVERY)
    assert (response.status, response.content_type) == (200, "application/json")
    assert (await response.json())["issuer"] == "https://loginproxy.gov.bc.ca/auth/realms/master"
    keys = (await demo.json("keycloak", "/auth/realms/standard/protocol/openid-connect/certs"))["keys"]
    assert {"kid", "kty", "alg", "use", "n", "e"} <= set(keys[0])


async def test_keycloak_failover_has_refusal_maintenance_page_and_golddr(demo: Demo) -> None:
    """The maintenance page answers the health URL with status 200 as text/html."""
    assert (await demo.get("keycloak-golddr", DISCOVERY)).status == 503
    await demo.set_mode("keycloak", "outage")
    assert await is_refused(demo, "keycloak")
    await demo.set_mode("keycloak", "maintenance")
    page = await demo.get("keycloak", DISCOVERY)
    assert (page.status, page.content_type) == (200, "text/html")
    assert "performing some maintenance at the moment" in await page.text()
    await demo.set_mode("keycloak", "failover")
    assert "issuer" in await demo.json("keycloak", DISCOVERY)
    assert "issuer" in await demo.json("keycloak-golddr", DISCOVERY)
    assert await is_refused(demo, "keycloak-gold")


async def test_css_heartbeat_works_while_other_routes_are_503_in_recovery(demo: Demo) -> None:
    assert (await demo.get("css-api", "/api/v1/integrations")).status == 401
    await demo.set_mode("css", "recovery")
    assert "now" in (await demo.json("css-portal", "/api/heartbeat"))["message"][0]
    assert "now" in (await demo.json("css-api", "/api/v1/heartbeat"))[0]
    gated = await demo.get("css-api", "/api/v1/integrations")
    assert gated.status == 503
    assert await gated.text() == "API not available. The Keycloak application is in a Disaster Recovery state."


async def test_css_integrations_need_a_bearer_token(demo: Demo) -> None:
    response = await demo.get("css-api", "/api/v1/integrations", headers={"Authorization": "Bearer token"})
    assert (await response.json())["data"][0]["authType"] == "oidc"


async def test_drop_health_is_inside_data(demo: Demo) -> None:
    assert await demo.json("drop", "/api/v1/health") == {"data": {"status": "ok"}}
    assert (await demo.get("drop", "/api/v1/version")).status == 401


async def test_notify_is_ok_and_its_status_page_lists_components(demo: Demo) -> None:
    assert (await demo.json("notify-api", "/_status"))["status"] == "ok"
    assert await demo.json("notify-api", "/_status?simple=true") == {"status": "ok"}
    await demo.set_mode("notify", "degraded")
    statuses = {entry["id"]: entry["status"] for entry in await demo.json("notify-page", "/response.json")}
    assert statuses == {"api": "up", "admin": "up", "email": "degraded", "sms": "degraded"}


async def test_notify_without_its_database_sends_an_invalid_status_line(demo: Demo) -> None:
    """SQLAlchemy's error code `0 e3q8` replaces the status. The check that does not use the database stays good."""
    await demo.set_mode("notify", "error")
    reader, writer = await asyncio.open_connection(HOST, demo.products.ports["notify-api"])
    writer.write(b"GET /_status HTTP/1.1\r\nHost: notify\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 0 e3q8\r\n")
    writer.close()
    assert await demo.json("notify-api", "/_status?simple=true") == {"status": "ok"}


async def test_secondment_poc_can_lose_one_of_two_instances(demo: Demo) -> None:
    await demo.set_mode("secondment", "one_instance_down")
    assert await is_refused(demo, "secondment-a")
    assert await demo.json("secondment-b", "/health") == {"status": "ok"}


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        ('{"product": "chef", "mode": "up"}', "known products: keycloak, chefs"),
        ('{"product": "chefs", "mode": "broken"}', "modes of chefs: up, outage, slow, not_ready"),
        ('{"product": "chefs"}', "expected"),
        ("[]", "expected"),
        ("no json", "expected"),
    ],
)
async def test_invalid_mode_is_rejected_with_a_remedy(demo: Demo, body: str, remedy: str) -> None:
    async with demo.client.post(demo.url("control", "/_control"), data=body) as response:
        assert (response.status, remedy in (await response.json())["error"]) == (400, True)
    assert set(demo.products.current_modes.values()) == {"up"}


async def test_control_returns_the_modes_and_the_script(demo: Demo) -> None:
    body = await demo.json("control", "/_control")
    assert body["now"]["chefs"] == "up"
    assert "not_ready" in body["modes"]["chefs"]
    async with (
        Products(script.DEFAULT, SystemClock()) as other,
        demo.client.get(f"http://{HOST}:{other.ports['control']}/_script") as script_response,
    ):
        assert script.DEFAULT.table() in await script_response.text()


def test_ports_in_use_are_replaced_by_free_ones() -> None:
    reserved = reserve(1, 0)
    try:
        reserved[0].listen()
        base = reserved[0].getsockname()[1]
        others = reserve(2, base)
        assert base not in [one.getsockname()[1] for one in others]
        reserved += others
    finally:
        for one in reserved:
            one.close()


async def test_script_does_not_change_a_held_product(demo: Demo) -> None:
    """A drill holds the product until it releases it."""
    for is_held, mode_after_step in ((True, "outage"), (False, "up")):
        body = {"product": "keycloak", "mode": "outage", "hold": is_held}
        async with demo.client.post(demo.url("control", "/_control"), json=body) as response:
            assert response.status == 200
        await demo.products._step(script.Step(0, "keycloak", "up"))
        assert demo.products.current_modes["keycloak"] == mode_after_step
