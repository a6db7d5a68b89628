"""Convert a configuration of Gatus (versions 4 and 5): one product per endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from monitor.config.errors import ConfigError
from monitor.config.yaml_nodes import Entries, Items, Node, key_path, locate, plain_with_text, step
from monitor.config.yaml_reader import UnreadableError, read
from monitor.errors import NinewatchError
from monitor.migration.conversion import Conversion
from monitor.migration.gatus_endpoint import Endpoint
from monitor.migration.values import go_duration
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from monitor.config.errors import Loc

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONDAY: Final = datetime(2020, 1, 6, tzinfo=UTC)  # recurrences start in the past, so that they apply to histories too
_UNUSED: Final[Mapping[str, str]] = {
    "alerting": "its providers; configure receivers and routes (docs/alerting.md)",
    "announcements": "products have no announcements",
    "connectivity": "the daemon detects the loss of its own network and records unknown time",
    "remote": "endpoints of other instances; import their own files",
    "security": "the login; use access tokens or a proxy (docs/api-tokens.md)",
    "suites": "multi-step journeys; use a check of kind steps (docs/journeys.md)",
    "tunneling": "SSH tunnels",
}
_IGNORED: Final = {
    *(
        "storage",
        "ui",
        "web",
        "metrics",
        "debug",
        "concurrency",
        "disable-monitoring-lock",
        "skip-invalid-config-update",
    ),
    *("maintenance", "endpoints", "services", "external-endpoints"),
}


def convert_gatus(path: Path, objective: str) -> Conversion:
    """Convert a configuration file.

    Raises:
        NinewatchError: the file is not YAML, or not a configuration of Gatus.
    """
    try:
        root, problems = read(path, str(path), aliases=True)
    except UnreadableError as error:
        raise ConfigError([error.problem]) from None
    if problems:
        raise ConfigError(problems)
    if not isinstance(root, Entries) or not {"endpoints", "services", "external-endpoints"} & set(root.entries):
        raise NinewatchError(f"{path}: is not a configuration of Gatus: it has no endpoints; specify its config.yaml")
    return _GatusFile(root, Conversion("gatus", objective)).convert()


@dataclass(frozen=True, slots=True)
class _GatusFile:
    root: Entries
    conversion: Conversion

    def convert(self) -> Conversion:
        """Add all endpoints and the maintenance, and a note for each other block."""
        for name in self.root.entries:
            if name in _UNUSED:
                self.conversion.note(self._place((name,)), f"not carried over: {_UNUSED[name]}")
            elif name not in _IGNORED:
                self.conversion.note(self._place((name,)), "not carried over: unknown key")
        if maintenance := self._maintenance(("maintenance",)):
            self.conversion.settings["maintenance"] = [maintenance]
        for key in ("endpoints", "services"):  # `services` is the key of version 3 and earlier
            for loc, raw in self._blocks((key,)):
                self._endpoint(loc, raw)
        for loc, raw in self._blocks(("external-endpoints",)):
            self._external(loc, raw)
        return self.conversion

    def _place(self, loc: Loc) -> str:
        return f"{locate(self.root, loc)[0]}: {key_path(self.root, loc)}"

    def _blocks(self, loc: Loc) -> Iterator[tuple[Loc, dict[str, Any]]]:
        """Yield the mappings of a list."""
        node = _node_at(self.root, loc)
        for index, item in enumerate(node.items if isinstance(node, Items) else ()):
            if isinstance(item, Entries):
                yield (*loc, index), plain_with_text(item)

    def _endpoint(self, loc: Loc, raw: dict[str, Any]) -> None:
        endpoint = Endpoint(raw, self.conversion, lambda *parts: self._place((*loc, *parts)))
        if str(raw.get("enabled", True)).lower() == "false":
            self.conversion.note(self._place(loc), f'not carried over: the endpoint "{endpoint.name}" is disabled')
            return
        checks = endpoint.checks()
        product = endpoint.product()
        windows = [self._maintenance(block) for block, _ in self._blocks((*loc, "maintenance-windows"))]
        if valid_windows := [window for window in windows if window]:
            product["maintenance"] = valid_windows
        self.conversion.add(product, {endpoint.key: checks}, self._place(loc))

    def _external(self, loc: Loc, raw: dict[str, Any]) -> None:
        """Convert an endpoint whose results are pushed to a heartbeat."""
        endpoint = Endpoint(raw, self.conversion, lambda *parts: self._place((*loc, *parts)))
        heartbeat = raw.get("heartbeat")
        interval = go_duration(heartbeat.get("interval")) if isinstance(heartbeat, dict) else None
        if not interval:
            self.conversion.note(
                self._place(loc),
                f'not carried over: the external endpoint "{endpoint.name}" has no heartbeat interval; use a '
                "heartbeat check with the schedule of its job",
            )
            return
        token = self.conversion.secret(
            f"{endpoint.product()['id']}_token", self._place((*loc, "token")), raw.get("token")
        )
        self.conversion.note(self._place(loc), "the job must report to /ping/PRODUCT/CHECK (docs/probes.md)")
        check = {"id": "heartbeat", "heartbeat": f"every {interval // SECOND}s", **endpoint.streaks(), "token": token}
        self.conversion.add(endpoint.product(), {endpoint.key: [check]}, self._place(loc))

    def _maintenance(self, loc: Loc) -> dict[str, Any] | None:
        node = _node_at(self.root, loc)
        raw = plain_with_text(node) if isinstance(node, Entries) else {}
        if not raw or str(raw.get("enabled", True)).lower() == "false":
            return None
        start = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", str(raw.get("start", "")))
        length, days = go_duration(raw.get("duration")), [str(day) for day in raw.get("every") or ()]
        if start is None or not length or not set(days) <= set(_DAYS):
            self.conversion.note(self._place(loc), "not carried over: start, duration or every is invalid")
            return None
        return _recurring_maintenance(
            timedelta(hours=int(start[1]), minutes=int(start[2])), length, days, str(raw.get("timezone", "UTC"))
        )


def _node_at(root: Node, loc: Loc) -> Node | None:
    node: Node | None = root
    for part in loc:
        node = step(node, part) if node is not None else None
    return node


def _recurring_maintenance(start: timedelta, length: int, days: list[str], zone: str) -> dict[str, Any]:
    """Return planned maintenance that starts at a time of day on some days of the week."""
    first = _MONDAY + timedelta(days=min((_DAYS.index(day) for day in days), default=0)) + start
    rule = f"FREQ=WEEKLY;BYDAY={','.join(day[:2].upper() for day in days)}" if days else "FREQ=DAILY"
    return {
        "start": f"{first:%Y-%m-%dT%H:%M}",
        "end": f"{first + timedelta(microseconds=length):%Y-%m-%dT%H:%M:%S}",
        "rrule": rule,
        "zone": zone or "UTC",
        "reason": "maintenance of Gatus",
    }
