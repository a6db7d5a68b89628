"""The latencies per check and day in the record: read and write them, and recount them if rows are set aside."""

from __future__ import annotations

import json
import sys
import zlib
from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from monitor.storage import statements as sql
from monitor.storage.connection import has_table
from monitor.storage.rows import DamagedRowError
from sla.latency_day import KEPT_TIME, LatencyDay
from sla.latency_histogram import LatencyHistogram

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from monitor.storage.connection import Connection

    Series = tuple[str, str]


def write_latency_days(connection: Connection, days: Iterable[LatencyDay], series: Mapping[Series, int]) -> None:
    """Write days, replace those of the same check and start, and delete the check's days after `KEPT_TIME`.

    Raises:
        sqlite3.Error: the days cannot be written.
    """
    for day in days:
        number, phases = series[day.check, day.vantage], json.dumps(dict(day.phases), separators=(",", ":"))
        row = (number, day.start, day.last, _with_checksum(day.packed), day.phase_count, phases)
        connection.execute(sql.LATENCY_DAY, row)
        connection.execute(sql.PRUNE_LATENCY_DAYS, (number, day.start - KEPT_TIME))


def latency_days_in(connection: Connection, checks: Collection[str] | None = None) -> Iterator[LatencyDay]:
    """Yield the days of all checks, or only of `checks`, ordered by check, vantage and `start`.

    A record of an earlier version has none.

    Raises:
        DamagedRowError: a histogram or the phases are damaged.
    """
    if has_table(connection, "latency_days"):
        for number, check, vantage in sorted(connection.execute(sql.ALL_SERIES), key=itemgetter(1, 2)):
            if checks is None or check in checks:
                for row in connection.execute(sql.LATENCY_DAYS_OF, (number,)):
                    yield _day(check, vantage, row)


def recent_latencies_in(connection: Connection) -> Iterator[tuple[str, int, int]]:
    """Yield `(check, at, latency)` of the good observations that the recorded days may not contain, by `at`."""
    if has_table(connection, "latency_days"):
        yield from connection.execute(sql.RECENT_LATENCIES)


def moved_days(connection: Connection, mark: int) -> list[tuple[int, int, int]]:
    """Return `(series, start, last)` of the days that were moved aside with this mark."""
    return connection.execute(sql.MOVED_LATENCY_DAYS, (mark,)).fetchall()


def recount(connection: Connection, days: Iterable[tuple[int, int, int]]) -> None:
    """Recount the observations of the days `(series, start, end)`, at most one day per series.

    The phases are lost, because observations do not have them.
    """
    ends = {series: (start, end) for series, start, end in days}
    histograms: dict[int, LatencyHistogram] = defaultdict(LatencyHistogram)
    last: dict[int, int] = {}
    span = {
        "start": min((start for start, _ in ends.values()), default=0),
        "end": max((end for _, end in ends.values()), default=0),
    }
    for series, at, latency in connection.execute(sql.LATENCIES_BETWEEN, span):
        start, end = ends.get(series, (at, at))
        if start <= at < end:
            histograms[series].add(latency)
            last[series] = at
    rows = [(n, ends[n][0], last[n], _with_checksum(histogram.pack()), 0, "{}") for n, histogram in histograms.items()]
    connection.executemany(sql.LATENCY_DAY, rows)


def _with_checksum(packed: bytes) -> bytes:
    """Return a packed histogram with its CRC-32, which finds damage without unpacking."""
    return packed + zlib.crc32(packed).to_bytes(4, "big")


def _day(check: str, vantage: str, row: tuple[Any, ...]) -> LatencyDay:
    start, last, stored, phase_count, phases = row
    if _with_checksum(stored[:-4]) != stored:
        raise DamagedRowError(f"in the table latency_days, row of {check} with start {start!r}: its histogram changed")
    try:
        # All days have the same names of phases. Interning them saves two thirds of the memory of a year.
        sums = {sys.intern(name): int(us) for name, us in json.loads(phases).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedRowError(f"in the table latency_days, row of {check} with start {start!r}: {error}") from None
    return LatencyDay(check, start, last, stored[:-4], phase_count, sums, vantage)
