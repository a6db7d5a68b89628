"""Read the logs of UptimeRobot's monitors, which have the changes of state (`logs=1` of getMonitors, API version 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.migration.imported_history import SourceHistory, State
from monitor.migration.json_export import read_items
from sla.interval import SECOND

if TYPE_CHECKING:
    from pathlib import Path

REQUEST: Final = "POST /v2/getMonitors with format=json and logs=1"
_DOWN, _UP = 1, 2  # `type` of an entry; 98 is the start of the monitor, 99 a pause, and their time is unknown
_HEARTBEAT = 5  # `type` of a monitor


def uptimerobot_histories(path: Path) -> dict[str, SourceHistory]:
    """Return the history of each monitor by its id. Heartbeat monitors have none.

    Raises:
        NinewatchError: the file is not such a response, or an entry has another form.
    """
    histories: dict[str, SourceHistory] = {}
    for index, monitor in enumerate(read_items(path, "monitors", REQUEST)):
        logs = monitor.get("logs") or []
        if isinstance(logs, list) and str(monitor.get("type")) != str(_HEARTBEAT):
            states = [_state(entry, f"{path}: monitors[{index}].logs[{number}]") for number, entry in enumerate(logs)]
            histories[str(monitor.get("id") or index)] = SourceHistory(states=[state for state in states if state])
    return histories


def _state(entry: Any, place: str) -> State | None:
    """Return the state after a change, None after a start or a pause."""
    try:
        kind, start, seconds = (int(entry[key]) for key in ("type", "datetime", "duration"))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise NinewatchError(
            f"{place}: needs the numbers type, datetime and duration; save the response of {REQUEST}"
        ) from None
    return State(start * SECOND, (start + seconds) * SECOND, kind == _UP) if kind in (_DOWN, _UP) else None
