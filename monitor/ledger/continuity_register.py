"""The runs of the continuity probe in memory: those of the intent log, by owner."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sla.continuity import TransactionState, possibly_left_behind, transaction_state
from sla.intent import Closing, add_entry
from sla.interval import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sla.intent import Entry, Run

KEPT_AFTER_END: Final = 2 * HOUR  # how long a preserved run is kept after its end, for the result of a failure
KEPT_AFFECTED: Final = 30 * DAY  # how long other runs are kept
_FINAL_STATES: Final = (TransactionState.PRESERVED, TransactionState.NEVER_ACKNOWLEDGED)


def owner_of(product: str, transaction: str) -> str:
    """Return the owner of the runs of a transaction."""
    return f"{product}/{transaction}"


def is_kept(run: Run, now: int) -> bool:
    """Return whether a run is still needed."""
    if run.closing is None:
        return True
    finished = transaction_state(run) in _FINAL_STATES and not possibly_left_behind(run)
    return now - run.closing.at < (KEPT_AFTER_END if finished else KEPT_AFFECTED)


class ContinuityRegister:
    """All runs by owner. `closed` counts the runs that this process closed, by owner and state."""

    def __init__(self, runs: Mapping[str, Run] | None = None) -> None:
        self._runs: dict[str, dict[str, Run]] = {}
        self.closed: Counter[tuple[str, TransactionState]] = Counter()
        for run in (runs or {}).values():
            self._runs.setdefault(run.owner, {})[run.id] = run

    @property
    def owners(self) -> Sequence[str]:
        """The owners that have runs."""
        return list(self._runs)

    def add(self, owner: str, entry: Entry) -> Run:
        """Add an entry to a run of the owner, and return the run."""
        runs = self._runs.setdefault(owner, {})
        add_entry(runs, entry)
        run = runs[entry.run]
        if isinstance(entry, Closing):
            self.closed[owner, transaction_state(run)] += 1
        return run

    def runs(self, owner: str) -> Sequence[Run]:
        """Return the runs of the owner, oldest first."""
        return list(self._runs.get(owner, {}).values())

    def open_runs(self, owner: str) -> Sequence[Run]:
        """Return the runs of the owner that are not closed, oldest first."""
        return [run for run in self._runs.get(owner, {}).values() if run.closing is None]

    def states(self, owner: str) -> Counter[TransactionState]:
        """Return the number of kept runs of the owner in each state."""
        return Counter(transaction_state(run) for run in self.runs(owner))

    def left_behind(self, owner: str) -> int:
        """Return the number of runs of the owner whose writes may still exist on the target."""
        return sum(possibly_left_behind(run) for run in self.runs(owner))

    def forget(self, now: int) -> None:
        """Remove the runs that are no longer needed."""
        for owner, runs in list(self._runs.items()):
            kept_runs = {name: run for name, run in runs.items() if is_kept(run, now)}
            if kept_runs:
                self._runs[owner] = kept_runs
            else:
                del self._runs[owner]
