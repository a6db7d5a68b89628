"""Read the history of Gatus' endpoints from its SQLite database: results, and counts by hour or day."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.migration.imported_history import Result, ResultCount, SourceHistory
from monitor.storage.other_tools import read_tables
from sla.interval import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from pathlib import Path

_TABLES: Final = ("endpoints", "endpoint_results", "endpoint_uptimes")
_TIME: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_NANOSECONDS: Final = 1000  # per microsecond


def gatus_histories(path: Path) -> dict[str, SourceHistory]:
    """Return the history of each endpoint by its key.

    Gatus merges counts by hour into counts by day after two days. A row at midnight (UTC) is the count of a day if
    there is no other row of that day.

    Raises:
        NinewatchError: the file is not a readable database.
    """
    tables = read_tables(path, _TABLES)
    keys = {row["endpoint_id"]: str(row["endpoint_key"]) for row in tables["endpoints"]}
    histories: dict[str, SourceHistory] = defaultdict(SourceHistory)
    for row in tables["endpoint_results"]:
        if row["endpoint_id"] in keys:
            histories[keys[row["endpoint_id"]]].results.append(_result(row))
    hours: dict[tuple[int, int], int] = defaultdict(int)
    for row in tables["endpoint_uptimes"]:
        hours[row["endpoint_id"], row["hour_unix_timestamp"] * SECOND // DAY] += 1
    for row in tables["endpoint_uptimes"]:
        if row["endpoint_id"] in keys:
            start = row["hour_unix_timestamp"] * SECOND
            is_day = start % DAY == 0 and hours[row["endpoint_id"], start // DAY] == 1
            good = int(row["successful_executions"])
            count = ResultCount(start, DAY if is_day else HOUR, good, int(row["total_executions"]) - good)
            histories[keys[row["endpoint_id"]]].counts.append(count)
    return histories


def _result(row: dict[str, Any]) -> Result:
    """Return the result of a row, whose time is text as Go's SQLite driver writes it."""
    good = bool(row["success"])
    latency = int(row["duration"]) // _NANOSECONDS if good else None
    return Result(_instant(str(row["timestamp"])), good, latency)


def _instant(text: str) -> int:
    """Return the instant, microseconds; without a zone, it is in UTC.

    Raises:
        NinewatchError: the text is not a time.
    """
    match = _TIME.match(text)
    if match is None:
        raise NinewatchError(
            f"endpoint_results: {text[:60]!r} is not a time of Gatus; specify a database of its SQLite storage"
        )
    zone = (match["zone"] or "Z").replace("Z", "+00:00")
    at = datetime.fromisoformat(f"{match['date']} {match['time']}{zone}")
    return round(at.timestamp()) * SECOND + int(((match["fraction"] or "") + "000000")[:6])
