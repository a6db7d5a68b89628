"""Parse YAML to nodes with their place in the file. No file can make this slow, large or execute code.

The events of libyaml's parser are taken one by one and counted, and no tag is obeyed. An alias is refused, so that what
is built is never larger than what is written, or counts as much as what it repeats. What YAML reads differently than
people do (`010`, `1:30`) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from monitor.config.errors import Loc, Mark, Problem, quoted
from monitor.config.file_access import opened
from monitor.config.validation_context import Located
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, key_path, misread

LARGEST = 1 << 20  # bytes of one file; a thousand checks take a fifth of that
DEEPEST = 24
MOST_NODES = 50_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is there: ten times as fast
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_PREFIX + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")}


class UnreadableError(Exception):
    """The file as a whole cannot be used; holds the one problem that stopped the reading."""

    def __init__(self, mark: Mark, message: str) -> None:
        self.problem = Problem(mark, "", message)
        super().__init__(message)


def read(path: Path, shown: str, *, aliases: bool = False) -> tuple[Node, list[Problem]]:
    """Return the file's nodes, and what is wrong with single ones of them; `aliases` and merge keys are followed if so.

    Raises:
        UnreadableError: it cannot be read as YAML, is empty, or is larger, deeper or more than a configuration is.
    """
    reader = _Reader(_text(path, shown), shown, path.parent, {} if aliases else None)
    return reader.document(), reader.problems


def _text(path: Path, shown: str) -> str:
    try:
        with opened(path) as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise UnreadableError(Mark(shown), f"cannot be read: {reason}") from None
    if len(raw) > LARGEST:
        raise UnreadableError(Mark(shown), "is larger than 1 MiB; split it into several files in a folder")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise UnreadableError(Mark(shown, line, column), "is not UTF-8 text; save it as UTF-8") from None


class _Reader:
    """One file's reading: the parser, what was counted, and what was found wrong."""

    def __init__(self, text: str, shown: str, directory: Path, anchors: dict[str, tuple[Node, int]] | None) -> None:
        self.problems: list[Problem] = []
        self._shown = shown
        self._directory = directory
        self._text = text
        self._nodes = 0
        self._anchors = anchors  # name -> what bears it, and how many nodes that is; None where none may be used
        self._broken: list[tuple[Mark, Loc, str]] = []
        try:
            self._loader = _Loader(text)
        except yaml.reader.ReaderError as error:
            raise self._unreadable(error) from None

    def document(self) -> Node:
        """Return the root of the file's only document."""
        try:
            root = self._document()
        except yaml.YAMLError as error:
            raise self._unreadable(error) from None
        finally:
            self._loader.dispose()
        self.problems += [Problem(mark, key_path(root, loc), message) for mark, loc, message in self._broken]
        return root

    def _document(self) -> Node:
        self._loader.get_event()  # the stream's start
        if self._loader.check_event(yaml.StreamEndEvent):
            raise UnreadableError(Mark(self._shown), "holds nothing; was it cut off while it was written?")
        self._loader.get_event()  # the document's start
        root = self._node(())
        self._loader.get_event()  # the document's end
        if not self._loader.check_event(yaml.StreamEndEvent):
            mark = self._mark(self._loader.peek_event())
            raise UnreadableError(mark, "a second document starts here; write one document a file, without ---")
        return root

    def _node(self, loc: Loc) -> Node:
        event = self._loader.get_event()
        mark, before = self._mark(event), self._nodes
        if isinstance(event, yaml.AliasEvent):
            return self._repeated(event.anchor or "", mark, len(loc))
        self._count(1, mark, len(loc))
        node = self._made(event, mark, loc)
        if event.anchor is not None and self._anchors is not None:
            self._anchors[event.anchor] = node, self._nodes - before
        return node

    def _made(self, event: Any, mark: Mark, loc: Loc) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, mark, loc)
        self._refuse_tag(event.tag, mark, loc)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(mark, tuple(self._items(loc)))
        return self._entries(mark, loc)

    def _repeated(self, anchor: str, mark: Mark, depth: int) -> Node:
        if self._anchors is None:
            raise UnreadableError(mark, f"*{anchor} repeats another part; aliases are refused, write it out")
        if anchor not in self._anchors:
            raise UnreadableError(mark, f"*{anchor} repeats a part that is not complete before it; write it out")
        node, size = self._anchors[anchor]
        self._count(size, mark, depth)
        return node

    def _count(self, nodes: int, mark: Mark, depth: int) -> None:
        """Stop at what only a mistake or an attack is made of."""
        self._nodes += nodes
        if depth > DEEPEST:
            raise UnreadableError(mark, f"is nested deeper than {DEEPEST} levels")
        if self._nodes > MOST_NODES:
            raise UnreadableError(mark, f"holds more than {MOST_NODES} values; split it into several files in a folder")

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
            if self._anchors is not None and self._merges():
                merged += self._merged(loc)
                continue
            place, key = self._key(loc)
            value = self._node((*loc, key))
            if key in keys:
                self._broken.append((place, (*loc, key), f"is set twice; first in line {keys[key].line}"))
                continue
            entries[key], keys[key] = value, place
        self._loader.get_event()
        for each in merged:
            if isinstance(each, Entries):
                entries, keys = {**each.entries, **entries}, {**each.keys, **keys}
        return Entries(mark, entries, keys)

    def _merges(self) -> bool:
        """Return whether the next key is `<<`, without quotes."""
        event = self._loader.peek_event()
        return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style

    def _merged(self, loc: Loc) -> tuple[Node, ...]:
        """Return the mappings that a merge key names; the first of them that has a key gives its value."""
        self._loader.get_event()
        node = self._node((*loc, "<<"))
        found = node.items if isinstance(node, Items) else (node,)
        if not all(isinstance(each, Entries) for each in found):
            raise UnreadableError(node.mark, "<< takes a mapping, or a list of mappings; write *NAME of one")
        return found

    def _key(self, loc: Loc) -> tuple[Mark, str]:
        event = self._loader.peek_event()
        if isinstance(event, yaml.CollectionStartEvent):
            raise UnreadableError(self._mark(event), "a key must be text, not a list or a mapping")
        node = self._node(loc)
        if isinstance(node, Scalar) and not isinstance(node.value, str):
            self._broken.append((node.mark, loc, f"a key must be text, and {misread(node)}"))
        return node.mark, str(event.value)

    def _scalar(self, event: Any, mark: Mark, loc: Loc) -> Scalar:
        tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit) if event.tag is None else event.tag
        text = event.value if event.style is None or event.style == "" else None
        if not self._refuse_tag(event.tag, mark, loc) or tag == _PREFIX + "str":
            return Scalar(mark, Located.at(event.value, self._directory))
        if tag == _PREFIX + "merge":
            raise UnreadableError(mark, "<< repeats another part; merging is refused, write it out")
        try:
            value = self._loader.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark))
        except (ValueError, yaml.YAMLError):
            value = None
        if isinstance(value, int | float | None) and not isinstance(value, bool) and _strange(event.value, tag):
            self._broken.append((mark, loc, _trap(event.value, value)))
        return Scalar(mark, value, text)

    def _refuse_tag(self, tag: str | None, mark: Mark, loc: Loc) -> bool:
        """Note a tag that asks for more than plain data; nothing is made of it."""
        if tag is None or tag in _PLAIN_TAGS or tag == "!":
            return True
        shown = tag.replace(_PREFIX, "!!")
        self._broken.append((mark, loc, f"{quoted(shown)} is a tag, which is refused; write the value itself"))
        return False

    def _mark(self, event: Any) -> Mark:
        return Mark(self._shown, event.start_mark.line + 1, event.start_mark.column + 1)

    def _unreadable(self, error: yaml.YAMLError) -> UnreadableError:
        if isinstance(error, yaml.reader.ReaderError):
            line = self._text.count("\n", 0, error.position) + 1
            column = error.position - self._text.rfind("\n", 0, error.position)
            return UnreadableError(Mark(self._shown, line, column), "holds a control character; delete it")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = Mark(self._shown, mark.line + 1, mark.column + 1) if mark else Mark(self._shown)
        tabbed = mark is not None and self._at(mark.line, mark.column) == "\t"
        return UnreadableError(place, f"is not YAML: {_explained(error, tabbed)}")

    def _at(self, line: int, column: int) -> str:
        lines = self._text.split("\n", line + 1)
        return lines[line][column : column + 1] if line < len(lines) else ""


def _strange(text: str, tag: str) -> bool:
    """Return whether a number is written in a way that people read as something else."""
    return tag in (_PREFIX + "int", _PREFIX + "float", _PREFIX + "timestamp") and not _PLAIN_NUMBER.fullmatch(text)


def _trap(text: str, value: Any) -> str:
    if value is None:
        return f"{quoted(text)} is neither a number nor a date; put it in quotes if it is text"
    if str(value) == text:
        return f"{quoted(text)} is longer than any number here; put it in quotes if it is text"
    return f'{text} is read by YAML as the number {value}; write {value}, or "{text}" in quotes for the text'


def _explained(error: yaml.YAMLError, tabbed: bool) -> str:
    problem = str(getattr(error, "problem", None) or "cannot be read").replace("\n", " ")
    if tabbed:
        return "a tab stands here; indent with spaces"
    if "mapping values are not allowed" in problem:
        return f"{problem}; put a text that holds a colon in quotes, and check the indentation"
    return f"{problem}; check quotes, brackets and indentation"
