"""Making one attempt in a test: a check as it is written in YAML, a real runner, the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitor.clock import SystemClock
from monitor.engine.rig import rigged
from monitor.health import Health
from monitor.probes.registry import CHECK_TYPES, prepare

if TYPE_CHECKING:
    from monitor.engine.runner import Attempt
    from monitor.network.resolver import Resolver


def check_of(written: Mapping[str, Any]) -> Any:
    """Return the check that the configuration would hold."""
    kind = next(each for each in CHECK_TYPES if each.claims(written))
    return kind.model_validate({"id": "check", **written})


async def attempt(written: Mapping[str, Any], seconds: float = 5.0, resolver: Resolver | None = None) -> Attempt:
    """Return what one attempt at the check found, on a machine that never stalls.

    A busy machine may stall a test for longer than its short deadline; what a stall does has tests of its own.
    """
    async with rigged(SystemClock(), Health(), resolver) as (runner, pulse):
        pulse.stalled = lambda: 0.0  # type: ignore[method-assign]
        return await runner.attempt(prepare(check_of(written)), seconds)
