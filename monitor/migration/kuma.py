"""Convert the database of Uptime Kuma (versions 1 and 2): a product per group, and per monitor without a group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from monitor.migration.conversion import Conversion
from monitor.migration.kuma_maintenance import planned_maintenance
from monitor.migration.kuma_monitor import KumaMonitor
from monitor.migration.values import unique_id
from monitor.storage.other_tools import read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from monitor.migration.conversion import Check
    from monitor.storage.other_tools import Rows

_TABLES: Final = (
    *("monitor", "tag", "monitor_tag", "maintenance", "monitor_maintenance"),
    *("notification", "proxy", "status_page"),
)


def convert_kuma(path: Path, objective: str) -> Conversion:
    """Convert the database `kuma.db`.

    Raises:
        NinewatchError: the file is not a database of Uptime Kuma.
    """
    tables = read_tables(path, _TABLES)
    if not tables["monitor"]:
        raise NinewatchError(f"{path}: has no monitors of Uptime Kuma; specify its kuma.db")
    database = _Database(path, tables, Conversion("uptime-kuma", objective))
    database.convert()
    return database.conversion


@dataclass(slots=True)
class _Database:
    path: Path
    tables: Mapping[str, Rows]
    conversion: Conversion
    monitors: dict[int, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.monitors = {row["id"]: row for row in self.tables["monitor"]}

    def convert(self) -> None:
        """Add the products, and notes about all other parts."""
        for row in self.monitors.values():
            if self._root_group(row) is row:
                self._add_product(row)
        for table, reason in (
            ("notification", "configure a receiver (docs/alerting.md)"),
            ("status_page", "the pages of ninewatch list all products"),
        ):
            for row in self.tables[table]:
                name = row.get("name") or row.get("title")
                self.conversion.note(f"{self.path}: {table} {row['id']} ({name})", f"not carried over: {reason}")

    def _place(self, table: str, row: Mapping[str, Any], name: str = "name") -> str:
        return f"{self.path}: {table} {row['id']} ({row.get(name)})"

    def _root_group(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the outermost group of a monitor, or the monitor itself without a group."""
        visited = {row["id"]}
        while (parent := self.monitors.get(row.get("parent") or 0)) is not None and parent["id"] not in visited:
            visited.add(parent["id"])
            row = parent
        return row

    def _add_product(self, top: dict[str, Any]) -> None:
        members = [row for row in self.monitors.values() if self._root_group(row) is top and row["type"] != "group"]
        checks: dict[str, list[Check]] = {}
        for row in members:
            place = self._place("monitor", row)
            if not row.get("active"):
                self.conversion.note(place, "not carried over: the monitor is paused")
                continue
            monitor = KumaMonitor(row, self.conversion, place, self._proxy(row))
            checks[str(row["id"])] = [check for check in [monitor.check()] if check]
        product: dict[str, Any] = {
            "id": unique_id(str(top["name"]), ()),
            "name": " ".join(str(top["name"]).split())[:200],
        }
        if team := self._team([top, *members]):
            product["team"] = team
        if planned := [
            planned_window
            for row in self._maintenance([top, *members])
            if (planned_window := self._planned_maintenance(row))
        ]:
            product["maintenance"] = planned
        self.conversion.add(product, checks, self._place("monitor", top))

    def _proxy(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        return next((proxy for proxy in self.tables["proxy"] if proxy["id"] == row.get("proxy_id")), None)

    def _team(self, rows: Rows) -> str | None:
        """Return the value of the tag `team`, and add a note for each other tag."""
        names = {row["id"]: row["name"] for row in self.tables["tag"]}
        by_id, team = {row["id"]: row for row in rows}, None
        for tag in self.tables["monitor_tag"]:
            row = by_id.get(tag["monitor_id"])
            if row is None:
                continue
            name, value = names.get(tag["tag_id"], ""), str(tag.get("value") or "")
            if name.lower() == "team" and value:
                team = team or value
            else:
                self.conversion.note(self._place("monitor", row), f"not carried over: the tag {name} {value}".rstrip())
        return team

    def _maintenance(self, rows: Rows) -> Iterator[dict[str, Any]]:
        """Yield the active maintenance of the monitors, each once."""
        ids = {row["id"] for row in rows}
        maintenance_ids = {
            link["maintenance_id"] for link in self.tables["monitor_maintenance"] if link["monitor_id"] in ids
        }
        yield from (row for row in self.tables["maintenance"] if row["id"] in maintenance_ids and row.get("active"))

    def _planned_maintenance(self, row: dict[str, Any]) -> dict[str, Any] | None:
        place = self._place("maintenance", row, "title")
        planned = planned_maintenance(row)
        if planned is None:
            self.conversion.note(place, f"not carried over: the strategy {row['strategy']} has no equivalent")
        elif row.get("timezone") == "SAME_AS_SERVER":
            self.conversion.note(place, "its time zone is that of the server; UTC is assumed")
        return planned
