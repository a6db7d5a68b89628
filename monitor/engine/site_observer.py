"""Record the changes of each product's active site, and the figures of each failover when they are final."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from monitor.ledger.product_sites import measured_failover, recorded_failovers, site_histories
from sla.failover_facts import FailoverRecord, failover_end_fact, site_change_fact
from sla.interval import Interval
from sla.sites import last_active, site_changes, sites_final_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.clock import Clock
    from monitor.config.model import Product
    from monitor.engine.fact_recorder import FactRecorder
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.sites import SiteChange

log = structlog.get_logger()

AUTHOR: Final = "ninewatch"


class SiteObserver:
    """Observes the sites of all products.

    `on_change` is called with each recorded change, `on_end` with each failover whose figures are final.
    """

    def __init__(
        self,
        ledger: Ledger,
        facts: FactRecorder,
        clock: Clock,
        on_change: Callable[[FailoverRecord], None] = lambda _record: None,
        on_end: Callable[[FailoverRecord], None] = lambda _record: None,
    ) -> None:
        self._ledger, self._facts, self._clock = ledger, facts, clock
        self._on_change, self._on_end = on_change, on_end
        self._last: dict[str, tuple[str, int]] = {}  # product -> the last active site, and until when it is known
        self._last_facts: Facts | None = None
        self._records: list[FailoverRecord] = []

    def update(self) -> None:
        """Record new site changes and final figures. Called about once per second and after each reload."""
        now = self._clock.now()
        for product in self._ledger.portfolio.products:
            if product.sites:
                for change in list(self._new_changes(product)):
                    self._record(product, change, now)
                for record in [record for record in self._changes_until(product.id, now) if record.result is None]:
                    self._end_if_final(record, now)

    def _changes_until(self, product_id: str, now: int) -> list[FailoverRecord]:
        """Return the changes of the product that were recorded until now."""
        return [record for record in self._recorded_changes(product_id) if record.made <= now]

    def _recorded_changes(self, product_id: str) -> list[FailoverRecord]:
        """Return all recorded changes of the product, including those from before the clock was set back.

        The result is cached until facts change.
        """
        facts = self._ledger.facts
        if self._last_facts is not facts:
            newest = max((fact.made for fact in facts.all), default=0)
            self._records, self._last_facts = recorded_failovers(self._ledger, newest), facts
        return [record for record in self._records if record.product == product_id]

    def _new_changes(self, product: Product) -> Iterator[SiteChange]:
        """Yield the changes after the newest recorded one, even if its site is no longer configured."""
        sites = site_histories(self._ledger, product)
        final_until = sites_final_until(sites)
        if final_until is None:
            return
        last = self._last_active(product.id)
        starts = [timeline.first for timeline in sites.values() if timeline.first is not None]
        start = min(starts, default=final_until) if last is None else last[1]
        window = Interval(min(start, final_until), final_until)
        changes = list(site_changes(sites, window, last if last is not None and last[0] in sites else None))
        if (active := last_active(sites, window)) is not None:
            self._last[product.id] = active
        yield from changes

    def _last_active(self, product_id: str) -> tuple[str, int] | None:
        """Return the active site and the last instant for which it is known; None if no change was recorded or read."""
        recorded = [(record.change.target, record.change.arrived) for record in self._recorded_changes(product_id)]
        read = [self._last[product_id]] if product_id in self._last else []
        return max([*recorded, *read], key=lambda site: site[1], default=None)

    def _record(self, product: Product, change: SiteChange, now: int) -> None:
        fact = site_change_fact(change, product.id, now, AUTHOR)
        self._facts.add([fact])
        log.warning(
            "site_changed", product=product.id, kind=change.kind.value, source=change.source, target=change.target
        )
        self._on_change(FailoverRecord(fact.id, product.id, now, change))

    def _end_if_final(self, record: FailoverRecord, now: int) -> None:
        result = measured_failover(self._ledger, record, now, self._changes_until(record.product, now))
        if result.final:
            self._facts.add([failover_end_fact(record.id, result, record.product, now, AUTHOR)])
            log.warning("failover_ended", product=record.product, met=result.met, reason=result.reason)
            self._on_end(replace(record, result=result))
