"""Metric lines of sites: active site, direct checks, last failover per product and kind, downtime by design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.feature_families import SITE_FAMILIES
from monitor.exporters.product_selection import ProductSelection
from monitor.ledger.designed_downtime import designed_downtime
from monitor.ledger.product_sites import active_site_of, direct_states, measured_failover, recorded_failovers
from sla.interval import SECOND
from sla.sites import SiteState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.exporters.exposition import Dialect
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.failover_facts import FailoverRecord

_ACTIVE, _STATE, _DIRECT, _DURATION, _DOWNTIME, _MET, _DESIGNED = (family.name for family in SITE_FAMILIES)


class SiteLines:
    """The samples of the sites of a ledger's products. Recorded changes are cached until facts change."""

    def __init__(self, ledger: Ledger) -> None:
        self._with_sites = ProductSelection(lambda product: bool(product.sites) or product.down_by_design is not None)
        self._ledger = ledger
        self._facts: Facts | None = None
        self._records: list[FailoverRecord] = []

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the families with samples."""
        lines: dict[str, list[str]] = {family.name: [] for family in SITE_FAMILIES}
        for product in self._with_sites.of(self._ledger.portfolio):
            if product.sites:
                for name, line in self._samples(product, now):
                    lines[name].append(line)
            if product.down_by_design is not None:
                designed = designed_downtime(self._ledger, product, now) is not None
                name, line = _sample(_DESIGNED, int(designed), product=product.id)
                lines[name].append(line)
        return "".join(
            family.head(dialect) + "".join(lines[family.name]) for family in SITE_FAMILIES if lines[family.name]
        )

    def _samples(self, product: Product, now: int) -> Iterator[tuple[str, str]]:
        active = active_site_of(self._ledger, product, now)
        for state in SiteState:
            yield _sample(_STATE, int(active.state is state), product=product.id, state=state.value)
        for site, direct in direct_states(self._ledger, product, now).items():
            if active.state in (SiteState.ONE, SiteState.NONE):
                yield _sample(_ACTIVE, int(active.site == site), product=product.id, site=site)
            if direct in ("up", "down"):
                yield _sample(_DIRECT, int(direct == "up"), product=product.id, site=site)
        yield from self._failovers(product, now)

    def _failovers(self, product: Product, now: int) -> Iterator[tuple[str, str]]:
        """Yield the figures of the last failover and the last failback."""
        if self._facts is not self._ledger.facts:
            self._facts, self._records = self._ledger.facts, recorded_failovers(self._ledger, now)
        records = [record for record in self._records if record.product == product.id]
        for kind, record in {record.change.kind.value: record for record in records}.items():
            result = measured_failover(self._ledger, record, now, records)
            for name, figure in ((_DURATION, result.duration), (_DOWNTIME, result.downtime)):
                for bound, value in figure._asdict().items():
                    if value is not None:
                        yield _sample(name, value / SECOND, product=product.id, kind=kind, bound=bound)
            if result.met is not None:
                yield _sample(_MET, int(result.met), product=product.id, kind=kind)


def _sample(name: str, value: float, **labels: str) -> tuple[str, str]:
    return name, f"{series(name, **labels)}{value!r}\n"
