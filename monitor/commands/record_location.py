"""The location of the daemon's record, for commands that read it or add facts to its journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from monitor import zones
from monitor.commands.config_option import load_config
from monitor.config.former_ids import FormerIdMap
from monitor.config.model import Portfolio
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.storage.reader import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.correction import Correction, Revocation


@dataclass(frozen=True, slots=True)
class RecordLocation:
    """The record of a daemon, the zone of local times, and the product ids (None without a configuration)."""

    record: Path
    zone: ZoneInfo
    products: Sequence[str] | None
    former_ids: FormerIdMap = field(default_factory=FormerIdMap)

    @property
    def journal(self) -> Journal:
        """The journal next to the record."""
        return Journal.of(self.record)

    def facts(self) -> Facts:
        """Return the facts of record and journal, either of which may lack some."""
        return Facts(facts_of(self.record), self.journal.read(), former_ids=self.former_ids)

    def corrections(self) -> Sequence[Correction | Revocation]:
        """Return corrections and revocations, oldest first."""
        return self.facts().corrections.facts


def location_of(path: Path | None) -> RecordLocation:
    """Return the location for a configuration; the defaults for None."""
    if path is None:
        fields = Portfolio.model_fields
        return RecordLocation(fields["store"].default, zones.zone(fields["time_zone"].default), None)
    portfolio = load_config(path)[1]
    return RecordLocation(
        portfolio.store, portfolio.zone, [product.id for product in portfolio.products], FormerIdMap.of(portfolio)
    )


def require_record(path: Path | None) -> RecordLocation:
    """Return the location of an existing record.

    Raises:
        NinewatchError: the record does not exist.
    """
    location = location_of(path)
    if not location.record.exists():
        remedy = "start the daemon once with `ninewatch run`" if path else "specify the daemon's configuration with -c"
        raise NinewatchError(f"no record at {location.record}; {remedy}")
    return location
