"""Metric lines of the active silences, which are cached until facts change."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.families import SILENCES
from sla.silence import Silence, silences

if TYPE_CHECKING:
    from monitor.exporters.exposition import Dialect
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger

_SCOPES = {scope: series(SILENCES.name, covers=scope) for scope in ("all", "product", "alert")}


class SilenceLines:
    """The samples of a ledger's active silences by scope."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._facts: Facts | None = None
        self._silences: list[Silence] = []

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the family with one sample per scope."""
        if self._facts is not self._ledger.facts:
            self._facts, self._silences = self._ledger.facts, silences(self._ledger.facts.all)
        counts = Counter(_scope(silence) for silence in self._silences if silence.made <= now < silence.until)
        return SILENCES.head(dialect) + "".join(f"{line}{counts[name]}\n" for name, line in _SCOPES.items())


def _scope(silence: Silence) -> str:
    return "alert" if silence.key else "product" if silence.product else "all"
