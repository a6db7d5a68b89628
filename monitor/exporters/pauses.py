"""Metric lines of paused checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.families import PAUSED

if TYPE_CHECKING:
    from monitor.exporters.exposition import Dialect
    from monitor.ledger.ledger import Ledger


class PauseLines:
    """The samples of a ledger's paused checks."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the family with one sample per paused check."""
        facts, paused = self._ledger.facts, list[str]()
        for name in dict.fromkeys(pause.product for pause in facts.all_pauses):
            entries = self._ledger.entries_of(name) if name in self._ledger.products else ()
            paused += [entry.key for entry in entries if facts.pause(entry.key, now) is not None]
        return PAUSED.head(dialect) + "".join(f"{_series(key)}1\n" for key in paused)


def _series(key: str) -> str:
    product, _, check = key.partition("/")
    return series(PAUSED.name, product=product, check=check)
