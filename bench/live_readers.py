"""Measure the CPU time of the daemon for open pages with live updates, while a state changes every second.

    python -m bench.live_readers [--readers 200] [--seconds 60]

Runs `ninewatch demo`, with one more product whose target fails and recovers every second. The readers do what the
script of the pages does: keep an event stream open, and request the changed part of the page up to a second after an
event, and after a minute without one. Three of four readers have the portfolio open, the others the page of the
changing product. The result is the CPU time of the daemon (user + system) with readers, less that without; the goal is
under 5 % of a core. Everything runs on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import aiohttp

from bench.cost import cpu_seconds, resident_mib, run_program, wait_until_answering
from bench.page_delay import QuietHandler, serve
from bench.stack import Ports

GOAL = 0.05  # of a core
REFRESH_INTERVAL = 60.0  # seconds, as in monitor/web/static/ninewatch.js
SPREAD = 1.0
PART = {"X-Ninewatch-Part": "main"}
PRODUCT = """
  - id: changing
    objective: 99%
    checks:
      - {{id: check, http: "http://127.0.0.1:{port}/", interval: 1s, timeout: 500ms, recheck: 250ms, fall: 1, rise: 1}}
"""


def changing_target() -> type[BaseHTTPRequestHandler]:
    """Return a handler that responds 200 in every second second, and otherwise 503."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name of the base class
            self.respond(200 if int(time.monotonic()) % 2 else 503)

    return Handler


class Reader:
    """A reader of one page, who counts events, refreshes and bytes in `counts`."""

    def __init__(self, session: aiohttp.ClientSession, base: str, path: str, counts: Counter[str]) -> None:
        self._session, self._base, self._path, self._counts = session, base, path, counts
        self._etag, self._version = "", ""

    async def read(self) -> None:
        """Follow the event stream until cancelled."""
        async with self._session.get(f"{self._base}/events") as stream:
            stream.raise_for_status()
            self._counts["streams"] += 1
            while True:
                try:
                    async with asyncio.timeout(REFRESH_INTERVAL):
                        while not self._is_change(await stream.content.readline()):
                            pass
                    await asyncio.sleep(random.random() * SPREAD)  # noqa: S311 - spreads requests
                except TimeoutError:
                    pass
                await self._refresh()

    def _is_change(self, line: bytes) -> bool:
        if not line:
            raise ConnectionError("the stream ended")
        if not line.startswith(b"data: "):
            return False
        event = json.loads(line[6:])
        self._counts["events"] += 1
        previous, self._version = self._version, event["version"]
        concerns = self._path == "/" or event["products"] is None or self._path.rpartition("/")[2] in event["products"]
        return previous != self._version and concerns

    async def _refresh(self) -> None:
        headers = {**PART, "If-None-Match": self._etag}
        async with self._session.get(self._base + self._path, headers=headers) as answer:
            self._counts["bytes"] += len(await answer.read())
            self._counts[f"status {answer.status}"] += 1
            self._etag = answer.headers.get("ETag", "")


@contextlib.asynccontextmanager
async def reading(base: str, count: int, counts: Counter[str]) -> AsyncIterator[None]:
    """Keep `count` readers during the block."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        paths = itertools.cycle(["/", "/", "/", "/products/changing"])
        readers = [Reader(session, base, path, counts) for path, _ in zip(paths, range(count), strict=False)]
        tasks = [group.create_task(reader.read()) for reader in readers]
        yield
        for task in tasks:
            task.cancel()


async def cpu_share(pid: int, seconds: float) -> float:
    """Return the CPU time of the process per second, during the next seconds."""
    before, start = cpu_seconds([pid]), time.monotonic()
    await asyncio.sleep(seconds)
    return (cpu_seconds([pid]) - before) / (time.monotonic() - start)


async def measure(base: str, pid: int, readers: int, seconds: float) -> bool:
    """Measure and print the result. Return whether it meets the goal."""
    counts: Counter[str] = Counter()
    alone = await cpu_share(pid, seconds)
    async with reading(base, readers, counts):
        async with asyncio.timeout(120):
            while counts["streams"] < readers:
                await asyncio.sleep(0.5)
        await asyncio.sleep(10)  # all have their page
        counts.clear()
        with_readers = await cpu_share(pid, seconds)
        measured = dict(sorted(counts.items()))
    share = with_readers - alone
    print(f"{readers} readers, {seconds:g} s, a change every second; {resident_mib([pid]):.0f} MiB")
    print(f"  daemon alone {100 * alone:.1f} % of a core, with readers {100 * with_readers:.1f} %")
    print("  per second: " + ", ".join(f"{name} {value / seconds:,.1f}" for name, value in measured.items()))
    print(f"  {100 * share:.1f} % of a core for the readers (goal: under {100 * GOAL:g} %)")
    return share < GOAL


def main() -> int:
    """Measure and return 1 if the goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serve(changing_target()) as target:
        directory, port = Path(name), Ports.free().ninewatch
        command = [sys.executable, "-m", "monitor", "demo", "--directory", name, "--script", "none"]
        with run_program([*command, "--listen", f"127.0.0.1:{port}"], directory, "demo") as pid:
            base = f"http://127.0.0.1:{port}"
            wait_until_answering(f"{base}/livez")
            config = directory / "demo.yaml"
            config.write_text(config.read_text().replace("\nproducts:", f"\nproducts:{PRODUCT.format(port=target)}", 1))
            wait_until_answering(f"{base}/products/changing")
            return 0 if asyncio.run(measure(base, pid, options.readers, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
