"""Check a chain of heads against the part of a record in a bundle, or against the record itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor.as_of import RecordContent
from monitor.bundle.anchored import Anchors, Trust, anchors_of
from monitor.storage.reader import reading
from sla.chain_check import Break, Chain, Record, find_breaks, late_runs
from sla.interval import DAY
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sla.chain import Head, Series
    from sla.observation import Run


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """The result of a check: heads, breaks, notes and anchors of a chain."""

    heads: Sequence[Head] = ()
    breaks: Sequence[Break] = ()
    notes: Sequence[str] = ()
    anchors: Anchors = field(default_factory=Anchors)

    @property
    def is_intact(self) -> bool:
        """Whether the chain has no breaks and no invalid receipts."""
        return not (self.breaks or self.anchors.invalid)

    def as_json(self) -> dict[str, Any]:
        """Return the result for JSON. `since` and `until` are the first and last day with a head."""
        return {
            "heads": len(self.heads),
            "since": self.heads[0].first_date if self.heads else None,
            "until": self.heads[-1].date if self.heads else None,
            "breaks": [chain_break.as_json() for chain_break in self.breaks],
            "anchors": self.anchors.as_json(),
            "notes": list(self.notes),
        }

    def lines(self) -> Iterator[str]:
        """Yield the text lines of the result."""
        if not self.heads:
            yield "chain: no day has a head yet, so edits of the record cannot be detected"
            return
        end = format_instant((self.heads[-1].day + 1) * DAY)
        state = f"broken in {len(self.breaks)} places" if self.breaks else "agrees"
        count = f"{len(self.heads)} head{'' if len(self.heads) == 1 else 's'}"
        yield f"chain: {count}, the record until {end}: {state}; later data has no head yet"
        yield from self.anchors.lines()
        yield from (f"note: {note}" for note in self.notes)

    def broken(self) -> Iterator[str]:
        """Yield a line of text per break and per invalid receipt."""
        yield from map(str, self.breaks)
        for checked in self.anchors.invalid:
            receipt = checked.receipt
            yield f"{receipt.day} (head {receipt.number}), anchor {receipt.anchor}: {checked.error}"


def check(chain: Chain, recorded: RecordContent, trust: Trust) -> CheckedChain:
    """Check a chain against recorded data."""
    runs: dict[Series, list[Run]] = {}
    for run in recorded.runs:
        runs.setdefault((run.check, run.vantage), []).append(run)
    record = Record(runs, recorded.facts, recorded.incidents)
    anchors = anchors_of(chain.heads, chain.begin, recorded.facts, trust)
    return CheckedChain(chain.heads, list(find_breaks(chain, record)), list(_notes(chain, record)), anchors)


def check_record(path: Path, trust: Trust | None = None) -> CheckedChain:
    """Check the chain of a record on disk, which a daemon may have open.

    Raises:
        StoreError: the record does not exist, is damaged, or cannot be read.
    """
    with reading(path) as open_record:
        recorded = RecordContent(
            open_record.load_runs(), (), open_record.load_incidents(), open_record.load_unchecked_facts()
        )
        return check(open_record.load_chain(), recorded, trust or Trust())


def _notes(chain: Chain, record: Record) -> Iterator[str]:
    if chain.begin > 1:
        head = next(head for head in chain.heads if head.number == chain.begin)
        made = format_instant(head.made)
        yield f"head {head.number}, made {made}, covers the entire record again: earlier heads do not prove its content"
    late = {run.check for run in late_runs(chain, record)}
    if late:
        yield f"recorded after the end of their day, without a head yet: runs of {', '.join(sorted(late))}"
