"""Set aside rows that are ahead of the clock, because a wrong clock stamped them, so that new ones can be recorded.

An observation from the future was stamped by a clock that was ahead, or the clock is behind now. The present clock is
taken for right: rows are moved to the `aside_` tables, and the span is named in `clock_marks`. Should the clock turn
out to have been behind (it steps forward past the record's end within the hour), the next start moves them back.

Where the wrong clock began to stamp is known from the step that the daemon saw (`clock_steps`), if one explains how far
the record is ahead; else it is taken to be the present instant, before which wrong and right stamps look the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.storage import statements as sql
from sla.interval import HOUR, MINUTE

if TYPE_CHECKING:
    import sqlite3

TOLERANCE: Final = MINUTE  # a record less far ahead is waited for; until then observations are dropped and counted
DOWN: Final = HOUR  # maximum downtime of the daemon between the last wrong stamp and the restart


@dataclass(frozen=True, slots=True)
class SetAside:
    """What was stamped from `start` to `end` by a wrong clock: so many observations are not in the record any more."""

    start: int
    end: int
    observations: int


def reconcile(connection: sqlite3.Connection, now: int) -> SetAside | None:
    """Set aside what lies ahead of the clock, in one transaction; return what it was, None if nothing is.

    Raises:
        sqlite3.Error: it could not be read or written. Nothing changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _revert_mistaken(connection)
        found = _set_ahead_aside(connection, now)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return found


def _set_ahead_aside(connection: sqlite3.Connection, now: int) -> SetAside | None:
    (latest,) = connection.execute(sql.LATEST).fetchone()
    if latest is None or latest <= now + TOLERANCE:
        return None
    step = connection.execute(sql.EXPLAINING_STEP, {"ahead": latest - now, "down": DOWN, "latest": latest}).fetchone()
    number, start = step or (0, now)
    mark = connection.execute(sql.ADD_MARK, (start, latest + 1, now, number)).lastrowid
    return SetAside(start, latest + 1, _move(connection, int(mark or 0), start, latest + 1))


def _move(connection: sqlite3.Connection, mark: int, start: int, end: int) -> int:
    """Move what is stamped within [start, end) aside; return how many observations. Runs across `start` are cut."""
    span = {"mark": mark, "start": start, "end": end}
    moved = connection.execute(sql.ASIDE_OBSERVATIONS, span).rowcount
    connection.execute(sql.ASIDE_RUNS, span)
    for series, first, last, count, hold in connection.execute(sql.CUT_RUNS, span).fetchall():
        _cut(connection, span | {"series": series, "first": first}, last, count, hold)
    connection.execute(sql.DROP_RUNS, span)
    connection.execute(sql.DROP_OBSERVATIONS, span)
    for statement in (sql.ASIDE_INCIDENTS, sql.DROP_INCIDENTS, sql.REOPEN_INCIDENTS, sql.LOWER_FOLDED, sql.DROP_FOLDED):
        connection.execute(statement, span)
    return moved


def _cut(connection: sqlite3.Connection, run: dict[str, int], last: int, count: int, hold: int) -> None:
    """Cut a run at its last observation before the span; evenly spaced where its observations are not kept."""
    kept = connection.execute(sql.LAST_BEFORE, run | {"since": max(run["first"], run["start"] - hold)}).fetchone()
    gone, known, latency = connection.execute(sql.MOVED_OF_RUN, run | {"last": last}).fetchone()
    if kept is None or gone >= count:
        steps = (run["start"] - 1 - run["first"]) * (count - 1) // max(last - run["first"], 1)
        kept, gone = [run["first"] + steps * (last - run["first"]) // max(count - 1, 1)], count - 1 - steps
    connection.execute(sql.CUT_RUN, run | {"last": kept[0], "gone": gone, "known": known, "latency": latency})


def _revert_mistaken(connection: sqlite3.Connection) -> None:
    """Move back what was set aside while the clock was behind, and set aside what that clock stamped instead."""
    for mark, start, step_at in connection.execute(sql.MISTAKEN_MARKS, {"within": HOUR}).fetchall():
        wrong = connection.execute(sql.ADD_MARK, (start, step_at + 1, step_at, mark)).lastrowid
        _move(connection, int(wrong or 0), start, step_at + 1)
        for statement in sql.BRING_BACK:
            connection.execute(statement, {"mark": mark})
