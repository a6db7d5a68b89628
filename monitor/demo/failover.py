"""Fail the demo's Keycloak over to its second site and back, while the demo's daemon probes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from monitor.demo.modes import UPLINK
from monitor.errors import NinewatchError
from monitor.storage.reader import reading
from sla.interval import SECOND, Interval
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.clock import Clock

PRODUCT: Final = "keycloak"
_DEPENDENT: Final = "css"  # its API is closed while Keycloak runs on its second site
_POLL_INTERVAL: Final = 0.2  # seconds between two reads of the record
_STAGE_TIMEOUT: Final = 60.0  # seconds until the daemon must have probed every check in a stage


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the failover: modes of Keycloak and CSS, and the expected outcome of Keycloak's probes."""

    mode: str
    dependent: str
    outcome: Outcome


# The stages of the real procedure: Gold fails, GoldDR starts behind the maintenance page, GoldDR serves, Gold serves.
STAGES: Final = (
    Stage("outage", "recovery", Outcome.BAD),
    Stage("maintenance", "recovery", Outcome.BAD),
    Stage("failover", "recovery", Outcome.GOOD),
    Stage("up", "up", Outcome.GOOD),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: the base URL of `/_control`, its record, and the keys of Keycloak's checks."""

    control: str
    record: Path
    checks: Sequence[str]


async def fail_over(demo: Demo, clock: Clock, shortest: float, announce: Callable[[str], None]) -> None:
    """Run Keycloak through all stages, each for at least `shortest` seconds and until all checks observed it.

    The demo's script does not change Keycloak, CSS and the uplink during this time. They are up at the end, even after
    an error.

    Raises:
        NinewatchError: the demo does not run, or its daemon does not probe.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_STAGE_TIMEOUT)) as client:
        try:
            await _set_mode(client, demo, UPLINK, "up", hold=True)
            for stage in STAGES:
                await _set_mode(client, demo, PRODUCT, stage.mode, hold=True)
                await _set_mode(client, demo, _DEPENDENT, stage.dependent, hold=True)
                announce(f"{PRODUCT}: {stage.mode}")
                since = clock.now()
                await clock.sleep_until(clock.monotonic() + shortest)
                await _wait_until_observed(demo, clock, stage, since)
        finally:
            await _set_mode(client, demo, PRODUCT, "up", hold=False)
            await _set_mode(client, demo, _DEPENDENT, "up", hold=False)
            await _set_mode(client, demo, UPLINK, "up", hold=False)


async def _set_mode(client: aiohttp.ClientSession, demo: Demo, product: str, mode: str, *, hold: bool) -> None:
    try:
        body = {"product": product, "mode": mode, "hold": hold}
        async with client.post(f"{demo.control}/_control", json=body) as response:
            response.raise_for_status()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NinewatchError(f"the demo at {demo.control} does not answer ({type(error).__name__}); start it") from None


async def _wait_until_observed(demo: Demo, clock: Clock, stage: Stage, since: int) -> None:
    """Wait until the newest observation of each check has the outcome and was sent after the instant.

    Raises:
        NinewatchError: the observation takes too long.
    """
    deadline = clock.monotonic() + _STAGE_TIMEOUT
    while not _is_observed(demo, stage, since, clock.now()):
        if clock.monotonic() > deadline:
            raise NinewatchError(
                f"the demo's daemon did not observe the stage {stage.mode} within {_STAGE_TIMEOUT:g} s; is it running?"
            )
        await clock.sleep_until(clock.monotonic() + _POLL_INTERVAL)


def _is_observed(demo: Demo, stage: Stage, since: int, now: int) -> bool:
    with reading(demo.record) as record:
        by_check = [record.observations(check, Interval(since, max(since, now) + SECOND)) for check in demo.checks]
    return all(observations and observations[-1].outcome is stage.outcome for observations in by_check)
