"""A portfolio of a configuration file, whose checks a test probes with the real prober."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Generic, TypeVar

from monitor.clock import Clock, SystemClock
from monitor.config.loader import load
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.ledger.product_readiness import readiness_of
from monitor.probes.registry import check_types, prepare
from sla.interval import SECOND
from tests.support.clocks import ManualClock
from tests.support.ledgers import observe
from tests.support.probing import retry_if_starved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.engine.runner import Runner

AnyClock = TypeVar("AnyClock", bound=Clock)


class ProbedPortfolio(Generic[AnyClock]):
    """The ledger of a portfolio. `probe` adds one observation of every check."""

    def __init__(self, config: Path, runner: Runner, clock: AnyClock) -> None:
        self.clock, self._runner = clock, runner
        portfolio = load(config, check_types(allow_exec=True))
        self.ledger = Ledger(portfolio)
        self._probes = {
            f"{product.id}/{check.id}": (prepare(check), check.timeout / SECOND)
            for product, check in portfolio.probed()
        }

    def item_states(self, product: str) -> list[str]:
        """Return the states of the items of a product's checklist, in order."""
        readiness = readiness_of(self.ledger, product, self.clock.now())
        assert readiness is not None
        return [status.state.value for status in readiness.statuses]

    async def probe(self) -> dict[str, str]:
        """Probe every check once, and return the reason codes of the results that are not good."""
        reasons = {}
        for key, (probe, seconds) in self._probes.items():
            result = (await retry_if_starved(self._runner, probe, seconds)).result
            entry = self.ledger.entry(key)
            assert entry is not None
            observe(self.ledger, entry, self.clock.now(), result)
            if result.reason:
                reasons[key] = result.reason
        return reasons


def clock_from_now() -> ManualClock:
    """Return a manual clock that starts now, because servers and certificates have the time of the machine."""
    return ManualClock(SystemClock().now() // SECOND * SECOND)


@contextlib.asynccontextmanager
async def probed_portfolio(config: Path, clock: AnyClock) -> AsyncIterator[ProbedPortfolio[AnyClock]]:
    """Yield the portfolio."""
    async with probe_environment(clock, Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        yield ProbedPortfolio(config, runner, clock)
