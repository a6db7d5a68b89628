"""Read the history of Uptime Kuma's monitors: heartbeats (versions 1 and 2), counts by hour and day (version 2)."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.migration.imported_history import Result, ResultCount, SourceHistory
from monitor.storage.other_tools import read_tables
from sla.interval import DAY, HOUR, MILLISECOND, SECOND

if TYPE_CHECKING:
    from pathlib import Path

_DOWN, _UP, _PENDING = 0, 1, 2  # a pending heartbeat is a failed attempt that Kuma repeats; 3 is maintenance
_STATISTICS: Final = {"stat_hourly": HOUR, "stat_daily": DAY}


def kuma_histories(path: Path) -> dict[str, SourceHistory]:
    """Return the history of each monitor by its id. Heartbeats during maintenance are not used.

    Raises:
        NinewatchError: the file is not a readable database.
    """
    tables = read_tables(path, ("monitor", "heartbeat", *_STATISTICS))
    pushed = {row["id"] for row in tables["monitor"] if row["type"] == "push"}
    histories: dict[str, SourceHistory] = defaultdict(SourceHistory)
    for row in tables["heartbeat"]:
        if row["status"] in (_DOWN, _UP, _PENDING) and row["monitor_id"] not in pushed:
            histories[str(row["monitor_id"])].results.append(_result(row))
    for table, length in _STATISTICS.items():
        for row in tables[table]:
            if row["monitor_id"] not in pushed:
                count = ResultCount(int(row["timestamp"]) * SECOND, length, int(row["up"]), int(row["down"]))
                histories[str(row["monitor_id"])].counts.append(count)
    return histories


def _result(row: dict[str, Any]) -> Result:
    """Return the result of a heartbeat, whose time is in UTC without a zone."""
    at = datetime.fromisoformat(str(row["time"])).replace(tzinfo=UTC)
    ping = row.get("ping")
    good = row["status"] == _UP
    return Result(round(at.timestamp() * SECOND), good, int(ping) * MILLISECOND if good and ping is not None else None)
