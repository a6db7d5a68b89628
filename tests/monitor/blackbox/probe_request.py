"""Helpers that send requests to /probe without the web server: the resulting page, and its reason code."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from monitor.blackbox.service import Blackbox, ProbeRequest
from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from tests.support.blackbox_comparison import Page

SendRequest = Callable[..., Awaitable[Page]]


@contextlib.asynccontextmanager
async def blackbox_service(folder: Path, modules: str) -> AsyncIterator[tuple[Blackbox, SendRequest]]:
    """Yield a service with these modules and `request(module, target)`; the event loop never counts as stalled."""
    path = folder / "blackbox.yml"
    path.write_text(textwrap.dedent(modules))
    service = Blackbox(path, SystemClock())
    async with probe_environment(SystemClock(), Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]

        async def request(module: str, target: str, scrape_timeout: float = 0.0) -> Page:
            return Page(await service.probe(ProbeRequest(target, module, scrape_timeout=scrape_timeout), runner))

        yield service, request


def reason(page: Page) -> str:
    """Return the reason code of a probe's page."""
    labels = next(dict(labels) for name, labels in page.samples if name == "ninewatch_probe_outcome_info")
    return labels["reason"]
