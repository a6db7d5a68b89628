"""Convert the checks of Healthchecks (its API's list of checks, versions 1 to 3) to heartbeats: a product per check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.migration.conversion import Conversion
from monitor.migration.json_export import read_items
from monitor.migration.values import notation, unique_id
from sla.interval import SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.migration.conversion import Check

_REQUEST: Final = "GET /api/v3/checks/"
_UNSUPPORTED_KEYS: Final = {
    "methods": "POST only; pings with GET are accepted too",
    "subject": "keywords of e-mails; pings are HTTP requests",
    "start_kw": "keywords of e-mails and bodies; report a start at /start",
    "success_kw": "keywords of e-mails and bodies; report a success at the URL itself",
    "failure_kw": "keywords of e-mails and bodies; report a failure at /fail",
}


def convert_healthchecks(path: Path, objective: str) -> Conversion:
    """Convert a file with the response of the API.

    Raises:
        NinewatchError: the file is not such a response.
    """
    conversion = Conversion("healthchecks", objective)
    for index, raw in enumerate(read_items(path, "checks", _REQUEST)):
        name = " ".join(str(raw.get("name") or raw.get("slug") or f"check {index + 1}").split())[:200]
        place = f"{path}: checks[{index}] ({name})"
        if raw.get("status") == "paused":
            conversion.note(place, "not carried over: the check is paused")
            continue
        for key in (key for key in _UNSUPPORTED_KEYS if raw.get(key)):
            conversion.note(place, f"not carried over: {key}: {_UNSUPPORTED_KEYS[key]}")
        if raw.get("tags"):
            conversion.note(place, f"not carried over: the tags {raw['tags']}")
        product: dict[str, Any] = {"id": unique_id(name, ()), "name": name}
        key = str(raw.get("unique_key") or raw.get("uuid") or raw.get("slug") or index)
        conversion.add(product, {key: [_heartbeat(raw, name, place, conversion)]}, place)
    return conversion


def _heartbeat(raw: dict[str, Any], name: str, place: str, conversion: Conversion) -> Check:
    """Return the heartbeat check. A schedule has a zone; a timeout is the longest time between two pings."""
    timing = {"heartbeat": f"every {raw.get('timeout')}s"}
    if raw.get("schedule"):
        timing = {"heartbeat": str(raw["schedule"]), "zone": str(raw.get("tz") or "UTC")}
    if raw.get("grace"):
        timing["grace"] = notation(int(raw["grace"]) * SECOND)
    conversion.note(place, "the job must report to /ping/PRODUCT/CHECK instead of its ping URL (docs/probes.md)")
    return {"id": "heartbeat", **timing, "token": conversion.secret(f"{name}_token", f"{place}: ping_url")}
