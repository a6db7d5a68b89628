"""Limits on concurrent requests of /probe, and requests that are cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.blackbox.service import MAX_CONCURRENT, START_INTERVAL
from monitor.web import blackbox
from tests.support.clocks import ManualClock, settle
from tests.support.servers import serve_tcp

if TYPE_CHECKING:
    import pytest

    from tests.support.probe_server import StartProbeServer


async def test_requests_over_the_concurrency_limit_get_503(start_probe_server: StartProbeServer) -> None:
    probe_server = await start_probe_server()
    probe_server.blackbox_state.in_flight = MAX_CONCURRENT
    response = await probe_server.server.get("/probe?target=127.0.0.1:1&module=tcp")
    assert (response.status, response.raw.headers["Retry-After"]) == (503, "1")
    probe_server.blackbox_state.in_flight -= 1
    assert (await probe_server.probe("127.0.0.1:1"))[0] == 200
    assert probe_server.blackbox_state.in_flight == MAX_CONCURRENT - 1


class SilentServer:
    """Accepts a connection, sends nothing, and records the connect and the disconnect."""

    def __init__(self) -> None:
        self.connected, self.disconnected = asyncio.Event(), asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        while await reader.read(4096):
            pass
        self.disconnected.set()


async def test_probe_is_cancelled_when_the_client_disconnects(start_probe_server: StartProbeServer) -> None:
    """The module's timeout is two minutes; the test ends earlier."""
    probe_server, target = await start_probe_server(), SilentServer()
    url = urlsplit(probe_server.server.base)
    async with serve_tcp(target) as port, asyncio.timeout(30):
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        path = f"/probe?module=fixed_host&target=127.0.0.1:{port}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await target.connected.wait()
        assert probe_server.blackbox_state.in_flight == 1
        writer.close()
        await target.disconnected.wait()
    assert probe_server.blackbox_state.in_flight == 0


async def test_cancelled_waiters_do_not_delay_later_probes(start_probe_server: StartProbeServer) -> None:
    blackbox_state, clock = (await start_probe_server()).blackbox_state, ManualClock()
    blackbox_state._clock = clock
    await blackbox_state._wait_for_start()
    waiting = [asyncio.create_task(blackbox_state._wait_for_start()) for _ in range(100)]
    await settle()
    for connection in waiting:
        connection.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    next_connection = asyncio.create_task(blackbox_state._wait_for_start())
    await clock.advance(START_INTERVAL)
    assert next_connection.done()


async def test_concurrency_is_limited_per_client(
    start_probe_server: StartProbeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blackbox, "MAX_PER_CLIENT", 1)
    probe_server, target = await start_probe_server("127.0.0.0/8"), SilentServer()
    async with serve_tcp(target) as port, asyncio.timeout(30):
        first = asyncio.create_task(probe_server.probe(f"127.0.0.1:{port}", "fixed_host"))
        await target.connected.wait()
        assert (await probe_server.probe("127.0.0.1:1"))[0] == 503
        assert (await probe_server.probe("127.0.0.1:1", **{"X-Forwarded-For": "192.0.2.1"}))[0] == 200
        first.cancel()
        await target.disconnected.wait()
        assert (await probe_server.probe("127.0.0.1:1"))[0] == 200
