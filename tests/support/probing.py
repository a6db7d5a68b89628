"""Make one attempt in a test: a check from YAML data, a real runner, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.probes.registry import CHECK_TYPES, prepare

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.engine.runner import AttemptResult, Runner
    from monitor.network.attempt import Probe
    from monitor.network.resolver import Resolver

_TRIES = 100


def load_check(content: Mapping[str, Any]) -> Any:
    """Return the check as in a configuration."""
    kind = next(check_type for check_type in CHECK_TYPES if check_type.matches(content))
    return kind.model_validate({"id": "check", **content})


async def attempt(content: Mapping[str, Any], seconds: float = 5.0, resolver: Resolver | None = None) -> AttemptResult:
    """Return the result of one attempt of the check, without detection of stalls."""
    return await attempt_of(load_check(content), seconds, resolver)


async def attempt_of(check: CheckBase, seconds: float = 5.0, resolver: Resolver | None = None) -> AttemptResult:
    """Return the result of one attempt of a loaded check, without detection of stalls."""
    async with probe_environment(SystemClock(), Health(), resolver) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        return await retry_if_starved(runner, prepare(check), seconds)


async def retry_if_starved(runner: Runner, probe: Probe, seconds: float) -> AttemptResult:
    """Return the result of an attempt. An attempt that was starved of CPU is repeated.

    A test's deadline may be shorter than the delays on a busy machine. Other tests cover the effects of such delays.
    """
    for _ in range(_TRIES):
        result = await runner.attempt(probe, seconds)
        if result.result.reason != "monitor_starved":
            break
    return result
