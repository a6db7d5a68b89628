"""Turn the checks of the ledger and the references into jobs of the scheduler."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from monitor.engine.heartbeats import CHECK_INTERVAL, Heartbeats
from monitor.engine.scheduler import Job
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probes.heartbeat import HeartbeatCheck
from monitor.probes.registry import prepare as prepare_probe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from monitor.config.model import CheckBase, Portfolio
    from monitor.engine.recorder import Recorder
    from monitor.engine.runner import Runner
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from monitor.network.attempt import Probe
    from monitor.vantage.watch import Judge, VantageWatch


class Jobs:
    """The jobs of the ledger's checks. An unchanged check keeps its prepared probe."""

    def __init__(
        self, ledger: Ledger, runner: Runner, recorder: Recorder, heartbeats: Heartbeats, vantage: VantageWatch
    ) -> None:
        self._ledger, self._runner, self._recorder, self._heartbeats = ledger, runner, recorder, heartbeats
        self._vantage = vantage
        heartbeats.was_blind = self._was_blind
        self._prepared: dict[str, tuple[CheckBase, Probe]] = {}
        self.on_prepared: Callable[[Mapping[str, Probe]], None] | None = None
        """Called with the prepared probes of a portfolio, by key."""

        self.drill_intervals: Mapping[str, int] = {}
        """The interval of probes during a drill, by product (microseconds)."""
        self.paused: Collection[str] = frozenset()
        """The keys of the checks that are not probed."""

    def prepare(self, portfolio: Portfolio) -> None:
        """Prepare the probes of a portfolio before it becomes active. Slow: call it in a thread while probing."""
        prepared = {}
        for product, check in portfolio.probed():
            key = f"{product.id}/{check.id}"
            previous = self._prepared.get(key)
            unchanged = previous is not None and previous[0] == check
            prepared[key] = previous if previous is not None and unchanged else (check, prepare_probe(check))
        self._vantage.prepare(portfolio)
        if self.on_prepared is not None:
            self.on_prepared({key: probe for key, (_, probe) in prepared.items()})
        self._prepared = prepared  # assigned last: on an error above, the active portfolio keeps its probes

    def limit_outbound(self, portfolio: Portfolio) -> None:
        """Limit probes to the addresses that the portfolio allows."""
        self._runner.outbound = OutboundPolicy(portfolio.outbound)

    def all(self) -> Iterator[Job]:
        """Yield a job for every reference and every check."""
        for reference in self._vantage.load():
            yield Job(f"reference:{reference.id}", reference.interval, partial(self._vantage.ask, reference.id))
        for entry in self._ledger.probed_entries():
            if entry.key in self.paused:
                continue
            if isinstance(entry.check, HeartbeatCheck):
                yield Job(entry.key, CHECK_INTERVAL, partial(self._check_heartbeat, entry))
                continue
            probe = self._prepared[entry.key][1]
            interval = self._interval(entry)
            is_shortened = interval < entry.check.interval
            judge = self._vantage.judge(entry.product.via)
            start = partial(self._probe_once, entry, probe, judge)
            yield Job(entry.key, interval, start, is_shortened, recheck=partial(start, recheck=True))

    def _interval(self, entry: CheckEntry) -> int:
        """Return the check's interval, or the shorter one during a drill. The hold does not change."""
        check = entry.check
        drill = self.drill_intervals.get(entry.product.id, check.interval) if check.tightens else check.interval
        return min(drill, check.interval)

    def _was_blind(self, entry: CheckEntry, since: int) -> bool:
        return self._vantage.was_blind(self._vantage.network(entry.product.via), since)

    async def _check_heartbeat(self, entry: CheckEntry) -> None:
        if self._heartbeats.is_overdue(entry):
            await self._vantage.refresh(self._vantage.network(entry.product.via))
        if self._ledger.entries.get(entry.key) is entry:
            self._heartbeats.record_missed(entry)

    async def _probe_once(
        self, entry: CheckEntry, probe: Probe, judge: Judge | None, *, recheck: bool = False
    ) -> int | None:
        """Probe and record; return the time until a re-check, microseconds, or None."""
        attempt = await self._runner.run(entry.check, probe, judge)
        if self._ledger.entry(entry.key) is not entry or entry.key in self.paused:  # removed or paused during the probe
            return None
        self._recorder.record(entry, attempt.result, attempt.at, attempt.duration, recheck=recheck)
        return entry.recheck_delay(attempt.at)
