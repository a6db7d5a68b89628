"""Write the history of another monitor as runs of a new record, with its source and its resolution.

Single results become observations. Counts of an hour or a day become a run only if all its probes had the same result
and none is missing; any other hour or day is unknown, because the instants of its failures are not known. A state from
a log of changes becomes a run with a probe per interval, the first one at the change.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.ledger.open_run import OpenRun
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.fact import IMPORT, Fact
from sla.observation import Observation, Outcome, Run
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from monitor.config.model import CheckBase

REASON: Final = "imported"
"""The reason code of a bad observation from another monitor."""

_COMPLETE: Final = 0.95  # share of the expected probes from which a count is complete; probes of peers are often late


@dataclass(frozen=True, slots=True)
class Result:
    """A single result of another monitor. `at` is in microseconds, `latency` too; None if it was not measured."""

    at: int
    good: bool
    latency: int | None = None


@dataclass(frozen=True, slots=True)
class ResultCount:
    """Counts of results in `[start, start + length)`, microseconds."""

    start: int
    length: int
    good: int
    bad: int

    @property
    def end(self) -> int:
        """The end of the interval."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class State:
    """The state in `[start, end)`, microseconds, of a source that records changes only."""

    start: int
    end: int
    good: bool


@dataclass(slots=True)
class SourceHistory:
    """The history of one monitor of the source, in any order. A source has states, or results and counts."""

    results: list[Result] = field(default_factory=list)
    counts: list[ResultCount] = field(default_factory=list)
    states: list[State] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportedCheck:
    """The imported history of a check.

    `uncertain` are the counts that became unknown time, because they have failures or are incomplete. `states` is the
    number of states from a log of changes.
    """

    key: str
    runs: list[Run]
    results: int
    counts: int
    uncertain: int
    states: int = 0

    @property
    def start(self) -> int:
        """The first observation."""
        return self.runs[0].first

    @property
    def end(self) -> int:
        """The last observation."""
        return self.runs[-1].last

    def as_json(self) -> dict[str, Any]:
        """Return the description of the import for its fact."""
        return {
            "start": format_instant(self.start),
            "end": format_instant(self.end),
            "results": self.results,
            "counts": self.counts,
            "uncertain_counts": self.uncertain,
            **({"states": self.states} if self.states else {}),
        }


