"""Run the continuity probe until it is killed: `python -m tests.support.continuity_process FOLDER URL`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from monitor.clock import SystemClock
from monitor.continuity import worker
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from sla.interval import SECOND
from tests.support.continuity import Probe
from tests.support.record_service import pair


async def main(folder: Path, url: str) -> None:
    """Run transactions that begin every second and stay open for two."""
    worker.MAX_EFFECT_DELAY = 3 * SECOND  # type: ignore[misc] - a minute would be the whole duration of a test
    clock = SystemClock()
    schedule = {"every": "1s", "open_for": "2s", "at_most": 4}
    async with probe_environment(clock, Health()) as (runner, _):
        probe = Probe(folder, runner, clock, http=pair(url), **schedule)
        await probe.service.run(runner.new_attempt)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
