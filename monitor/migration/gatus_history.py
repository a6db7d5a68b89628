"""Read the history of Gatus' endpoints from its SQLite database: results, and counts by hour or day."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.migration.imported_history import Result, ResultCount, SourceHistory
from monitor.storage.other_tools import open_tables
from sla.interval import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.storage.other_tools import Row

_TIME: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_NANOSECONDS: Final = 1000  # per microsecond


def gatus_histories(path: Path) -> dict[str, SourceHistory]:
    """Return the history of each endpoint by its key.

    Gatus merges counts by hour into counts by day after two days. A row at midnight (UTC) is the count of a day if
    there is no other row of that day.

    Raises:
        NinewatchError: the file is not a readable database of Gatus.
    """
    histories: dict[str, SourceHistory] = defaultdict(SourceHistory)
    with open_tables(path) as tables:
        keys = dict(tables.converted("endpoints", lambda row: (row["endpoint_id"], str(row["endpoint_key"]))))
        for endpoint, result in tables.converted("endpoint_results", _result):
            if endpoint in keys:
                histories[keys[endpoint]].results.append(result)
        uptimes = list(tables.converted("endpoint_uptimes", _uptime))
    rows_per_day = Counter((endpoint, start // DAY) for endpoint, start, _, _ in uptimes)
    for endpoint, start, good, total in uptimes:
        if endpoint in keys:
            is_day = start % DAY == 0 and rows_per_day[endpoint, start // DAY] == 1
            histories[keys[endpoint]].counts.append(ResultCount(start, DAY if is_day else HOUR, good, total - good))
    return histories


def _uptime(row: Row) -> tuple[Any, int, int, int]:
    """Return endpoint, start, successes and total of a count."""
    good, total = int(row["successful_executions"]), int(row["total_executions"])
    return row["endpoint_id"], int(row["hour_unix_timestamp"]) * SECOND, good, total


def _result(row: Row) -> tuple[Any, Result]:
    """Return endpoint and result of a row, whose time is text as Go's SQLite driver writes it."""
    good = bool(row["success"])
    latency = int(row["duration"]) // _NANOSECONDS if good else None
    return row["endpoint_id"], Result(_instant(str(row["timestamp"])), good, latency)


def _instant(text: str) -> int:
    """Return the instant, microseconds; without a zone, it is in UTC.

    Raises:
        ValueError: the text is not a time.
    """
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not a time of Gatus")
    zone = (match["zone"] or "Z").replace("Z", "+00:00")
    at = datetime.fromisoformat(f"{match['date']} {match['time']}{zone}")
    return round(at.timestamp()) * SECOND + int(((match["fraction"] or "") + "000000")[:6])