@dataclass(frozen=True, slots=True)
class HistorySource:
    """The source of a history: the tool, the name of its file or its address, and the SHA-256 digest of the file."""

    tool: str
    name: str
    sha256: str | None = None

    @classmethod
    def of_file(cls, tool: str, path: Path) -> HistorySource:
        """Return the source of a file.

        Raises:
            NinewatchError: it cannot be read.
        """
        try:
            with path.open("rb") as file:
                return cls(tool, path.name, hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise NinewatchError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None


def imported_checks(
    checks: Mapping[str, CheckBase], histories: Mapping[str, SourceHistory], source: HistorySource, now: int
) -> list[ImportedCheck]:
    """Return the imported history of each check that has one, by `product/check`.

    Results before 1970 or after `now` are ignored.

    Raises:
        NinewatchError: no check has a history.
    """
    imported = [
        item
        for key, history in histories.items()
        if key in checks and (item := _imported(key, checks[key], history, now)).runs
    ]
    if not imported:
        raise NinewatchError(
            f"{source.name}: has no results of the checks; without a history, start with an empty record"
        )
    return imported


def write_history(imported: Iterable[ImportedCheck], source: HistorySource, record: Path, now: int) -> None:
    """Create a record with the imported checks.

    A fact about each product names the source and the extent of each check.

    Raises:
        NinewatchError: the record exists, or cannot be written.
    """
    refuse_existing(record)
    imported = list(imported)
    by_product: dict[str, dict[str, Any]] = defaultdict(dict)
    for item in imported:
        by_product[item.key.partition("/")[0]][item.key] = item.as_json()
    body = {"tool": source.tool, "file": source.name, "sha256": source.sha256}
    facts = [Fact.of(now, "import", IMPORT, product, body | {"checks": items}) for product, items in by_product.items()]
    store = SqliteStore(record, now)
    try:
        store.write(Batch(runs=[run for item in imported for run in item.runs], facts=facts))
    finally:
        store.close()


def refuse_existing(record: Path) -> None:
    """Check that there is no record.

    Raises:
        NinewatchError: it exists.
    """
    if record.exists() and record.stat().st_size:
        raise NinewatchError(f"{record} exists and was not changed; a history is written to a new record only")


def _imported(key: str, check: CheckBase, history: SourceHistory, now: int) -> ImportedCheck:
    """Return the runs of a check, in order of time and without overlaps.

    A count is used only where the single results are fewer than it counts; then these results are not used.
    """
    results = {result.at: result for result in history.results if 0 <= result.at <= now}
    instants = sorted(results)
    used, counts = [], []
    position = 0
    for count in _without_overlaps(history.counts, now):
        first, last = bisect_left(instants, count.start), bisect_left(instants, count.end)
        if last - first < count.good + count.bad:
            counts.append(count)
            used += instants[position:first]
            position = last
    used += instants[position:]
    single = _runs_of_results(key, [results[at] for at in used], check.effective_hold)
    certain = [run for count in counts if (run := _run_of_count(key, count, check)) is not None]
    states = [_run_of_state(key, state, check) for state in _states_in_order(history.states, now)]
    runs = sorted([*single, *certain, *states], key=lambda run: run.first)
    return ImportedCheck(key, runs, len(used), len(counts), len(counts) - len(certain), len(states))


def _without_overlaps(counts: list[ResultCount], now: int) -> list[ResultCount]:
    """Return the counts in order of time. Of overlapping ones, the shorter is used."""
    chosen: list[ResultCount] = []
    for count in sorted(counts, key=lambda count: (count.length, count.start)):
        at = bisect_left(chosen, count.start, key=lambda other: other.start)
        follows = at == 0 or chosen[at - 1].end <= count.start
        if follows and (at == len(chosen) or count.end <= chosen[at].start) and 0 <= count.start < now:
            chosen.insert(at, count)
    return chosen


def _runs_of_results(key: str, results: list[Result], hold: int) -> Iterator[Run]:
    run: OpenRun | None = None
    for result in results:
        outcome, reason = (Outcome.GOOD, "") if result.good else (Outcome.BAD, REASON)
        observation = Observation(key, result.at, outcome, reason, result.latency)
        if run is None:
            run = OpenRun(Run.of(observation, hold))
        elif (finished := run.add(observation, hold)) is not None:
            yield finished
    if run is not None:
        yield run.run()


def _run_of_count(key: str, count: ResultCount, check: CheckBase) -> Run | None:
    """Return the run of a count, evenly spaced over its interval. None if the states within it are not known."""
    number = count.good + count.bad
    is_complete = number >= _COMPLETE * count.length / check.interval
    if not is_complete or (count.good and count.bad):
        return None
    outcome, reason = (Outcome.GOOD, "") if count.good else (Outcome.BAD, REASON)
    gap = count.length // number
    first = count.start + gap // 2
    return Run(key, outcome, reason, first, first + (number - 1) * gap, number, check.effective_hold)


def _states_in_order(states: list[State], now: int) -> list[State]:
    """Return the states until `now` in order of time. A state ends where the next one starts."""
    ordered = sorted((state for state in states if 0 <= state.start < now), key=lambda state: state.start)
    ends = (*(state.start for state in ordered[1:]), now)
    cut = (State(state.start, min(state.end, end), state.good) for state, end in zip(ordered, ends, strict=False))
    return [state for state in cut if state.end > state.start]


def _run_of_state(key: str, state: State, check: CheckBase) -> Run:
    """Return the run of a state: a probe per interval, the last one before the state's end."""
    number = -((state.start - state.end) // check.interval)
    outcome, reason = (Outcome.GOOD, "") if state.good else (Outcome.BAD, REASON)
    last = state.start + (number - 1) * check.interval
    return Run(key, outcome, reason, state.start, last, number, check.effective_hold)
