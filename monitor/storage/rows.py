"""Read the tables of an open record as runs, observations, incidents and facts."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from monitor.storage import statements as sql
from monitor.storage.incident_failures import with_failures
from monitor.storage.validation import LATEST
from sla.correction import Correction, Revocation, read
from sla.fact import CORRECTION, REVOCATION, Fact
from sla.incident import Incident
from sla.interval import Interval
from sla.observation import PRECEDENCE, Observation, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

# The numbers stand in files for years: an outcome's is its precedence, so that the larger stands (measurement.md 1).
_OUTCOMES: Final[Mapping[object, Outcome]] = {code: outcome for outcome, code in PRECEDENCE.items()}


class DamagedRowError(sqlite3.DataError):
    """A row has impossible values."""


def outcome_of(code: int) -> Outcome:
    """Return the outcome that a number in the tables stands for.

    Raises:
        DamagedRowError: it stands for none.
    """
    if (found := _OUTCOMES.get(code)) is None:
        raise DamagedRowError(f"no outcome {code!r}")
    return found


def runs_in(connection: sqlite3.Connection, checks: Collection[str] | None = None) -> Iterator[Run]:
    """Yield all runs of an open record, or those of these checks, by check and vantage, then `first`.

    Raises:
        DamagedRowError: two of one check and vantage overlap.
    """
    series = {number: (check, vantage) for number, check, vantage in connection.execute(sql.ALL_SERIES)}
    reasons = dict(connection.execute(sql.ALL_REASONS))
    before, end = -1, -1
    for row in _run_rows(connection, None if checks is None else [n for n, s in series.items() if s[0] in checks]):
        number, code, reason, first, last, count, hold, known, latency, worst, seeded = row
        if number == before and first <= end:
            raise DamagedRowError(f"runs of series {number} overlap: {first} comes before {end}")
        before, end = number, last
        check, vantage = series[number]
        outcome, word, old = _OUTCOMES[code], reasons[reason], seeded != 0
        yield Run(check, outcome, word, first, last, count, hold, known, latency, worst, vantage, old)


def _run_rows(connection: sqlite3.Connection, series: Sequence[int] | None) -> Iterator[Any]:
    if series is None:
        yield from connection.execute(sql.RUNS)
        return
    for number in sorted(series):
        yield from connection.execute(sql.RUNS_OF, (number,))


def observations_in(connection: sqlite3.Connection, check: str, window: Interval) -> list[Observation]:
    """Return the check's observations with `at` in the window, by `at`, as far back as they are kept."""
    return [_observation(row) for row in connection.execute(sql.WINDOW, (check, window.start, window.end))]


def tail_in(connection: sqlite3.Connection) -> Iterator[Observation]:
    """Yield what an open record has after the last run of its check and vantage, by `at`."""
    for row in connection.execute(sql.TAIL):
        yield _observation(row)


def incidents_in(connection: sqlite3.Connection) -> list[Incident]:
    """Return all incidents of an open record, oldest first."""
    found = [Incident(*row) for row in connection.execute(sql.INCIDENTS)]
    if not connection.execute(sql.HAS_FAILURES).fetchone():
        return found
    return with_failures(found, connection.execute(sql.FAILURES))


def facts_in(connection: sqlite3.Connection) -> list[Fact]:
    """Return all facts of an open record by when they were made; of one of an earlier version, its corrections.

    Raises:
        DamagedRowError: a body is no JSON, or a correction is not as it was written.
    """
    if connection.execute(sql.HAS_FACTS).fetchone():
        return [_fact(row) for row in connection.execute(sql.FACTS)]
    if connection.execute(sql.HAS_CORRECTIONS).fetchone():
        return [former_fact(*row) for row in connection.execute(sql.CORRECTIONS)]
    return []


def _observation(row: tuple[Any, ...]) -> Observation:
    check, at, code, reason, latency, vantage = row
    outcome = _OUTCOMES.get(code)
    if check is None or vantage is None or reason is None or outcome is None:
        raise DamagedRowError(f"observation at {at!r}: no outcome {code!r}, or no such check or reason")
    if not (isinstance(at, int) and 0 <= at <= LATEST and (latency is None or isinstance(latency, int))):
        raise DamagedRowError(f"observation of {check} at {at!r} with latency {latency!r}: no numbers")
    return Observation(check, at, outcome, reason, latency, vantage)


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


def former_fact(
    made: int, author: str, reason: str, product: str | None, start: int | None, end: int | None, revokes: str | None
) -> Fact:
    """Return the fact that a row of the former table `corrections` is."""
    if product is None or start is None or end is None:
        return Revocation(str(revokes), author, reason, made).fact()
    return Correction(product, Interval(start, end), author, reason, made).fact()
