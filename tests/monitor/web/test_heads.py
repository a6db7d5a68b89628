"""/api/v1/heads: the heads of closed days, page by page, as the record has them."""

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
def kept(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(2, tmp_path_factory.mktemp("kept"), days=2.5, closed=True)


@pytest.fixture
async def get(kept: World) -> AsyncIterator[Callable[[str], Awaitable[tuple[int, Any]]]]:
    site = build(ledger_of(product("web")), Health(), ManualClock(kept.end), record=kept.path)
    listener = await listen(site, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:

        async def ask(query: str) -> tuple[int, Any]:
            async with session.get(f"http://{listener.addresses[0]}/api/v1/heads{query}") as answer:
                return answer.status, await answer.json()

        yield ask
    await listener.close()


async def test_heads_are_listed_in_order_each_with_the_one_before(
    kept: World, get: Callable[[str], Awaitable[tuple[int, Any]]]
) -> None:
    status, found = await get("")
    assert status == 200
    jsonschema.validate(found, PATHS["/api/v1/heads"][1] | {"components": {"schemas": SCHEMAS}})
    assert [head["number"] for head in found] == [1, 2, 3]
    assert [head["previous"] for head in found] == [NO_HEAD, found[0]["head"], found[1]["head"]]
    assert [head["whole"] for head in found] == [True, False, False]
    assert found[-1]["day"] == format_instant(closed_day(kept.end) * DAY)[:10]
    assert (await get("?from=2"))[1] == found[1:]
    assert (await get("?from=2&limit=1"))[1] == found[1:2]
    assert (await get("?from=9"))[1] == []


@pytest.mark.parametrize("query", ["?from=0", "?from=x", "?limit=-1", "?limit=0", "?page=2", "?from=" + "9" * 40])
async def test_what_is_no_number_is_refused(query: str, get: Callable[[str], Awaitable[tuple[int, Any]]]) -> None:
    status, found = await get(query)
    assert status == 400
    assert found["remedy"]


async def test_a_head_that_is_written_meanwhile_is_there(
    kept: World, get: Callable[[str], Awaitable[tuple[int, Any]]]
) -> None:
    store = SqliteStore(kept.path, kept.end)
    assert close_day(store, kept.path, kept.end + 5 * DAY) is not None
    store.close()
    assert (await get("?from=4"))[1][0]["since"] == format_instant((closed_day(kept.end) + 1) * DAY)[:10]
