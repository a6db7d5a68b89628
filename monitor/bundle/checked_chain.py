"""The check of a chain of heads: against the part of a record that a bundle holds, or against the record itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.as_of import Recorded
from monitor.storage.reader import reading
from sla.chain_check import Break, Chain, Record, breaks, late_runs
from sla.interval import DAY
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sla.chain import Head, Series
    from sla.observation import Run


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """The heads of a chain, where it is broken, and what else there is to know of it."""

    heads: Sequence[Head] = ()
    breaks: Sequence[Break] = ()
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it for programs: `since` and `until` are the first and last day that heads close."""
        return {
            "heads": len(self.heads),
            "since": self.heads[0].first_date if self.heads else None,
            "until": self.heads[-1].date if self.heads else None,
            "breaks": [each.as_json() for each in self.breaks],
            "notes": list(self.notes),
        }

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        if not self.heads:
            yield "chain: no day has a head yet, so nothing shows whether the record was edited"
            return
        end = format_instant((self.heads[-1].day + 1) * DAY)
        state = f"broken at {len(self.breaks)} places" if self.breaks else "all agree"
        yield f"chain: {len(self.heads)} heads, the record until {end}: {state}; what came later has no head yet"
        yield from (f"note: {note}" for note in self.notes)


def check(chain: Chain, recorded: Recorded) -> CheckedChain:
    """Return the check of a chain against what was recorded."""
    runs: dict[Series, list[Run]] = {}
    for run in recorded.runs:
        runs.setdefault((run.check, run.vantage), []).append(run)
    record = Record(runs, recorded.facts, recorded.incidents)
    return CheckedChain(chain.heads, list(breaks(chain, record)), list(_notes(chain, record)))


def check_record(path: Path) -> CheckedChain:
    """Return the check of a record on disk, which a daemon may have open.

    Raises:
        StoreError: there is no record, it is damaged, or it cannot be read.
    """
    with reading(path) as found:
        recorded = Recorded(found.load_runs(), (), found.load_incidents(), found.load_unchecked_facts())
        return check(found.load_chain(), recorded)


def _notes(chain: Chain, record: Record) -> Iterator[str]:
    if chain.begin > 1:
        head = next(head for head in chain.heads if head.number == chain.begin)
        made = format_instant(head.made)
        yield f"head {head.number}, made {made}, covers the whole record anew: earlier heads do not prove its content"
    late = {run.check for run in late_runs(chain, record)}
    if late:
        yield f"recorded after their day was closed and not covered by a head yet: runs of {', '.join(sorted(late))}"
