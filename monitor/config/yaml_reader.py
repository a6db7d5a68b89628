"""Parse YAML to nodes with their position in the file. Time and memory are bounded for any file; no code is executed.

The reader counts the nodes from libyaml's parser. Tags are rejected. Aliases are rejected, or counted with the size of
the part that they repeat, so that the limit applies to the result. Numbers that people read differently than YAML
(`010`, `1:30`) are rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from monitor.config.errors import Loc, Mark, Problem, quoted
from monitor.config.file_access import open_regular
from monitor.config.validation_context import Located
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, key_path, misread_reason

MAX_BYTES = 1 << 20  # per file; 1,000 checks take a fifth of it
MAX_DEPTH = 24
MAX_NODES = 50_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, if available, is ten times as fast
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_PREFIX + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")}


class UnreadableError(Exception):
    """The file cannot be read. `problem` is the problem that stopped the reader."""

    def __init__(self, mark: Mark, message: str) -> None:
        self.problem = Problem(mark, "", message)
        super().__init__(message)


def read(path: Path, display_path: str, *, aliases: bool = False) -> tuple[Node, list[Problem]]:
    """Return the root node of the file, and problems of single nodes. `aliases`: aliases and merge keys are allowed.

    Raises:
        UnreadableError: the file is not YAML, is empty, or exceeds the limits of size, depth or number of nodes.
    """
    reader = _Reader(_text(path, display_path), display_path, path.parent, {} if aliases else None)
    return reader.document(), reader.problems


def _text(path: Path, display_path: str) -> str:
    try:
        with open_regular(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise UnreadableError(Mark(display_path), f"cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise UnreadableError(Mark(display_path), "is larger than 1 MiB; split it into several files in a folder")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise UnreadableError(Mark(display_path, line, column), "is not UTF-8 text; save it as UTF-8") from None


def read_documents(path: Path, display_path: str) -> tuple[list[Node], list[Problem]]:
    """Return the root node of each document of the file, and the problems of single nodes; aliases are allowed.

    Documents without content are skipped.

    Raises:
        UnreadableError: as of `read`.
    """
    reader = _Reader(_text(path, display_path), display_path, path.parent, {})
    roots = [root for root in reader.documents() if not isinstance(root, Scalar) or root.value is not None]
    return roots, reader.problems


class _Reader:
    """The reader of one file: the parser, the number of nodes so far, and the problems."""

    def __init__(
        self, text: str, display_path: str, directory: Path, anchors: dict[str, tuple[Node, int]] | None
    ) -> None:
        self.problems: list[Problem] = []
        self._shown = display_path
        self._directory = directory
        self._text = text
        self._nodes = 0
        self._anchors = anchors  # name -> node and its size in nodes; None if aliases are not allowed
        self._located_messages: list[tuple[Mark, Loc, str]] = []
        try:
            self._loader = _Loader(text)
        except yaml.reader.ReaderError as error:
            raise self._unreadable(error) from None

    def document(self) -> Node:
        """Return the root of the file's only document."""
        return self.documents(several=False)[0]

    def documents(self, *, several: bool = True) -> list[Node]:
        """Return the root of each document of the file; at least one."""
        try:
            return list(self._documents(several))
        except yaml.YAMLError as error:
            raise self._unreadable(error) from None
        finally:
            self._loader.dispose()

    def _documents(self, several: bool) -> Iterator[Node]:
        self._loader.get_event()  # the stream's start
        if self._loader.check_event(yaml.StreamEndEvent):
            raise UnreadableError(Mark(self._shown), "the file is empty; check that it was written completely")
        while not self._loader.check_event(yaml.StreamEndEvent):
            self._loader.get_event()  # the document's start
            root = self._node(())
            self._loader.get_event()  # the document's end
            if not several and not self._loader.check_event(yaml.StreamEndEvent):
                mark = self._mark(self._loader.peek_event())
                raise UnreadableError(mark, "a second document starts here; use one document per file, without ---")
            messages = self._located_messages
            self.problems += [Problem(mark, key_path(root, loc), message) for mark, loc, message in messages]
            self._located_messages = []
            if self._anchors is not None:
                self._anchors.clear()
            yield root

    def _node(self, loc: Loc) -> Node:
        event = self._loader.get_event()
        mark, before = self._mark(event), self._nodes
        if isinstance(event, yaml.AliasEvent):
            return self._reject_repeated_key(event.anchor or "", mark, len(loc))
        self._count(1, mark, len(loc))
        node = self._parse(event, mark, loc)
        if event.anchor is not None and self._anchors is not None:
            self._anchors[event.anchor] = node, self._nodes - before
        return node

    def _parse(self, event: Any, mark: Mark, loc: Loc) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, mark, loc)
        self._check_tag(event.tag, mark, loc)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(mark, tuple(self._items(loc)))
        return self._entries(mark, loc)

    def _reject_repeated_key(self, anchor: str, mark: Mark, depth: int) -> Node:
        if self._anchors is None:
            raise UnreadableError(mark, f"*{anchor} is an alias, which is not allowed; repeat the part instead")
        if anchor not in self._anchors:
            raise UnreadableError(
                mark, f"*{anchor} is an alias of a part that is not complete before it; repeat the part instead"
            )
        node, size = self._anchors[anchor]
        self._count(size, mark, depth)
        return node

    def _count(self, nodes: int, mark: Mark, depth: int) -> None:
        """Count nodes, and stop at the limits."""
        self._nodes += nodes
        if depth > MAX_DEPTH:
            raise UnreadableError(mark, f"is nested deeper than {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            raise UnreadableError(mark, f"has more than {MAX_NODES} values; split it into several files in a folder")

    def _items(self, loc: Loc) -> Iterator[Node]:
        index = 0
        while not self._loader.check_event(yaml.SequenceEndEvent):
            yield self._node((*loc, index))
            index += 1
        self._loader.get_event()

    def _entries(self, mark: Mark, loc: Loc) -> Entries:
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        merged: list[Node] = []
        while not self._loader.check_event(yaml.MappingEndEvent):
            if self._anchors is not None and self._is_merge_key():
                merged += self._merge(loc)
                continue
            place, key = self._key(loc)
            value = self._node((*loc, key))
            if key in keys:
                self._located_messages.append((place, (*loc, key), f"is set twice; first in line {keys[key].line}"))
                continue
            entries[key], keys[key] = value, place
        self._loader.get_event()
        for mapping in merged:
            if isinstance(mapping, Entries):
                entries, keys = {**mapping.entries, **entries}, {**mapping.keys, **keys}
        return Entries(mark, entries, keys)

    def _is_merge_key(self) -> bool:
        """Return whether the next key is `<<`, without quotes."""
        event = self._loader.peek_event()
        return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style

    def _merge(self, loc: Loc) -> tuple[Node, ...]:
        """Return the mappings of a merge key. If several have the same key, the first one is used."""
        self._loader.get_event()
        node = self._node((*loc, "<<"))
        mappings = node.items if isinstance(node, Items) else (node,)
        if not all(isinstance(mapping, Entries) for mapping in mappings):
            raise UnreadableError(node.mark, "<< requires a mapping, or a list of mappings; use *NAME of one")
        return mappings

    def _key(self, loc: Loc) -> tuple[Mark, str]:
        event = self._loader.peek_event()
        if isinstance(event, yaml.CollectionStartEvent):
            raise UnreadableError(self._mark(event), "a key must be text, not a list or a mapping")
        node = self._node(loc)
        if isinstance(node, Scalar) and not isinstance(node.value, str):
            self._located_messages.append((node.mark, loc, f"a key must be text, and {misread_reason(node)}"))
        return node.mark, str(event.value)

    def _scalar(self, event: Any, mark: Mark, loc: Loc) -> Scalar:
        tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit) if event.tag is None else event.tag
        text = event.value if event.style is None or event.style == "" else None
        if not self._check_tag(event.tag, mark, loc) or tag == _PREFIX + "str":
            return Scalar(mark, Located.at(event.value, self._directory))
        if tag == _PREFIX + "merge":
            raise UnreadableError(mark, "<< is a merge key, which is not allowed; repeat the part instead")
        try:
            value = self._loader.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark))
        except (ValueError, yaml.YAMLError):
            value = None
        if (
            isinstance(value, int | float | None)
            and not isinstance(value, bool)
            and _is_ambiguous_number(event.value, tag)
        ):
            self._located_messages.append((mark, loc, _ambiguous_number_message(event.value, value)))
        return Scalar(mark, value, text)

    def _check_tag(self, tag: str | None, mark: Mark, loc: Loc) -> bool:
        """Report a tag other than those of plain data. Return whether the tag is allowed."""
        if tag is None or tag in _PLAIN_TAGS or tag == "!":
            return True
        short_tag = tag.replace(_PREFIX, "!!")
        self._located_messages.append(
            (mark, loc, f"{quoted(short_tag)} is a tag, which is not allowed; use the value itself")
        )
        return False

    def _mark(self, event: Any) -> Mark:
        return Mark(self._shown, event.start_mark.line + 1, event.start_mark.column + 1)

    def _unreadable(self, error: yaml.YAMLError) -> UnreadableError:
        if isinstance(error, yaml.reader.ReaderError):
            line = self._text.count("\n", 0, error.position) + 1
            column = error.position - self._text.rfind("\n", 0, error.position)
            return UnreadableError(Mark(self._shown, line, column), "contains a control character; delete it")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = Mark(self._shown, mark.line + 1, mark.column + 1) if mark else Mark(self._shown)
        is_tab = mark is not None and self._character(mark.line, mark.column) == "\t"
        return UnreadableError(place, f"is not YAML: {_error_text(error, is_tab=is_tab)}")

    def _character(self, line: int, column: int) -> str:
        lines = self._text.split("\n", line + 1)
        return lines[line][column : column + 1] if line < len(lines) else ""


def _is_ambiguous_number(text: str, tag: str) -> bool:
    """Return whether a person may read the number differently than YAML does."""
    return tag in (_PREFIX + "int", _PREFIX + "float", _PREFIX + "timestamp") and not _PLAIN_NUMBER.fullmatch(text)


def _ambiguous_number_message(text: str, value: Any) -> str:
    if value is None:
        return f"{quoted(text)} is neither a number nor a date; put it in quotes if it is text"
    if str(value) == text:
        return f"{quoted(text)} has too many digits for a number; put it in quotes if it is text"
    return f'YAML reads {text} as the number {value}; use {value}, or "{text}" in quotes for the text'


def _error_text(error: yaml.YAMLError, *, is_tab: bool) -> str:
    problem = str(getattr(error, "problem", None) or "cannot be read").replace("\n", " ")
    if is_tab:
        return "there is a tab; indent with spaces"
    if "mapping values are not allowed" in problem:
        return f"{problem}; put a text with a colon in quotes, and check the indentation"
    return f"{problem}; check quotes, brackets and indentation"
