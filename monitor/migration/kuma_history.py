"""Read the history of Uptime Kuma's monitors: heartbeats (versions 1 and 2), counts by hour and day (version 2)."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from monitor.migration.imported_history import Result, ResultCount, SourceHistory
from monitor.storage.other_tools import open_tables
from sla.interval import DAY, HOUR, MILLISECOND, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.storage.other_tools import Row

_DOWN, _UP, _PENDING = 0, 1, 2  # a pending heartbeat is a failed attempt that Kuma repeats; 3 is maintenance
_STATISTICS: Final = {"stat_hourly": HOUR, "stat_daily": DAY}


def kuma_histories(path: Path) -> dict[str, SourceHistory]:
    """Return the history of each monitor by its id. Heartbeats during maintenance are not used.

    Raises:
        NinewatchError: the file is not a readable database of Uptime Kuma.
    """
    histories: dict[str, SourceHistory] = defaultdict(SourceHistory)
    with open_tables(path) as tables:
        pushed = set(tables.converted("monitor", lambda row: row["id"] if row["type"] == "push" else None))
        for monitor, result in tables.converted("heartbeat", _result):
            if result is not None and monitor not in pushed:
                histories[str(monitor)].results.append(result)
        for table, length in _STATISTICS.items():
            for monitor, count in tables.converted(table, partial(_count, length)):
                if monitor not in pushed:
                    histories[str(monitor)].counts.append(count)
    return histories


def _result(row: Row) -> tuple[Any, Result | None]:
    """Return monitor and result of a heartbeat, whose time is in UTC without a zone. None during maintenance."""
    if row["status"] not in (_DOWN, _UP, _PENDING):
        return row["monitor_id"], None
    at = datetime.fromisoformat(str(row["time"])).replace(tzinfo=UTC)
    good, ping = row["status"] == _UP, row.get("ping")
    latency = int(ping) * MILLISECOND if good and ping is not None else None
    return row["monitor_id"], Result(round(at.timestamp() * SECOND), good, latency)


def _count(length: int, row: Row) -> tuple[Any, ResultCount]:
    return row["monitor_id"], ResultCount(int(row["timestamp"]) * SECOND, length, int(row["up"]), int(row["down"]))
