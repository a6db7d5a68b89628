"""Metric lines of drills, cached until facts change. Only the last drill of a kind is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.feature_families import DRILL_FAMILIES
from monitor.ledger.product_drills import measured_drill, recorded_drills
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.exporters.exposition import Dialect
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.drill import DrillRecord

_ACTIVE, _AGE, _RECOVERY, _RECOVERY_POINT, _DETECTION, _MET, _OVERDUE = (family.name for family in DRILL_FAMILIES)


class DrillLines:
    """The samples of a ledger's drills."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._facts: Facts | None = None
        self._drills: list[DrillRecord] = []

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the families with samples."""
        if self._facts is not self._ledger.facts:
            self._facts, self._drills = self._ledger.facts, recorded_drills(self._ledger, now)
        lines: dict[str, list[str]] = {family.name: [] for family in DRILL_FAMILIES}
        for name, line in self._samples(now):
            lines[name].append(line)
        return "".join(
            family.head(dialect) + "".join(lines[family.name]) for family in DRILL_FAMILIES if lines[family.name]
        )

    def _samples(self, now: int) -> Iterator[tuple[str, str]]:
        known = [drill for drill in self._drills if drill.drill.product in self._ledger.products]
        newest = {(drill.drill.product, drill.drill.kind.value): drill for drill in known}
        ended_drills = {
            key: drill
            for drill in known
            if drill.end and drill.revoked is None
            for key in [(drill.drill.product, drill.drill.kind.value)]
        }
        for (product, kind), record in newest.items():
            yield _sample(_ACTIVE, int(record.end is None), product=product, kind=kind)
        for (product, kind), record in ended_drills.items():
            yield from self._ended_drill(record, now, product=product, kind=kind)
        for product in dict.fromkeys(drill.drill.product for drill in known):
            overdue = sum(len(drill.overdue(now)) for drill in known if drill.drill.product == product)
            yield _sample(_OVERDUE, overdue, product=product)

    def _ended_drill(self, record: DrillRecord, now: int, **labels: str) -> Iterator[tuple[str, str]]:
        result = measured_drill(self._ledger, record, now)
        if record.end is not None:
            yield _sample(_AGE, (now - record.end.at) / SECOND, **labels)
        for bound, value in result.recovery._asdict().items():
            if value is not None:
                yield _sample(_RECOVERY, value / SECOND, **labels, bound=bound)
        for name, length in ((_RECOVERY_POINT, result.lost), (_DETECTION, result.detection)):
            if length is not None:
                yield _sample(name, length / SECOND, **labels)
        if result.met is not None:
            yield _sample(_MET, int(result.met), **labels)


def _sample(name: str, value: float, **labels: str) -> tuple[str, str]:
    return name, f"{series(name, **labels)}{value!r}\n"
