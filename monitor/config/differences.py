"""Compare two configurations as written, without their secrets: added, removed and changed keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor.config.errors import ConfigError
from monitor.config.sources import Sources
from monitor.config.validation_context import Context

# Keys of a product that belong to its definition, and keys that decide which notifications are sent.
_DEFINITION: Final = ("objective", "window", "rule", "agreement", "depends_on", "parts", "was")
_ALERTS: Final = (
    *("receivers", "routes", "escalations", "people", "priorities", "alerting", "standby"),
    *("budget_policy", "fall", "rise"),
)
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Change:
    """A difference. `path` has the ids of list items; a value that is absent is None in `before` or `after`."""

    path: tuple[str, ...]
    before: str | None
    after: str | None

    @property
    def topic(self) -> str:
        """The topic of the change: `definition`, `alerts`, `check`, `product` or `settings`."""
        keys = self.path[2:] if self.path[0] == "products" else self.path
        if any(key in _ALERTS for key in keys[:1] + keys[-1:]):
            return "alerts"
        if self.path[0] != "products":
            return "settings"
        if not keys or keys[0] in _DEFINITION or (keys[0] == "checks" and len(keys) == 2):
            return "definition"
        return "check" if keys[0] == "checks" else "product"

    def __str__(self) -> str:
        name = ".".join(self.path)
        if self.before is None:
            return f"+ {self.topic}: {name}: {self.after}"
        if self.after is None:
            return f"- {self.topic}: {name}: {self.before}"
        return f"~ {self.topic}: {name}: {self.before} -> {self.after}"


def changes(before: Path, after: Path) -> list[Change]:
    """Return the differences of two configurations in the order of the first one, then of the second one.

    Raises:
        ConfigError: one of them cannot be read.
    """
    return list(_changes((), _plain(before), _plain(after)))


def _plain(path: Path) -> Any:
    sources = Sources(path, Context())
    if sources.problems:
        raise ConfigError(sources.problems)
    return _by_id(sources.root.plain())


def _by_id(value: Any) -> Any:
    """Replace each list of mappings with ids by a mapping by id, so that the order of the list does not matter."""
    if isinstance(value, Mapping):
        return {key: _by_id(item) for key, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, Mapping) and "id" in item for item in value):
        return {str(item["id"]): {key: _by_id(part) for key, part in item.items() if key != "id"} for item in value}
    return value


def _changes(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _changes((*path, str(key)), before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif before != after or type(before) is not type(after):
        yield Change(path, _value_text(before), _value_text(after))


def _value_text(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
