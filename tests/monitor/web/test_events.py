"""/events: streams of changes, their ends and limits; and the parts of pages that the script requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from monitor.health import Health
from monitor.web.assets import Assets
from monitor.web.connection_limit import capacity
from monitor.web.context import client_network
from monitor.web.live_updates import HEARTBEAT, LIFETIME, LIVE, MAX_UNSENT, PAUSE, PER_CLIENT, LiveUpdates, Stream
from monitor.web.server import Listener, build, listen
from tests.monitor.web.conftest import small_ledger
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, probe_all
from tests.support.sign_in import SAME_ORIGIN, Browser, start

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.ledger.ledger import Ledger

PART = {"X-Ninewatch-Part": "main"}


@dataclass
class EventServer:
    """A server with its application, so that tests can look at its streams."""

    app: web.Application
    listener: Listener
    ledger: Ledger
    clock: ManualClock
    session: aiohttp.ClientSession

    @property
    def base(self) -> str:
        return f"http://{self.listener.addresses[0]}"


@pytest.fixture
async def server() -> AsyncIterator[EventServer]:
    ledger, clock = small_ledger(), ManualClock(NOW)
    app = build(ledger, Health(last_tick=0.0), clock)
    listener = await listen(app, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield EventServer(app, listener, ledger, clock, session)
    await listener.close()


@contextlib.asynccontextmanager
async def reading(session: aiohttp.ClientSession, base: str, **options: Any) -> AsyncIterator[aiohttp.StreamReader]:
    """Open a stream, and yield it after its first event."""
    async with session.get(f"{base}/events", **options) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        first = await block(response.content)
        assert first.startswith("retry: ")
        assert data_of(first)["products"] is None
        yield response.content


async def block(stream: aiohttp.StreamReader) -> str:
    """Return the next event or comment. Empty at the end of the stream."""
    try:
        return (await stream.readuntil(b"\n\n")).decode()
    except asyncio.IncompleteReadError as error:
        return error.partial.decode()


def data_of(event: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(event.partition("data: ")[2])
    return data


def probe(ledger: Ledger, product: str, at: int, result: Any = BAD_RESULT) -> None:
    probe_all(ledger, ledger.entries_of(product), at, at, result)


async def test_stream_reports_the_product_whose_state_changed_and_nothing_else(server: EventServer) -> None:
    async with reading(server.session, server.base) as stream:
        await server.clock.advance(2)
        assert await block(stream) == ": heartbeat\n\n"
        for _ in range(2):  # the first one may be a doubt
            probe(server.ledger, "chefs", server.clock.now())
            await server.clock.advance(0.2)
        await server.clock.advance(2)
        assert data_of(await block(stream))["products"] == ["chefs"]
        probe(server.ledger, "chefs", server.clock.now())  # the state is the same
        await server.clock.advance(HEARTBEAT)
        assert await block(stream) == ": heartbeat\n\n"


async def test_first_change_is_reported_at_once_and_the_next_ones_together() -> None:
    ledger, clock = small_ledger(), ManualClock(NOW)
    live = LiveUpdates(ledger, clock)
    await live.compare()
    clock.jump(PAUSE)
    stream = await opened(live)
    versions = {live.version}
    for product, messages in (("chefs", ["chefs"]), ("css", []), ("chefs", [])):
        clock.jump(1)
        probe(ledger, product, clock.now(), BAD_RESULT if len(versions) % 2 else GOOD_RESULT)
        await live.compare()
        versions.add(live.version)
        assert bool(stream.unsent) == bool(messages)
        if messages:
            assert data_of((await stream.next()).decode())["products"] == messages
    assert len(versions) > 2
    clock.jump(PAUSE)
    await live.compare()
    assert data_of((await stream.next()).decode()) == {"version": live.version, "products": ["chefs", "css"]}
    await live.stop(web.Application())


async def opened(live: LiveUpdates) -> Stream:
    """Return a stream whose first message was read."""
    stream = await live.open(None, lambda: True)
    await stream.next()
    return stream


async def test_server_without_readers_compares_nothing(server: EventServer) -> None:
    live = server.app[LIVE]
    version = live.version
    await server.clock.advance(30)
    probe(server.ledger, "chefs", server.clock.now())
    await server.clock.advance(30)
    assert live.version == version
    async with reading(server.session, server.base):
        assert live.version != version


async def test_streams_end_in_order_when_the_server_closes(server: EventServer) -> None:
    """A connection that is cut off, after a wait, would raise ClientPayloadError."""
    async with reading(server.session, server.base) as one, reading(server.session, server.base) as other:
        await server.listener.close()
        assert [await block(one), await block(other)] == ["", ""]
    assert server.app[LIVE].streams == []


async def test_stream_ends_after_its_lifetime_and_after_a_reload(server: EventServer) -> None:
    """The browser connects again, so that its access is checked again."""
    async with reading(server.session, server.base) as stream:
        await server.clock.advance(LIFETIME + 2)
        while await block(stream):
            pass
    async with reading(server.session, server.base) as stream:
        server.ledger.reload(server.ledger.portfolio.model_copy(update={"title": "New"}))
        await server.clock.advance(2)
        while await block(stream):
            pass
    assert server.app[LIVE].streams == []


@pytest.mark.parametrize("ending", ["sign-out", "expiry"])
async def test_stream_ends_with_its_session_and_does_not_extend_it(tmp_path: Path, ending: str) -> None:
    async with start(tmp_path) as world:
        browser: Browser = world.browser
        async with browser.session.get(f"{world.server.base}/events") as refused:
            assert refused.status == 401
        await browser.sign_in()
        async with reading(browser.session, world.server.base) as stream:
            await world.clock.advance(2)
            login = world.server.harness.ledger.portfolio.login
            assert login is not None
            if ending == "sign-out":
                assert (await browser.open("/logout", "POST", headers=SAME_ORIGIN)).status == 303
                await world.clock.advance(2)
            else:
                world.clock.jump(login.session.idle / 1_000_000)
                await world.clock.advance(2)
            while await block(stream):
                pass


async def test_reader_that_does_not_read_is_dropped_and_the_others_are_served(server: EventServer) -> None:
    live = server.app[LIVE]
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    slow.setblocking(False)
    host, port = server.listener.addresses[0].split(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(slow, (host, int(port)))
    await loop.sock_sendall(slow, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with reading(server.session, server.base) as stream:
        for _ in range(10_000):
            live.send(b": " + bytes(1_000).replace(b"\0", b"x") + b"\n\n")
            await block(stream)
            if len(live.streams) == 1:
                break
        assert len(live.streams) == 1
        live.send(b": last\n\n")
        assert await block(stream) == ": last\n\n"
    slow.close()


def test_stream_that_is_too_far_behind_ends() -> None:
    stream = stream_of(None)
    while stream.is_open:
        stream.send(bytes(MAX_UNSENT // 4))
    assert MAX_UNSENT < len(stream.unsent) <= 2 * MAX_UNSENT


def stream_of(address: str | None) -> Stream:
    return Stream(None if address is None else client_network(ip_address(address)), LIFETIME, lambda: True)


def test_streams_leave_connections_for_others() -> None:
    live = LiveUpdates(small_ledger(), ManualClock(NOW))
    one, other = (client_network(ip_address(address)) for address in ("203.0.113.9", "203.0.113.10"))
    while live.may_open(one):
        live.streams.append(stream_of("203.0.113.9"))
    assert len(live.streams) == min(PER_CLIENT, capacity() // 8)
    assert live.may_open(other)
    while live.may_open(None):
        live.streams.append(stream_of(None))
    assert not live.may_open(other)
    assert capacity() // 2 < len(live.streams) < capacity()


async def test_too_many_streams_are_refused(server: EventServer) -> None:
    live = server.app[LIVE]
    while live.may_open(None):
        live.streams.append(stream_of(None))
    async with server.session.get(f"{server.base}/events") as refused:
        assert (refused.status, refused.headers["Retry-After"]) == (503, "60")


@pytest.mark.parametrize("path", ["/", "/?state=down", "/products/chefs"])
async def test_part_is_the_main_element_of_the_page(server: EventServer, path: str) -> None:
    async with server.session.get(server.base + path) as answer:
        page = await answer.text()
    async with server.session.get(server.base + path, headers=PART) as answer:
        part, etag = await answer.text(), answer.headers["ETag"]
    title = page[page.index("<title>") : page.index("</title>")]
    assert part.strip() == f"{title}</title>\n{page[page.index('<main') : page.index('</main>')]}</main>"
    headers = {**PART, "If-None-Match": etag}
    async with server.session.get(server.base + path, headers=headers) as answer:
        assert (answer.status, await answer.text(), answer.headers["ETag"]) == (304, "", etag)
    await server.clock.advance(6)
    async with server.session.get(server.base + path, headers=headers) as answer:
        assert (answer.status, answer.headers["ETag"] != etag) == (200, True)


async def test_part_of_an_unknown_product_is_an_error_each_time(server: EventServer) -> None:
    for _ in range(2):
        async with server.session.get(f"{server.base}/products/none", headers=PART) as answer:
            assert answer.status == 404


async def test_requests_at_the_same_time_share_a_part(server: EventServer, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    render = Assets.render_in_slices

    async def counted(self: Assets, template: str, *arguments: Any, **values: Any) -> str:
        rendered.append(template)
        return await render(self, template, *arguments, **values)

    monkeypatch.setattr(Assets, "render_in_slices", counted)

    async def part() -> tuple[int, str]:
        async with server.session.get(server.base, headers=PART) as answer:
            return answer.status, await answer.text()

    answers = await asyncio.gather(*(part() for _ in range(20)))
    assert set(answers) == {answers[0]}
    assert answers[0][0] == 200
    assert rendered == ["portfolio.html.j2"]


async def test_people_with_another_role_get_another_part(tmp_path: Path) -> None:
    async with start(tmp_path) as world:
        parts = []
        for role in ("viewers", "operators"):
            world.provider.roles = [role]
            await world.browser.follow(await world.browser.open("/login"))
            async with world.browser.session.get(f"{world.server.base}/products/forms", headers=PART) as answer:
                parts.append((answer.headers["ETag"], "/actions" in await answer.text()))
        assert [may_change for _, may_change in parts] == [False, True]
        assert parts[0][0] != parts[1][0]
