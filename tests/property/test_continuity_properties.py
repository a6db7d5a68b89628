"""Properties of the recovery point, for random writes to a server that loses all writes after an instant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla.availability import Bounds
from sla.continuity import TransactionState, recovery_point, transaction_state
from sla.intent import Answer, Intent, ReadBack, Run, WriteOutcome, entries_of, entry_as_json, entry_from_json, runs_of

FAILURE = 1_000
Written = list[tuple[int, int, int, WriteOutcome]]

writes = st.lists(
    st.tuples(st.integers(0, FAILURE - 10), st.integers(0, 5), st.integers(0, 5), st.sampled_from(WriteOutcome)),
    max_size=12,
)
spread = st.tuples(st.integers(0, 20), st.integers(0, 20))


def history(written: Written, replicated_until: int) -> list[Run]:
    """Return the runs of a server that keeps only the writes that it committed until `replicated_until`."""
    runs = []
    for number, (sent, to_commit, to_answer, outcome) in enumerate(written):
        name, committed = f"r{number}", sent + to_commit
        exists = outcome is not WriteOutcome.FAILED and committed <= replicated_until
        entries = (
            Intent(name, "forms/row", "begin", sent),
            Answer(name, "begin", committed + to_answer, outcome),
            ReadBack(name, FAILURE + 100 + number, {"begin": int(exists)}),
        )
        runs.append(runs_of(entries)[name])
    return runs


@given(writes, st.integers(0, FAILURE), spread)
def test_true_loss_is_within_the_bounds(written: Written, until: int, around: tuple[int, int]) -> None:
    failed = Bounds(FAILURE - around[0], FAILURE, FAILURE + around[1])
    low, point, high = recovery_point(history(written, until), failed)
    if low is None or point is None:
        assert not [write for write in written if write[3] is WriteOutcome.ACKNOWLEDGED]
        return
    assert 0 <= low <= point
    assert low <= FAILURE - until or low == 0
    assert high is None or (point <= high and FAILURE - until <= high)


@given(writes, st.integers(0, FAILURE))
def test_recovery_point_is_that_of_a_naive_search(written: Written, until: int) -> None:
    runs = history(written, until)
    lost = [run.answers[0].at for run in runs if transaction_state(run) is TransactionState.LOST]
    point = recovery_point(runs, Bounds(FAILURE, FAILURE, FAILURE)).point
    acknowledged = any(run.acknowledged("begin") is not None for run in runs)
    assert point == (max(1, FAILURE - min(lost)) if lost else 0 if acknowledged else None)


@given(writes, st.integers(0, FAILURE), st.randoms())
def test_order_of_the_runs_does_not_matter(written: Written, until: int, random: object) -> None:
    runs = history(written, until)
    shuffled = sorted(runs, key=lambda run: hash((run.id, str(random))))
    failed = Bounds(FAILURE - 1, FAILURE, FAILURE + 1)
    assert recovery_point(runs, failed) == recovery_point(shuffled, failed)


@given(writes, st.integers(0, FAILURE))
def test_log_of_a_run_gives_an_equal_run(written: Written, until: int) -> None:
    for run in history(written, until):
        assert runs_of(entry_from_json(entry_as_json(entry)) for entry in entries_of(run)) == {run.id: run}
