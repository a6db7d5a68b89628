"""Determine whether a failover preserved the transactions in flight, and how much acknowledged data was lost.

A synthetic transaction is a run (`sla/intent.py`) of two writes: `begin` opens it, `finish` completes it. Then it is
read back. The recovery point actual (RPA) is the time from the oldest missing acknowledged write to the failure, zero
if no write is missing. Its bounds:

- low: from the acknowledgement of that write to the earliest instant of the failure. The failure is not earlier than
  the last acknowledgement of a missing write.
- high: from sending the last earlier write that is present, to the latest instant of the failure: later writes of other
clients may be missing too. None if no earlier write is present.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sla.availability import Bounds
from sla.drill import as_seconds
from sla.fact import Fact
from sla.intent import WriteOutcome
from sla.interval import SECOND
from sla.states import State
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sla.intent import Run
    from sla.interval import Interval
    from sla.states import Piece

CONTINUITY: Final = "continuity"  # kind of the facts with results
BEGIN: Final = "begin"
FINISH: Final = "finish"
WRITES: Final = (BEGIN, FINISH)


class TransactionState(StrEnum):
    """The state of a transaction after it was read back.

    NEVER_ACKNOWLEDGED: a write was not acknowledged, and no acknowledged write is missing. OPEN: not read back yet.
    UNVERIFIED: it can no longer be read back.
    """

    PRESERVED = "preserved"
    LOST = "lost"
    DUPLICATED = "duplicated"
    NEVER_ACKNOWLEDGED = "never_acknowledged"
    OPEN = "open"
    UNVERIFIED = "unverified"


def transaction_state(run: Run) -> TransactionState:
    """Return the state of a transaction. LOST takes precedence over DUPLICATED, and both over NEVER_ACKNOWLEDGED."""
    acknowledged = [step for step in WRITES if run.acknowledged(step) is not None]
    sent = [step for step in WRITES if run.outcome(step) is not None]
    if run.reading is None:
        if run.closing is None:
            return TransactionState.OPEN
        return TransactionState.UNVERIFIED if acknowledged else TransactionState.NEVER_ACKNOWLEDGED
    copies = run.reading.copies
    if any(copies.get(step, 0) == 0 for step in acknowledged):
        return TransactionState.LOST
    if any(count > 1 for count in copies.values()):
        return TransactionState.DUPLICATED
    return TransactionState.PRESERVED if sent == acknowledged else TransactionState.NEVER_ACKNOWLEDGED


class Failure(NamedTuple):
    """A failure: its instant with bounds, and the instant from which the product was up again."""

    at: Bounds[int]
    until: int


def failures(pieces: Iterable[Piece]) -> list[Failure]:
    """Return the ended failures: each time without certain uptime that contains certain downtime."""
    spans = [(is_up, list(group)) for is_up, group in groupby(pieces, lambda piece: piece.state is State.UP)]
    ended_failures = []
    for (is_up, span), (_, following) in pairwise(spans):
        certain = None if is_up else next((piece.start for piece in span if piece.state is State.DOWN), None)
        if certain is not None:
            point = next(piece.start for piece in span if piece.state.estimate is State.DOWN)
            ended_failures.append(Failure(Bounds(span[0].start, point, certain), following[0].start))
    return ended_failures


def unobserved_failure(lost: Sequence[Run]) -> Failure:
    """Return the failure that lost the transactions, if no downtime was observed.

    It was between the last acknowledgement of a missing write and the first reading that showed a loss.
    """
    writes = [write.acknowledged for write in _writes(lost) if not write.present]
    readings = [write.reading.at for write in lost if write.reading is not None]
    low, high = max(writes), max(max(writes), min(readings))
    return Failure(Bounds(low, low + (high - low) // 2, high), high)


class _Write(NamedTuple):
    """An acknowledged write that was read back: whether it is present, and when it was sent."""

    acknowledged: int
    sent: int
    present: bool


def _writes(runs: Iterable[Run]) -> list[_Write]:
    """Return the acknowledged writes that were read back, by the instant of their acknowledgement."""
    return sorted(write for run in runs for write in _writes_of(run))


def _writes_of(run: Run) -> Iterator[_Write]:
    for step in WRITES:
        at, sent = run.acknowledged(step), run.sent(step)
        if at is not None and sent is not None and run.reading is not None:
            yield _Write(at, sent, run.reading.copies.get(step, 0) > 0)


@dataclass(frozen=True, slots=True)
class ContinuityResult:
    """The effect of a failure on the transactions that were open. Instants and durations are microseconds.

    `failed` is None if no failure was observed. `recovery_point` is None in all bounds if no acknowledged write was
    read back. `runs` are the ids of the transactions that are not preserved.
    """

    product: str
    transaction: str
    failed: Bounds[int] | None
    until: int
    counts: Mapping[str, int]
    recovery_point: Bounds[int | None]
    runs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        failed = None if self.failed is None else {k: format_instant(v) for k, v in self.failed._asdict().items()}
        return {
            "product": self.product,
            "transaction": self.transaction,
            "failed": failed,
            "until": format_instant(self.until),
            "counts": {state.value: self.counts.get(state.value, 0) for state in TransactionState},
            "rpa_seconds": {name: as_seconds(value) for name, value in self.recovery_point._asdict().items()},
            "runs": list(self.runs),
        }

    def fact(self, made: int, author: str) -> Fact:
        """Return the result as a fact of the record."""
        return Fact.of(made, author, CONTINUITY, self.product, self.as_json())

    @property
    def summary(self) -> str:
        """The result as one line."""
        counts = [f"{count} {state.replace('_', ' ')}" for state, count in sorted(self.counts.items())]
        return f"{self.transaction}: {', '.join(counts) or 'no transaction'}"


def open_at_failure(runs: Iterable[Run], failure: Failure) -> list[Run]:
    """Return the transactions that were open at the failure: begun before its latest instant, read back later."""
    return [
        run
        for run in runs
        if run.started <= failure.at.high
        and (run.closing is None or run.closing.at >= failure.at.low)
        and (run.reading is None or run.reading.at >= failure.at.low)
    ]


def result(
    product: str, transaction: str, runs: Sequence[Run], failure: Failure | None, until: int
) -> ContinuityResult:
    """Return the result for `runs`: the transactions that were open at the failure, or all if there was no failure."""
    states = {run.id: transaction_state(run) for run in runs}
    unaffected = (TransactionState.PRESERVED, TransactionState.OPEN)
    affected = tuple(run for run, state in states.items() if state not in unaffected)
    failed = None if failure is None else failure.at
    counts = Counter(state.value for state in states.values())
    return ContinuityResult(product, transaction, failed, until, counts, recovery_point(runs, failed), affected)


def recovery_point(runs: Iterable[Run], failed: Bounds[int] | None) -> Bounds[int | None]:
    """Return the recovery point actual with its bounds. Without a failure it is zero, or unknown if writes are missing.

    It is above zero if a write is missing. Only writes acknowledged by the latest instant of the failure count.
    """
    writes = [write for write in _writes(runs) if failed is None or write.acknowledged <= failed.high]
    missing = next((write for write in writes if not write.present), None)
    if not writes or (failed is None and missing is not None):
        return Bounds(None, None, None)
    if failed is None:
        return Bounds(0, 0, None)
    sent = [write.sent for write in writes if write.present and (missing is None or write < missing)]
    if missing is None:
        return Bounds(0, 0, failed.high - max(sent))
    failed = _after_missing(failed, [write.acknowledged for write in writes if not write.present])
    low, point = failed.low - missing.acknowledged, max(1, failed.point - missing.acknowledged)
    return Bounds(low, point, max(point, failed.high - max(sent)) if sent else None)


def _after_missing(failed: Bounds[int], missing: Sequence[int]) -> Bounds[int]:
    """Return the bounds of the failure, limited to the time after the last acknowledgement of a lost write."""
    low = max(failed.low, *missing)
    return Bounds(low, failed.point if failed.point >= low else low + (failed.high - low) // 2, failed.high)


def recovery_point_without_failure(runs: Iterable[Run], drill: Interval) -> Bounds[int | None]:
    """Return the recovery point of a drill in which no downtime was observed: zero if no write is missing.

    The failure may have been at any instant of the drill, so `high` is the longest time without a write that is
    present. None if no such write was sent before the drill.
    """
    low, point, _ = recovery_point(writes := list(runs), None)
    sent = [write.sent for write in _writes(writes) if write.present and write.sent < drill.end]
    before = [instant for instant in sent if instant <= drill.start]
    if point is None or not before:
        return Bounds(low, point, None)
    instants = sorted([max(before), *(instant for instant in sent if instant > drill.start), drill.end])
    return Bounds(low, point, max(later - earlier for earlier, later in pairwise(instants)))


def continuity_results(facts: Iterable[Fact], at: int) -> list[ContinuityResult]:
    """Return the recorded results until the instant, in order. Facts that cannot be read are ignored."""
    results = []
    for fact in facts:
        if fact.kind == CONTINUITY and fact.made <= at:
            with suppress(KeyError, TypeError, ValueError, OverflowError):
                results.append(_read(fact.product, fact.content()))
    return results


def _read(product: str, body: Mapping[str, Any]) -> ContinuityResult:
    failed = body["failed"]
    counts = {TransactionState(state).value: int(count) for state, count in body["counts"].items() if count}
    low, point, high = (body["rpa_seconds"][name] for name in Bounds._fields)
    return ContinuityResult(
        product,
        str(body["transaction"]),
        None if failed is None else Bounds(*(parse_instant(str(failed[name])) for name in Bounds._fields)),
        parse_instant(str(body["until"])),
        counts,
        Bounds(*(None if seconds is None else round(seconds * SECOND) for seconds in (low, point, high))),
        tuple(map(str, body["runs"])),
    )


def possibly_left_behind(run: Run) -> bool:
    """Return whether writes of a closed run may still exist on the target."""
    return run.closing is not None and run.closing.left_behind


def may_exist(run: Run) -> bool:
    """Return whether any write of the run may have had an effect, so that a clean-up is needed."""
    return any(run.outcome(step) in (WriteOutcome.ACKNOWLEDGED, WriteOutcome.INDETERMINATE) for step in run.steps)
