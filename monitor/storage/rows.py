"""Read the tables of an open record as runs, observations, incidents and facts."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from monitor.storage import statements as sql
from monitor.storage.connection import has_rechecks, has_table
from monitor.storage.incident_failures import with_failures
from monitor.storage.validation import LATEST_INSTANT
from sla.correction import Correction, Revocation, read
from sla.fact import CORRECTION, REVOCATION, Fact
from sla.incident import Incident
from sla.interval import Interval
from sla.observation import PRECEDENCE, Observation, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from monitor.storage.connection import Connection, Rows

# The codes are stored in records and never change. The code of an outcome is its precedence: if two observations have
# the same instant, the one with the larger code is kept (measurement.md, section 1).
_OUTCOMES: Final[Mapping[object, Outcome]] = {code: outcome for outcome, code in PRECEDENCE.items()}


class DamagedRowError(sqlite3.DataError):
    """A row has impossible values."""


def outcome_of(code: int) -> Outcome:
    """Return the outcome of a code in the tables.

    Raises:
        DamagedRowError: the code is unknown.
    """
    if (outcome := _OUTCOMES.get(code)) is None:
        raise DamagedRowError(f"unknown outcome {code!r}")
    return outcome


def is_recheck(value: object) -> bool:
    """Return the value of the column `recheck`.

    Raises:
        DamagedRowError: the value is neither 0 nor 1.
    """
    if value not in (0, 1):
        raise DamagedRowError(f"recheck {value!r} is neither 0 nor 1")
    return value == 1


def runs_in(connection: Connection, checks: Collection[str] | None = None) -> Iterator[Run]:
    """Yield the runs of all checks, or only of `checks`, ordered by check, vantage and `first`.

    Raises:
        DamagedRowError: two runs of one check and vantage overlap, or a value is impossible.
    """
    series = {series_id: (check, vantage) for series_id, check, vantage in connection.execute(sql.ALL_SERIES)}
    reasons = dict(connection.execute(sql.ALL_REASONS))
    previous_series, previous_end = -1, -1
    for row in _run_rows(connection, None if checks is None else [n for n, s in series.items() if s[0] in checks]):
        series_id, code, reason, first, last, count, hold, known, latency, maximum, seeded, recheck = row
        if series_id == previous_series and first <= previous_end:
            raise DamagedRowError(f"runs of series {series_id} overlap: {first} comes before {previous_end}")
        previous_series, previous_end = series_id, last
        check, vantage = series[series_id]
        outcome, reason_code, flags = _OUTCOMES[code], reasons[reason], (seeded != 0, is_recheck(recheck))
        yield Run(check, outcome, reason_code, first, last, count, hold, known, latency, maximum, vantage, *flags)


def _run_rows(connection: Connection, series: Sequence[int] | None) -> Iterator[Any]:
    if series is None:
        yield from _select(connection, sql.RUNS)
        return
    for number in sorted(series):
        yield from _select(connection, sql.RUNS_OF, (number,))


def _select(connection: Connection, statement: str, values: tuple[object, ...] = ()) -> Rows:
    """Execute a statement with the column `recheck`, which records of earlier versions do not have."""
    if not has_rechecks(connection):
        statement = sql.without_rechecks(statement)
    return connection.execute(statement, values)


def observations_in(connection: Connection, check: str, window: Interval) -> list[Observation]:
    """Return the check's observations with `at` in the window, by `at`. Older ones may have been pruned."""
    return [_observation(row) for row in _select(connection, sql.RUNS_IN_WINDOW, (check, window.start, window.end))]


def observations_between(connection: Connection, window: Interval) -> Iterator[Observation]:
    """Yield the observations of all checks with `at` in the window, by `at`. Older ones may have been pruned."""
    for row in _select(connection, sql.OBSERVATIONS_BETWEEN, (window.start, window.end)):
        yield _observation(row)


def observations_after_last_run(connection: Connection) -> Iterator[Observation]:
    """Yield the observations of an open record after the last run of their check and vantage, by `at`."""
    for row in _select(connection, sql.NEWEST_RUNS):
        yield _observation(row)


def incidents_in(connection: Connection) -> list[Incident]:
    """Return all incidents of an open record, oldest first."""
    incidents = [Incident(*row) for row in connection.execute(sql.INCIDENTS)]
    if not has_table(connection, "incident_failures"):
        return incidents
    return with_failures(incidents, connection.execute(sql.FAILURES))


def facts_in(connection: Connection) -> list[Fact]:
    """Return all facts of an open record in the order of creation. A record of an earlier version has corrections only.

    Raises:
        DamagedRowError: a body is not JSON, or a correction was changed.
    """
    if has_table(connection, "facts"):
        return [_fact(row) for row in connection.execute(sql.FACTS)]
    if has_table(connection, "corrections"):
        return [fact_of_correction_row(*row) for row in connection.execute(sql.CORRECTIONS)]
    return []


def _observation(row: tuple[Any, ...]) -> Observation:
    check, at, code, reason, latency, vantage, recheck = row
    outcome = _OUTCOMES.get(code)
    if check is None or vantage is None or reason is None or outcome is None:
        raise DamagedRowError(f"observation at {at!r}: unknown outcome {code!r}, or no such check or reason")
    if not (isinstance(at, int) and 0 <= at <= LATEST_INSTANT and (latency is None or isinstance(latency, int))):
        raise DamagedRowError(f"observation of {check} at {at!r} with latency {latency!r}: not valid integers")
    return Observation(check, at, outcome, reason, latency, vantage, is_recheck(recheck))


def _fact(row: tuple[str, int, str, str, str, str]) -> Fact:
    fact = Fact(*row)
    try:
        if fact.kind in (CORRECTION, REVOCATION):
            read(fact)
        else:
            json.loads(fact.body)
    except (ValueError, RecursionError) as error:
        raise DamagedRowError(f"in the table facts, row with id {fact.id!r}: {error}") from None
    return fact


def fact_of_correction_row(
    made: int, author: str, reason: str, product: str | None, start: int | None, end: int | None, revokes: str | None
) -> Fact:
    """Return the fact of a row of the former table `corrections`."""
    if product is None or start is None or end is None:
        return Revocation(str(revokes), author, reason, made).fact()
    return Correction(product, Interval(start, end), author, reason, made).fact()


def incident_row(incident: Incident) -> tuple[str | int | None, ...]:
    """Return the columns of the table of incidents."""
    return (
        incident.id,
        incident.product,
        incident.check,
        incident.opened,
        incident.resolved,
        incident.reason,
        incident.downtime,
    )
