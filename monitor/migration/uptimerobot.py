"""Convert the monitors of UptimeRobot (the response of getMonitors of its API, version 2): a product per monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.migration.conversion import Conversion
from monitor.migration.json_export import read_items
from monitor.migration.values import host_and_port, notation, unique_id, without_credentials
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.migration.conversion import Check

_REQUEST: Final = "POST /v2/getMonitors with format=json"
_HTTP, _KEYWORD, _PING, _PORT, _HEARTBEAT = 1, 2, 3, 4, 5
_PORTS: Final = {1: 80, 2: 443, 3: 21, 4: 25, 5: 110, 6: 143}  # by `sub_type`
_KEYWORD_EXISTS: Final = 1  # `keyword_type`: an alert if the keyword exists
_METHODS: Final = {1: "HEAD", 2: "GET", 3: "POST", 4: "PUT", 5: "PATCH", 6: "DELETE", 7: "OPTIONS"}


def convert_uptimerobot(path: Path, objective: str) -> Conversion:
    """Convert a file with the response of the API.

    Raises:
        NinewatchError: the file is not such a response.
    """
    conversion = Conversion("uptimerobot", objective)
    for index, raw in enumerate(read_items(path, "monitors", _REQUEST)):
        name = " ".join(str(raw.get("friendly_name") or f"monitor {index + 1}").split())[:200]
        place = f"{path}: monitors[{index}] ({name})"
        if str(raw.get("status")) == "0":
            conversion.note(place, "not carried over: the monitor is paused")
            continue
        check = _check(raw, name, place, conversion)
        key = str(raw.get("id") or index)
        conversion.add({"id": unique_id(name, ()), "name": name}, {key: [check] if check else []}, place)
    return conversion


def _check(raw: dict[str, Any], name: str, place: str, conversion: Conversion) -> Check | None:
    """Return the check, None (with a note) for a monitor without an equivalent."""
    kind, interval = _number(raw, "type"), _number(raw, "interval") or 300
    if kind == _HEARTBEAT:
        conversion.note(place, "the job must report to /ping/PRODUCT/CHECK (docs/probes.md)")
        token = conversion.secret(f"{name}_token", f"{place}: url")
        return {"id": "heartbeat", "heartbeat": f"every {interval}s", "token": token}
    timeout = min(_number(raw, "timeout") or 30, interval)
    timing = {"interval": notation(interval * SECOND), "timeout": notation(min(timeout * SECOND, 5 * MINUTE))}
    url = str(raw.get("url") or "")
    if kind in (_HTTP, _KEYWORD):
        return {"id": "http", **_http(raw, url, name, place, conversion), **timing}
    host = host_and_port(url if "://" in url else f"//{url}")[0]
    if kind == _PING:
        return {"id": "ping", "icmp": host.strip("[]"), **timing}
    if kind == _PORT:
        port = _PORTS.get(_number(raw, "sub_type")) or _number(raw, "port")
        return {"id": "port", "tcp": f"{host}:{port}", **timing}
    conversion.note(place, f"not carried over: monitors of the type {raw.get('type')} have no equivalent")
    return None


def _http(raw: dict[str, Any], url: str, name: str, place: str, conversion: Conversion) -> Check:
    """Return the HTTP keys. UptimeRobot follows redirects, and a status below 400 is up."""
    address, _, has_secret = without_credentials(url)
    if has_secret:
        conversion.note(place, "not carried over: the query of the address, which has a credential; use a header")
        address = address.partition("?")[0]
    check: Check = {"http": address, "redirects": 10, "expect": {"status": "200-399"}}
    method = _METHODS.get(_number(raw, "http_method"), "GET")
    is_keyword = _number(raw, "type") == _KEYWORD
    if method != "GET" and not (is_keyword and method == "HEAD"):
        check["method"] = method
    if raw.get("http_username"):
        password = conversion.secret(f"{name}_password", f"{place}: http_password")
        check["basic"] = {"user": str(raw["http_username"]), "password": password}
    if is_keyword:
        key = "not_contains" if _number(raw, "keyword_type") == _KEYWORD_EXISTS else "contains"
        check["expect"][key] = str(raw.get("keyword_value") or "")
    for key in (key for key in ("custom_http_headers", "post_value", "custom_http_statuses") if raw.get(key)):
        conversion.note(place, f"not carried over: {key}")
    return check


def _number(raw: dict[str, Any], key: str) -> int:
    """Return the number of a key, which some responses contain as text; 0 without one."""
    text = str(raw.get(key) or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
