"""YAML nodes with their position in the file, and key paths for messages."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.errors import quoted

if TYPE_CHECKING:
    from monitor.config.errors import Loc, Mark

_TYPE_NAMES = {bool: "the boolean", int: "the number", float: "the number", datetime.date: "a date"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `text` is its text in the file, None if the value is in quotes."""

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
    """A mapping, in the order of the file. `keys` are the positions of its keys."""

    mark: Mark
    entries: Mapping[str, Node]
    keys: Mapping[str, Mark]

    def plain(self) -> dict[str, Any]:
        """Return plain lists, dicts and values."""
        return {key: node.plain() for key, node in self.entries.items()}


Node = Scalar | Items | Entries


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A value that YAML does not parse as text, with the original text."""

    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


def plain_with_text(node: Node) -> Any:
    """Return plain lists, dicts and values as `plain` does, with booleans, fractions and dates as `ParsedText`."""
    if isinstance(node, Items):
        return [plain_with_text(item) for item in node.items]
    if isinstance(node, Entries):
        return {key: plain_with_text(value) for key, value in node.entries.items()}
    ambiguous = isinstance(node.value, bool | float | datetime.date)
    return ParsedText(node.value, node.text) if ambiguous and node.text is not None else node.value


def step(node: Node, part: str | int) -> Node | None:
    """Return the child with this name or index, or None."""
    if isinstance(node, Entries) and isinstance(part, str):
        return node.entries.get(part)
    if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def locate(root: Node, loc: Loc) -> tuple[Mark, Node | None]:
    """Return the position of the value at `loc`, and the value. A missing value has the position of its parent."""
    node: Node | None = root
    mark = root.mark
    for part in loc:
        node = step(node, part) if node is not None else None
        mark = node.mark if node is not None else mark
    return mark, node


def find(root: Node, loc: Loc) -> Node | None:
    """Return the value at `loc`, or None."""
    return locate(root, loc)[1]


def key_path(root: Node, loc: Loc) -> str:
    """Return a path such as `products.chefs.checks.status.interval`. List items are shown by id, or by index."""
    path = ""
    node: Node | None = root
    for part in loc:
        node = step(node, part) if node is not None else None
        name = _name(node) if isinstance(part, int) else _key_text(part)
        path += f".{name}" if name else f"[{part}]"
    return path.removeprefix(".")


def _key_text(key: str) -> str:
    """Return a key for a path. A long key, or one with unprintable characters, is quoted and shortened."""
    return key if len(key) < 64 and key.isprintable() and key else quoted(key)


def _name(node: Node | None) -> str | None:
    """Return the id of a list item, or None if it has no valid id."""
    child = step(node, "id") if isinstance(node, Entries) else None
    if isinstance(child, Scalar) and isinstance(child.value, str) and re.fullmatch(r"[\w-]{1,63}", child.value):
        return child.value
    return None


def misread_reason(node: Scalar) -> str:
    """Return why YAML does not read an unquoted value as text, and the remedy."""
    if node.value is None:
        return "has no value"
    kind = next(name for type_, name in _TYPE_NAMES.items() if isinstance(node.value, type_))
    value = f" {str(node.value).lower()}" if isinstance(node.value, bool | int | float) else ""
    return f'YAML reads {node.text} as {kind}{value}; use "{node.text}" in quotes'
