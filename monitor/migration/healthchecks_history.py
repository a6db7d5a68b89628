"""Read the pings and flips of Healthchecks' checks from a folder with responses of its API (versions 1 to 3)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.migration.imported_history import Result, SourceHistory
from monitor.migration.json_export import read_items, read_list
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PINGS: Final = "GET /api/v3/checks/KEY/pings/"
_FLIPS: Final = "GET /api/v3/checks/KEY/flips/"
_SUCCESS, _FAILURE = "success", "fail"  # `type` of a ping; starts, logs and ignored pings have no result


def healthchecks_histories(folder: Path, keys: Iterable[str]) -> dict[str, SourceHistory]:
    """Return the history of each check by its key, from the files `KEY.pings.json` and `KEY.flips.json` that exist.

    A flip to down without a ping is a job that did not report; the flip is at the end of the grace.

    Raises:
        NinewatchError: a file is not such a response, or there is none.
    """
    histories: dict[str, SourceHistory] = {}
    for key in keys:
        pings, flips = folder / f"{key}.pings.json", folder / f"{key}.flips.json"
        results = [*_results_of_pings(pings), *_results_of_flips(flips)]
        if results:
            histories[key] = SourceHistory(results=results)
    if not histories:
        raise NinewatchError(
            f"{folder}: has no history of the checks; save the responses of {_PINGS} as KEY.pings.json and of"
            f" {_FLIPS} as KEY.flips.json, where KEY is the unique_key or uuid of a check"
        )
    return histories


def _results_of_pings(path: Path) -> Iterator[Result]:
    for number, ping in enumerate(read_items(path, "pings", _PINGS) if path.exists() else []):
        if ping.get("type") in (_SUCCESS, _FAILURE):
            place = f"{path}: pings[{number}].date"
            yield Result(_instant(ping.get("date"), place), ping["type"] == _SUCCESS)


def _results_of_flips(path: Path) -> Iterator[Result]:
    for number, flip in enumerate(read_list(path, _FLIPS) if path.exists() else []):
        yield Result(_instant(flip.get("timestamp"), f"{path}: [{number}].timestamp"), flip.get("up") == 1)


def _instant(value: Any, place: str) -> int:
    """Return an instant with an offset, in microseconds."""
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("no offset")
    except (TypeError, ValueError):
        raise NinewatchError(
            f"{place}: {str(value)[:60]!r} is not an instant such as 2026-11-20T18:00:00+00:00"
        ) from None
    return round(instant.timestamp() * SECOND)
