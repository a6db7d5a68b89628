"""/api/v1/heads: the heads of closed days in the record, in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import jsonschema
import pytest

from monitor.health import Health
from monitor.storage.sqlite import SqliteStore
from monitor.web.openapi import PATHS
from monitor.web.openapi_schemas import SCHEMAS
from monitor.web.server import build, listen
from sla.chain import NO_HEAD, closed_day
from sla.interval import DAY
from sla.window import format_instant
from tests.monitor.bundle.worlds import World, close_day, world
from tests.support.clocks import ManualClock
from tests.support.ledgers import ledger_of, product

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture(scope="module")
def closed_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(2, tmp_path_factory.mktemp("kept"), days=2.5, closed=True)


@pytest.fixture
async def get(closed_world: World) -> AsyncIterator[Callable[[str], Awaitable[tuple[int, Any]]]]:
    server = build(ledger_of(product("web")), Health(), ManualClock(closed_world.end), record=closed_world.path)
    listener = await listen(server, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:

        async def request(query: str) -> tuple[int, Any]:
            async with session.get(f"http://{listener.addresses[0]}/api/v1/heads{query}") as response:
                return response.status, await response.json()

        yield request
    await listener.close()


async def test_heads_are_listed_in_order_with_the_previous_head(
    closed_world: World, get: Callable[[str], Awaitable[tuple[int, Any]]]
) -> None:
    status, body = await get("")
    assert status == 200
    jsonschema.validate(body, PATHS["/api/v1/heads"][1] | {"components": {"schemas": SCHEMAS}})
    assert [head["number"] for head in body] == [1, 2, 3]
    assert [head["previous"] for head in body] == [NO_HEAD, body[0]["head"], body[1]["head"]]
    assert [head["whole"] for head in body] == [True, False, False]
    assert body[-1]["day"] == format_instant(closed_day(closed_world.end) * DAY)[:10]
    assert (await get("?from=2"))[1] == body[1:]
    assert (await get("?from=2&limit=1"))[1] == body[1:2]
    assert (await get("?from=9"))[1] == []


@pytest.mark.parametrize(
    "query",
    [
        "?from=0",
        "?from=1000000000",
        "?limit=1000000000",
        "?from=x",
        "?limit=-1",
        "?limit=0",
        "?page=2",
        "?from=" + "9" * 40,
        "?from=" + "0" * 12 + "9" * 20,
    ],
)
async def test_invalid_parameter_is_rejected(query: str, get: Callable[[str], Awaitable[tuple[int, Any]]]) -> None:
    status, body = await get(query)
    assert status == 400
    assert body["remedy"]


async def test_new_head_is_listed(closed_world: World, get: Callable[[str], Awaitable[tuple[int, Any]]]) -> None:
    store = SqliteStore(closed_world.path, closed_world.end)
    assert close_day(store, closed_world.path, closed_world.end + 5 * DAY) is not None
    store.close()
    assert (await get("?from=4"))[1][0]["since"] == format_instant((closed_day(closed_world.end) + 1) * DAY)[:10]
