"""Asking /probe in a test, without the web around it: what a module finds, and what it costs."""

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

Ask = Callable[..., Awaitable[Page]]


@contextlib.asynccontextmanager
async def box(folder: Path, modules: str) -> AsyncIterator[tuple[Blackbox, Ask]]:
    """Give what answers by these modules, and `ask(module, target)`; the machine never stalls."""
    path = folder / "blackbox.yml"
    path.write_text(textwrap.dedent(modules))
    made = Blackbox(path, SystemClock())
    async with probe_environment(SystemClock(), Health()) as (runner, pulse):
        pulse.stalled = lambda: 0.0  # type: ignore[method-assign]

        async def ask(module: str, target: str, patience: float = 0.0) -> Page:
            return Page(await made.answer(ProbeRequest(target, module, patience=patience), runner))

        yield made, ask


def reason(page: Page) -> str:
    """Return why a probe ended as it did, in our words."""
    labels = next(dict(labels) for name, labels in page.samples if name == "ninewatch_probe_outcome_info")
    return labels["reason"]
