"""The runs of journeys in memory: those with a pending clean-up, and those that may have left data behind."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from sla.intent import Closing, add_entry
from sla.interval import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sla.intent import Entry, Run

KEPT_TIME: Final = 30 * DAY  # how long a run that may have left data behind is kept


def is_needed(run: Run, now: int) -> bool:
    """Return whether a closed run is still needed."""
    return run.closing is not None and run.closing.left_behind and now - run.closing.at < KEPT_TIME


class JourneyRegister:
    """The open runs by id, and the number of runs that may have left data behind, by owner (`product/check`)."""

    def __init__(self, runs: Mapping[str, Run] | None = None) -> None:
        self._open = {name: run for name, run in (runs or {}).items() if run.closing is None}
        closings = [(run.closing, run.owner) for run in (runs or {}).values() if run.closing is not None]
        self._closings: deque[tuple[Closing, str]] = deque()  # runs that may have left data behind, oldest first
        self.left_behind: Counter[str] = Counter()
        for closing, owner in sorted(closings, key=lambda pair: pair[0].at):
            self._count(closing, owner)

    def add(self, entry: Entry) -> None:
        """Add an entry to its run. A closed run is no longer kept."""
        add_entry(self._open, entry)
        if isinstance(entry, Closing) and (run := self._open.pop(entry.run, None)) is not None:
            self._count(entry, run.owner)

    def _count(self, closing: Closing, owner: str) -> None:
        if closing.left_behind:
            self._closings.append((closing, owner))
            self.left_behind[owner] += 1

    def forget(self, now: int) -> None:
        """Remove from the counts the runs that may have left data behind more than `KEPT_TIME` ago."""
        while self._closings and now - self._closings[0][0].at >= KEPT_TIME:
            self.left_behind -= Counter([self._closings.popleft()[1]])

    def run(self, name: str) -> Run | None:
        """Return the open run with this id, None if there is none."""
        return self._open.get(name)

    @property
    def open_runs(self) -> Sequence[Run]:
        """The open runs, oldest first."""
        return list(self._open.values())
