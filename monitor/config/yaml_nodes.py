"""YAML nodes with their place in the file, and key paths for messages."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.errors import quoted

if TYPE_CHECKING:
    from monitor.config.errors import Loc, Mark

_READ_AS = {bool: "the truth value", int: "the number", float: "the number", datetime.date: "a date"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is how it is written if that is not in quotes, else None."""

    mark: Mark
    value: Any
    text: str | None = None

    def plain(self) -> Any:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    mark: Mark
    items: tuple[Node, ...]

    def plain(self) -> list[Any]:
        """Return plain lists, dicts and values."""
        return [item.plain() for item in self.items]


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, in the order written; `keys` are the places of its keys."""

    mark: Mark
    entries: Mapping[str, Node]
    keys: Mapping[str, Mark]

    def plain(self) -> dict[str, Any]:
        """Return plain lists, dicts and values."""
        return {key: node.plain() for key, node in self.entries.items()}


Node = Scalar | Items | Entries


@dataclass(frozen=True, slots=True)
class Written:
    """A value that YAML parses as something other than text, with the original text."""

    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


def as_written(node: Node) -> Any:
    """Return plain lists, dicts and values as `plain` does, with truth values, fractions and dates as `Written`."""
    if isinstance(node, Items):
        return [as_written(item) for item in node.items]
    if isinstance(node, Entries):
        return {key: as_written(each) for key, each in node.entries.items()}
    ambiguous = isinstance(node.value, bool | float | datetime.date)
    return Written(node.value, node.text) if ambiguous and node.text is not None else node.value


def step(node: Node, part: str | int) -> Node | None:
    """Return the child of that name or index, None where there is none."""
    if isinstance(node, Entries) and isinstance(part, str):
        return node.entries.get(part)
    if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def locate(root: Node, loc: Loc) -> tuple[Mark, Node | None]:
    """Return the place of the value at `loc`, and the value; of a missing one, the place of what should hold it."""
    node: Node | None = root
    mark = root.mark
    for part in loc:
        node = step(node, part) if node is not None else None
        mark = node.mark if node is not None else mark
    return mark, node


def find(root: Node, loc: Loc) -> Node | None:
    """Return the value at `loc`, None where nothing is written."""
    return locate(root, loc)[1]


def key_path(root: Node, loc: Loc) -> str:
    """Return `products.chefs.checks.status.interval`: list items by their id, by their index where they have none."""
    path = ""
    node: Node | None = root
    for part in loc:
        node = step(node, part) if node is not None else None
        name = _name(node) if isinstance(part, int) else _shown(part)
        path += f".{name}" if name else f"[{part}]"
    return path.removeprefix(".")


def _shown(key: str) -> str:
    """Return a key as a path may show it: one that is long or holds unseen characters is quoted and cut."""
    return key if len(key) < 64 and key.isprintable() and key else quoted(key)


def _name(node: Node | None) -> str | None:
    """Return the id of a list's item, if it has one that can be shown."""
    held = step(node, "id") if isinstance(node, Entries) else None
    if isinstance(held, Scalar) and isinstance(held.value, str) and re.fullmatch(r"[\w-]{1,63}", held.value):
        return held.value
    return None


def misread(node: Scalar) -> str:
    """Return why an unquoted value is not the text that it looks like, and how to make it so."""
    if node.value is None:
        return "nothing is written here"
    kind = next(words for type_, words in _READ_AS.items() if isinstance(node.value, type_))
    value = f" {str(node.value).lower()}" if isinstance(node.value, bool | int | float) else ""
    return f'{node.text} is read by YAML as {kind}{value}; write "{node.text}" in quotes'
