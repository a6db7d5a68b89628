"""Manage the drills of a running daemon: start and end them, shorten probe intervals, and record the detection.

A drill is ended when its planned window ends, when one of its stop conditions is met, or when the release gate answers
`hold`. A failover in a planned window with `dr_expected` is a drill from its first downtime to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from monitor.ledger.product_drills import recorded_drills, stop_reason
from monitor.ledger.product_sites import measured_failover
from monitor.probe_result import IncidentOpened
from sla.drill import Drill, DrillKind, DrillSource
from sla.drill_facts import drill_detected, drill_end
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from monitor.clock import Clock
    from monitor.config.model import Product
    from monitor.engine.fact_recorder import FactRecorder
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from monitor.probe_result import Event
    from sla.drill import DrillRecord
    from sla.failover_facts import FailoverRecord

log = structlog.get_logger()

AUTHOR: Final = "ninewatch"
WINDOW_ENDED: Final = "the planned window ended"
FAILOVER_ENDED: Final = "the failover ended"


class DrillManager:
    """Starts and ends drills, and sets the probe intervals during drills.

    `set_probe_intervals` is called with the probe intervals by product when the intervals change.
    """

    def __init__(
        self,
        ledger: Ledger,
        facts: FactRecorder,
        clock: Clock,
        set_probe_intervals: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._ledger, self._facts, self._clock = ledger, facts, clock
        self._set_probe_intervals = set_probe_intervals
        self._last_facts: Facts | None = None
        self._drills: list[DrillRecord] = []
        self._intervals: Mapping[str, int] = {}

    def update(self) -> None:
        """Start and end due drills, and adjust probe intervals. Called about once per second and after each reload."""
        now = self._clock.now()
        for drill in list(self._due(now)):
            self._facts.add([drill.fact()])
            log.info("drill_started", drill=drill.id, product=drill.product, kind=drill.kind.value)
        for record, at, reason in list(self._drills_to_end(now)):
            self._facts.add([drill_end(record.id, record.drill.product, now, AUTHOR, reason, at)])
            log.warning("drill_ended", drill=record.id, product=record.drill.product, reason=reason)
        intervals = {record.drill.product: self._interval(record) for record in self._open(now)}
        if intervals != self._intervals:
            self._intervals = intervals
            self._set_probe_intervals(intervals)

    def on_event(self, event: Event) -> None:
        """Record the detection of a drill: the first incident of its product. Called by the recorder for each event."""
        if not isinstance(event, IncidentOpened):
            return
        now, incident = self._clock.now(), event.incident
        for record in self._open(now):
            if record.drill.product == incident.product and record.detected is None and record.drill.kind.measured:
                self._facts.add([drill_detected(record.id, incident.product, now, AUTHOR, incident.id)])

    def on_site_change(self, record: FailoverRecord) -> None:
        """Start a drill if a planned window expects the site change and no drill of the product is in progress."""
        product, now = self._ledger.products[record.product], self._clock.now()
        if any(record.drill.product == product.id for record in self._open(now)) or not self._is_expected(
            record, product
        ):
            return
        since = measured_failover(self._ledger, record, now, [record]).started
        rto = product.drills.rto or product.failover.within
        kind, source = DrillKind(record.change.kind.value), DrillSource.SITE_CHANGE
        drill = Drill(now, AUTHOR, product.id, kind, rto, product.drills.rpo, source=source, since=since)
        self._facts.add([drill.fact()])
        log.info("drill_started", drill=drill.id, product=drill.product, kind=drill.kind.value)

    def on_failover_end(self, record: FailoverRecord) -> None:
        """End the drill that the site change started."""
        now = self._clock.now()
        for open_drill in self._open(now):
            if open_drill.drill.product == record.product and open_drill.drill.source is DrillSource.SITE_CHANGE:
                self._facts.add([drill_end(open_drill.id, record.product, now, AUTHOR, FAILOVER_ENDED)])

    def _is_expected(self, record: FailoverRecord, product: Product) -> bool:
        """Return whether the site changed in a planned window with `dr_expected`."""
        at, portfolio = Interval(record.change.point, record.change.point + 1), self._ledger.portfolio
        blocks = (block for block in (*product.maintenance, *portfolio.maintenance) if block.dr_expected)
        return any(True for block in blocks for _ in block.exclusions(at, portfolio.time_zone))

    def _all(self, now: int) -> list[DrillRecord]:
        """Return all drills of configured products, cached until facts change."""
        if self._last_facts is not self._ledger.facts:
            self._drills = recorded_drills(self._ledger, now)
            self._last_facts = self._ledger.facts
        return [record for record in self._drills if record.drill.product in self._ledger.products]

    def _open(self, now: int) -> list[DrillRecord]:
        return [record for record in self._all(now) if record.end is None and record.drill.kind.measured]

    def _interval(self, record: DrillRecord) -> int:
        return self._ledger.products[record.drill.product].drills.interval

    def _due(self, now: int) -> Iterator[Drill]:
        """Yield drills whose planned window has started and that are not recorded yet."""
        for product in self._ledger.portfolio.products:
            for kind, span in self._windows(product, Interval(now, now + 1)):
                if not any(self._matches(record, product, span) for record in self._all(now)):
                    rto, rpo = product.drills.rto, product.drills.rpo
                    since = span.start if span.start < now else None
                    yield Drill(now, AUTHOR, product.id, kind, rto, rpo, source=DrillSource.WINDOW, since=since)

    def _matches(self, record: DrillRecord, product: Product, span: Interval) -> bool:
        drill = record.drill
        return (drill.source, drill.product, drill.started) == (DrillSource.WINDOW, product.id, span.start)

    def _windows(self, product: Product, at: Interval) -> Iterator[tuple[DrillKind, Interval]]:
        """Yield the drill kind and the interval of each planned drill window that overlaps the interval."""
        for block in (*product.maintenance, *self._ledger.portfolio.maintenance):
            if block.drill is not None:
                zone = self._ledger.portfolio.time_zone
                yield from ((DrillKind(block.drill), exclusion.interval) for exclusion in block.exclusions(at, zone))

    def _drills_to_end(self, now: int) -> Iterator[tuple[DrillRecord, int, str]]:
        """Yield each drill that must end now, with the instant and the reason of its end."""
        for record in [record for record in self._all(now) if record.end is None]:
            product = self._ledger.products[record.drill.product]
            end = self._window_end(record, product, now)
            if end is not None and end <= now:
                yield record, end, WINDOW_ENDED
            elif record.drill.kind.measured:
                reason = stop_reason(self._ledger, product.id, now - record.drill.started, now)
                if reason is not None:
                    yield record, now, reason

    def _window_end(self, record: DrillRecord, product: Product, now: int) -> int | None:
        """Return the end of the drill's planned window: `now` if the plan was removed, None without a window."""
        if record.drill.source is not DrillSource.WINDOW:
            return None
        start = record.drill.started
        ends = [span.end for _, span in self._windows(product, Interval(start, start + 1)) if span.start == start]
        return max(ends, default=now)
