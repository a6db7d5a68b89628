"""Set aside rows with timestamps in the future, so that new rows can be recorded.

Either the clock was ahead when the rows were recorded, or it is behind now. The current clock is assumed to be right:
rows are moved to the `aside_` tables, and the time span is recorded in `clock_marks`. If the clock was behind (it steps
forward past the record's end within the hour), the next start moves the rows back.

If the size of a recorded clock step (`clock_steps`) explains how far the record is ahead, the span starts at this step.
Otherwise, it starts now, because earlier timestamps cannot be classified as wrong or right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.storage import statements as sql
from monitor.storage.latency_days import moved_days, recount
from sla.interval import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    import sqlite3

# If the record is ahead by less than this, observations are dropped and counted until the clock has reached its end.
TOLERANCE: Final = MINUTE
MAX_DOWNTIME: Final = HOUR  # maximum downtime of the daemon between the last wrong timestamp and the restart


@dataclass(frozen=True, slots=True)
class SetAside:
    """A time span with timestamps of a wrong clock, and the number of observations that were set aside."""

    start: int
    end: int
    observations: int


def reconcile(connection: sqlite3.Connection, now: int) -> SetAside | None:
    """Set aside all rows with timestamps in the future, in one transaction. Return None if there are none.

    Raises:
        sqlite3.Error: the record could not be read or written. It is unchanged.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _revert_mistaken_marks(connection)
        set_aside = _set_future_rows_aside(connection, now)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return set_aside


def _set_future_rows_aside(connection: sqlite3.Connection, now: int) -> SetAside | None:
    (latest,) = connection.execute(sql.LAST_OBSERVED_INSTANT).fetchone()
    if latest is None or latest <= now + TOLERANCE:
        return None
    step = connection.execute(
        sql.EXPLAINING_STEP, {"ahead": latest - now, "down": MAX_DOWNTIME, "latest": latest}
    ).fetchone()
    number, start = step or (0, now)
    mark = connection.execute(sql.ADD_MARK, (start, latest + 1, now, number)).lastrowid
    return SetAside(start, latest + 1, _move(connection, int(mark or 0), start, latest + 1))


def _move(connection: sqlite3.Connection, mark: int, start: int, end: int) -> int:
    """Move rows with timestamps in [start, end) aside, and return the number of observations. Cut runs at `start`."""
    span = {"mark": mark, "start": start, "end": end}
    moved_count = connection.execute(sql.ASIDE_OBSERVATIONS, span).rowcount
    connection.execute(sql.ASIDE_RUNS, span)
    for series, first, last, count, hold in connection.execute(sql.CUT_RUNS, span).fetchall():
        _cut_run(connection, span | {"series": series, "first": first}, last, count, hold)
    connection.execute(sql.DROP_RUNS, span)
    connection.execute(sql.DROP_OBSERVATIONS, span)
    connection.execute(sql.ASIDE_LATENCY_DAYS, span)
    connection.execute(sql.DROP_LATENCY_DAYS, span)
    recount(connection, [(series, day, start) for series, day, _ in moved_days(connection, mark) if day < start])
    for statement in (sql.ASIDE_INCIDENTS, sql.DROP_INCIDENTS, sql.REOPEN_INCIDENTS, sql.LOWER_FOLDED, sql.DROP_FOLDED):
        connection.execute(statement, span)
    return moved_count


def _cut_run(connection: sqlite3.Connection, run: dict[str, int], last: int, count: int, hold: int) -> None:
    """Cut a run at its last observation before the span.

    Without raw observations, assume that they are evenly spaced.
    """
    last_kept = connection.execute(sql.LAST_BEFORE, run | {"since": max(run["first"], run["start"] - hold)}).fetchone()
    moved_count, known, latency = connection.execute(sql.MOVED_OF_RUN, run | {"last": last}).fetchone()
    if last_kept is None or moved_count >= count:
        steps = (run["start"] - 1 - run["first"]) * (count - 1) // max(last - run["first"], 1)
        last_kept, moved_count = [run["first"] + steps * (last - run["first"]) // max(count - 1, 1)], count - 1 - steps
    connection.execute(
        sql.CUT_RUN, run | {"last": last_kept[0], "moved": moved_count, "known": known, "latency": latency}
    )


def _revert_mistaken_marks(connection: sqlite3.Connection) -> None:
    """Move back rows that were set aside while the clock was behind, and set aside the rows recorded meanwhile."""
    for mark, start, step_at in connection.execute(sql.MISTAKEN_MARKS, {"within": HOUR}).fetchall():
        wrong = connection.execute(sql.ADD_MARK, (start, step_at + 1, step_at, mark)).lastrowid
        _move(connection, int(wrong or 0), start, step_at + 1)
        days = moved_days(connection, mark)
        for statement in sql.BRING_BACK:
            connection.execute(statement, {"mark": mark})
        # The row that is moved back replaces the row of the same day, which has the observations after the span.
        recount(connection, [(series, day, max(day + DAY, last + 1)) for series, day, last in days if day < start])
