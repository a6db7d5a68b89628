"""Metric lines of the silences in force. They are read once for each set of facts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.families import SILENCES
from sla.silence import Silence, silences

if TYPE_CHECKING:
    from monitor.exporters.exposition import Dialect
    from monitor.facts.known_facts import Facts
    from monitor.ledger.ledger import Ledger

_COVERS = {each: series(SILENCES.name, covers=each) for each in ("all", "product", "alert")}


class SilenceLines:
    """Counts the silences of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._facts: Facts | None = None
        self._silences: list[Silence] = []

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the family, with a sample for each kind of silence."""
        if self._facts is not self._ledger.facts:
            self._facts, self._silences = self._ledger.facts, silences(self._ledger.facts.all)
        found = Counter(_covered(each) for each in self._silences if each.made <= now < each.until)
        return SILENCES.head(dialect) + "".join(f"{line}{found[name]}\n" for name, line in _COVERS.items())


def _covered(silence: Silence) -> str:
    return "alert" if silence.key else "product" if silence.product else "all"
