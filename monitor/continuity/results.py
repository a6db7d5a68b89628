"""Record the effects of failures on open transactions, as facts and as recovery points of drills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from monitor.ledger.continuity_register import KEPT_AFTER_END, owner_of
from monitor.ledger.product_drills import recorded_drills
from sla.continuity import (
    TransactionState,
    continuity_results,
    failures,
    open_at_failure,
    recovery_point_without_failure,
    result,
    transaction_state,
)
from sla.continuity import unobserved_failure as loss_without_downtime
from sla.drill_facts import drill_recovery_point
from sla.interval import DAY, Interval
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from monitor.clock import Clock
    from monitor.ledger.ledger import Ledger
    from sla.availability import Bounds
    from sla.continuity import ContinuityResult, Failure
    from sla.drill import DrillRecord
    from sla.fact import Fact
    from sla.intent import Run
    from sla.states import Piece

log = structlog.get_logger()

AUTHOR: Final = "ninewatch"
OBSERVED_HISTORY: Final = DAY  # length of the product's history to read; longer than most failures
SOURCE: Final = "continuity probe "  # prefix of the source of recovery points


class ResultRecorder:
    """Records each failure once per transaction, after all runs that were open at the failure were read back."""

    def __init__(self, ledger: Ledger, add_facts: Callable[[Sequence[Fact]], None], clock: Clock) -> None:
        self._ledger, self._add, self._clock = ledger, add_facts, clock

    def record(self) -> None:
        """Record the results that are complete now."""
        now = self._clock.now()
        for product in self._ledger.portfolio.products:
            if product.continuity:
                pieces = list(self._ledger.compositions[product.id].pieces(Interval(now - OBSERVED_HISTORY, now)))
                for transaction in product.continuity:
                    self._record(product.id, transaction.id, pieces, now)

    def _record(self, product: str, transaction: str, pieces: Sequence[Piece], now: int) -> None:
        runs = self._ledger.continuity.runs(owner_of(product, transaction))
        if not runs:
            return
        facts = self._ledger.facts
        results = continuity_results((fact for fact in facts.all if facts.is_about(fact, product)), now)
        known = [known_result for known_result in results if known_result.transaction == transaction]
        for failure, open_runs in self._new_failures(known, runs, pieces):
            new_result = result(product, transaction, open_runs, failure, failure.until)
            log.warning("continuity_result", product=product, result=new_result.summary)
            self._add([new_result.fact(now, AUTHOR), *self._points(new_result, now)])
        if points := list(self._points_without_failure(product, transaction, runs, now)):
            self._add(points)

    def _new_failures(
        self, known: Sequence[ContinuityResult], runs: Sequence[Run], pieces: Sequence[Piece]
    ) -> Iterator[tuple[Failure, Sequence[Run]]]:
        """Yield each failure without a result, with the runs that were open at the time."""
        recorded = {known_result.failed.high for known_result in known if known_result.failed is not None}
        runs_with_result = {name for known_result in known for name in known_result.runs}
        for failure in failures(pieces):
            if failure.at.low == pieces[0].start:
                continue  # the failure began before the first piece
            open_runs = open_at_failure(runs, failure)
            runs_with_result |= {run.id for run in open_runs}
            if failure.at.high not in recorded and open_runs and not _has_open_run(open_runs):
                yield failure, open_runs
        if pieces and pieces[-1].state.estimate is State.UP:
            lost = [
                run
                for run in runs
                if run.id not in runs_with_result and transaction_state(run) is TransactionState.LOST
            ]
            if lost and _stayed_up(pieces, failure := loss_without_downtime(lost)):
                open_runs = open_at_failure(runs, failure)
                if not _has_open_run(open_runs):
                    yield failure, open_runs

    def _points(self, new_result: ContinuityResult, now: int) -> Iterator[Fact]:
        """Yield the recovery point for each drill that overlaps the failure."""
        if new_result.failed is None:
            return
        for record in recorded_drills(self._ledger, now, new_result.product):
            end = now if record.end is None else record.end.at
            if (
                record.drill.kind.measured
                and record.drill.started <= new_result.failed.high
                and new_result.failed.low <= end
            ):
                yield from self._point(record, new_result, new_result.recovery_point, now)

    def _points_without_failure(self, product: str, transaction: str, runs: Sequence[Run], now: int) -> Iterator[Fact]:
        """Yield a recovery point of zero for an ended drill in which no acknowledged write was lost."""
        for record in recorded_drills(self._ledger, now, product):
            if record.end is None or not record.drill.kind.measured or now - record.end.at > KEPT_AFTER_END:
                continue
            if any(point.source.startswith(f"{SOURCE}{transaction}:") for point in record.points):
                continue
            runs_in_drill = [
                run for run in runs if run.started <= record.end.at and _read_after(run, record.drill.started)
            ]
            new_result = result(product, transaction, runs_in_drill, None, now)
            if runs_in_drill and not _has_open_run(runs_in_drill):
                measured = recovery_point_without_failure(runs_in_drill, Interval(record.drill.started, record.end.at))
                yield from self._point(record, new_result, measured, now)

    def _point(
        self, record: DrillRecord, new_result: ContinuityResult, measured: Bounds[int | None], now: int
    ) -> Iterator[Fact]:
        low, length, high = measured
        if low is not None and length is not None:
            source = f"{SOURCE}{new_result.summary}"
            yield drill_recovery_point(record.id, new_result.product, now, AUTHOR, length, source, (low, high))


def _stayed_up(pieces: Sequence[Piece], failure: Failure) -> bool:
    """Return whether the product was certainly up after the detected loss, without downtime since the last lost write.

    One good probe after an outage is not sufficient: the outage ends only with the next good probe.
    """
    up = next((piece.start for piece in pieces if piece.state is State.UP and piece.end > failure.until), None)
    since = [piece for piece in pieces if piece.end > failure.at.low]
    return up is not None and not any(piece.state is State.DOWN and piece.start < up for piece in since)


def _has_open_run(runs: Sequence[Run]) -> bool:
    return any(transaction_state(run) is TransactionState.OPEN for run in runs)


def _read_after(run: Run, instant: int) -> bool:
    return run.closing is None or (run.reading is not None and run.reading.at >= instant)
