"""Reject a record with impossible values in an intact file: unknown outcomes, a run that ends before it begins.

SQLite evaluates conditions that are true for damaged rows of a table. There may be millions of runs, so one condition
finds damaged runs in about 2 us per row, and further conditions determine the message. Only the newest raw observations
are checked, because there may be hundreds of millions; `rows.py` checks all rows that are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LATEST_INSTANT: Final = 2**53  # microseconds, in the year 2255; later instants are damage, and sums do not overflow
REMEDY: Final = "the file was not changed; restore a backup, or start an empty one with `ninewatch run --new-record`"

NEWEST_CHECKED: Final = 200_000  # number of newest observations that are checked; takes a tenth of a second

_Fault = tuple[str, str]


def _number(column: str, maximum: int = LATEST_INSTANT, minimum: int = 0, *, null: bool = False) -> _Fault:
    allowed = f"typeof({column}) = 'integer' AND {column} BETWEEN {minimum} AND {maximum}"
    return (
        f"NOT ({allowed}{f' OR {column} IS NULL' if null else ''})",
        f"{column} is not a number from {minimum} to {maximum}",
    )


def _text(column: str, *, empty: bool = False) -> _Fault:
    return f"typeof({column}) != 'text'{'' if empty else f' OR {column} = {chr(39) * 2}'}", f"{column} is not text"


def _fault_if_unknown(column: str, table: str) -> _Fault:
    condition = f"{column} NOT IN (SELECT id FROM {table})"  # noqa: S608 - our own names
    return condition, f"{column} is not in the table {table}"


_RUN: Final = (
    *(_number(column) for column in ("series", "first", "last", "reason", "hold")),
    _number("outcome", 2),
    _number("count", minimum=1),
    _number("seeded", 1),
    *(_number(column, 2**62) for column in ("latency_count", "latency_sum", "latency_max")),
    _fault_if_unknown("series", "series"),
    _fault_if_unknown("reason", "reasons"),
    ("last < first", "it ends before it begins"),
    ("last - first > hold * (count - 1)", "its observations are further apart than its hold"),
    ("latency_count > count", "it has more latencies than observations"),
)
# True for a run if any condition above is true, in half the time. Both bounds are needed, because SQLite sorts text
# after all numbers.
_ANY_FAULT: Final = f"""
    typeof(series + first + last + outcome + reason + count + hold + latency_count + latency_sum + latency_max + seeded)
        != 'integer'
    OR NOT (first BETWEEN 0 AND last AND last <= {LATEST_INSTANT} AND outcome BETWEEN 0 AND 2
        AND count BETWEEN 1 AND {LATEST_INSTANT}
        AND hold BETWEEN 0 AND {LATEST_INSTANT} AND seeded BETWEEN 0 AND 1 AND latency_count BETWEEN 0 AND count
        AND latency_sum BETWEEN 0 AND {2**62} AND latency_max BETWEEN 0 AND {2**62}
        AND last - first <= hold * (count - 1)
        AND series IN (SELECT id FROM series) AND reason IN (SELECT id FROM reasons))"""  # noqa: S608 - numbers of ours
_INCIDENT: Final = (
    *(_text(column) for column in ("id", "product", "check_key")),
    _text("reason", empty=True),
    _number("opened"),
    _number("resolved", null=True),
    _number("downtime", null=True),
    ("resolved < opened", "it ends before it begins"),
)
_FACT: Final = (
    *(_text(column) for column in ("id", "author", "kind", "body")),
    _text("product", empty=True),
    _number("made"),
)
_PRODUCT_INCIDENT: Final = (
    *(_text(column) for column in ("id", "product", "members")),
    _number("opened"),
    _number("resolved", null=True),
    ("severity NOT IN ('page', 'ticket', 'note')", "its severity is unknown"),
    ("resolved < opened", "it ends before it begins"),
)
_NOTIFICATION: Final = (
    *(_text(column) for column in ("key", "receiver", "event", "severity", "body")),
    *(_text(column, empty=True) for column in ("product", "claimed_holder", "error")),
    *(_number(column) for column in ("turn", "repeat", "made", "due", "attempts", "claimed_epoch")),
    _number("done", null=True),
    (
        "event NOT IN ('opened', 'escalated', 'reminder', 'acknowledged', 'resolved', 'test', 'heartbeat', 'report')",
        "its event is unknown",
    ),
)
_RESPONSE: Final = (
    *(_text(column) for column in ("key", "escalations")),
    *(_text(column, empty=True) for column in ("product", "priority", "author", "via")),
    _number("started"),
    *(_number(column, null=True) for column in ("target", "acknowledged", "ended")),
    ("severity NOT IN ('page', 'ticket', 'note')", "its severity is unknown"),
    ("ended < started", "it ends before it begins"),
    ("acknowledged < started", "it was acknowledged before it began"),
)
_CORRECTION: Final = (
    *(_text(column) for column in ("id", "author", "reason")),
    _number("made"),
    _number("start", null=True),
    _number("end", null=True),
    (
        "revokes IS NULL AND (typeof(product) != 'text' OR start IS NULL OR end IS NULL)",
        "it has neither an interval nor a revoked correction",
    ),
    ("end <= start", "it ends before it begins"),
)
_OBSERVATION: Final = (
    *(_number(column) for column in ("at", "series", "reason")),
    _number("outcome", 2),
    _number("latency", 2**62, null=True),
    _fault_if_unknown("series", "series"),
    _fault_if_unknown("reason", "reasons"),
)
_LATENCY_DAY: Final = (
    *(_number(column) for column in ("series", "start", "last", "phase_count")),
    _fault_if_unknown("series", "series"),
    _text("phases"),
    ("typeof(histogram) != 'blob'", "histogram is not binary data"),
    ("last < start", "it ends before it begins"),
)
# Table -> the columns that identify a row, and pairs of a condition and the fault if it is true.
_TABLES: Final[Mapping[str, tuple[str, Sequence[_Fault]]]] = {
    "series": ("id", (_number("id"), _text("check_key"), _text("vantage"))),
    "reasons": ("id", (_number("id"), _text("word", empty=True))),
    "runs": ("series, first", _RUN),
    "incidents": ("id", _INCIDENT),
    "incident_failures": ("incident, which", tuple(_text(column) for column in ("incident", "which", "body"))),
    "product_incidents": ("id", _PRODUCT_INCIDENT),
    "notifications": ("key, receiver, turn", _NOTIFICATION),
    "responses": ("key, started", _RESPONSE),
    "facts": ("id", _FACT),
    "corrections": ("id", _CORRECTION),
    "progress": (
        "name",
        (_number("value"), ("value > (SELECT max(last) FROM runs)", "value is after the last recorded run")),
    ),
    "observations": ("at, series", _OBSERVATION),
    "latency_days": ("series, start", _LATENCY_DAY),
    "heads": (
        "number",
        (
            *(_number(column) for column in ("number", "day", "made")),
            _number("since", null=True),
            _number("whole", 1),
            *(_text(column) for column in ("content", "previous", "head")),
        ),
    ),
    "clock_steps": ("id", (_number("at"), _number("size", minimum=-LATEST_INSTANT))),
    "clock_marks": ("id", (*(_number(c) for c in ("start", "end", "made", "step")), _number("reverted", 1))),
}


def refuse_damage(connection: sqlite3.Connection, path: Path) -> None:
    """Check every row of the tables that are read completely.

    Raises:
        StoreError: a row is damaged. The message contains the table, the row, the fault and the remedy.
        sqlite3.Error: the record cannot be read.
    """
    for fault in (*_faults(connection), *_oldest(connection)):
        raise damage_error(path, fault)


def damage_error(path: Path, fault: str) -> StoreError:
    """Return the error for a record with impossible values."""
    return StoreError(f"the record {path} is damaged: {fault}; {REMEDY}")


def _faults(connection: sqlite3.Connection) -> Iterator[str]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table, (key, faults) in _TABLES.items():
        if table not in tables:  # of a later schema
            continue
        cases = " ".join(f"WHEN {condition} THEN '{fault}'" for condition, fault in faults)
        damaged = _ANY_FAULT if table == "runs" else "fault IS NOT NULL"
        rows = f"(SELECT * FROM {table} ORDER BY at DESC LIMIT {NEWEST_CHECKED})" if table == "observations" else table  # noqa: S608
        query = f"SELECT {key}, CASE {cases} END AS fault FROM {rows} WHERE {damaged} LIMIT 1"  # noqa: S608
        for *values, fault in connection.execute(query):
            row = ", ".join(f"{name} {value!r}" for name, value in zip(key.split(", "), values, strict=True))
            yield f"in the table {table}, row with {row}: {fault or 'its values are impossible'}"


def _oldest(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield a fault if the first observation has no valid instant: NULL sorts first. Text is among the newest rows."""
    for (at,) in connection.execute("SELECT at FROM observations ORDER BY at LIMIT 1"):
        if not (isinstance(at, int) and 0 <= at <= LATEST_INSTANT):
            yield f"in the table observations, row with at {at!r}: at is not a number from 0 to {LATEST_INSTANT}"
