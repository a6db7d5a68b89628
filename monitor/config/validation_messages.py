"""Translate pydantic's errors to problems with position, key path, and a message that states the allowed values."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from monitor.config.errors import Loc, Mark, Problem, quoted
from monitor.config.references import reference_types
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, find, key_path, locate, misread_reason

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from monitor.config.alerting import ReceiverBase
    from monitor.config.base import Model
    from monitor.config.check import CheckBase

_BLOCK = "a block of keys; use key: value"
_LIST = "a list; put - before each item, or [a, b]"

# pydantic's error type -> expected value. The actual value is never quoted, because it may be a secret.
_EXPECTED = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false, without quotes",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _BLOCK,
    "model_type": _BLOCK,
    "model_attributes_type": _BLOCK,
}

# pydantic's error type -> message, from the error's context.
_MESSAGES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda ctx: "is missing; add it",
    "value_error": lambda ctx: str(ctx["error"]),
    "at_key": lambda ctx: str(ctx["message"]),
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "string_too_short": lambda ctx: "is empty; add at least one character",
    "string_too_long": lambda ctx: f"is longer than {ctx['max_length']} characters",
    "too_short": lambda ctx: "is empty; add at least one",
    "literal_error": lambda ctx: f"must be {ctx['expected']}".replace("'", ""),
}


_SITE_CHECKS = ("active", "direct")  # keys of a site that contain one check

_MAX_ERRORS = 1_000  # per validation; formatting more takes seconds and helps no one


@dataclass(frozen=True, slots=True)
class Translator:
    """Translates the errors of validating the tree `root` with the model."""

    root: Node
    model: type[Model]
    kinds: Sequence[type[CheckBase]]
    receivers: Sequence[type[ReceiverBase]] = ()

    def problems(self, error: ValidationError) -> Iterator[Problem]:
        """Yield every error as a problem with its position, except consequences of other errors."""
        for details in error.errors(include_url=False)[:_MAX_ERRORS]:
            loc = self._file_loc(details["loc"])
            if details["type"] == "at_key":
                loc = (*loc, details["ctx"]["key"])
            if not self._is_consequence(details, loc):
                yield Problem(self._mark(details, loc), key_path(self.root, loc), self._message(details, loc))

    def _file_loc(self, loc: Loc) -> Loc:
        """Return the location in the file, without the kind that pydantic adds after an index."""
        if len(loc) > 4 and loc[0] == "products" and loc[2] == "checks":
            return (*loc[:4], *loc[5:])
        if len(loc) > 5 and loc[0] == "products" and loc[2] == "sites" and loc[4] in _SITE_CHECKS:
            return (*loc[:5], *loc[6:])
        if len(loc) > 2 and (loc[0] == "references" or (loc[0] == "receivers" and self.receivers)):
            return (*loc[:2], *loc[3:])
        return loc

    def _is_consequence(self, error: ErrorDetails, loc: Loc) -> bool:
        """Return whether another error causes this one: a default from a bad value, a list without its bad items."""
        node = find(self.root, loc)
        is_emptied = error["type"] == "too_short" and isinstance(node, Items) and bool(node.items)
        return is_emptied or error["type"] == "default_factory_not_called"

    def _mark(self, error: ErrorDetails, loc: Loc) -> Mark:
        """Return the position of the value, of an unknown key, or of the block if a key is missing."""
        mark, node = locate(self.root, loc)
        if error["type"] != "extra_forbidden" and node is not None:
            return mark
        parent = find(self.root, loc[:-1])
        return parent.keys.get(str(loc[-1]), mark) if isinstance(parent, Entries) else mark

    def _message(self, error: ErrorDetails, loc: Loc) -> str:
        kind = error["type"]
        node = find(self.root, loc)
        if kind == "extra_forbidden":
            return _unknown_key(str(loc[-1]), sorted(self._allowed(loc[:-1])))
        if kind.startswith("union_tag"):
            return self._kind_message(node, loc)
        if kind in _EXPECTED:
            return _wrong_type(kind, node)
        if kind in _MESSAGES:
            return _MESSAGES[kind](error.get("ctx", {}))
        return error["msg"][:1].lower() + error["msg"][1:]

    def _kind_message(self, node: Node | None, loc: Loc) -> str:
        if loc[0] == "receivers":
            return self._receiver_kind_message(node)
        if loc[0] == "references":
            return self._check_kind_message(node, reference_types(tuple(self.kinds)), "reference")
        return self._check_kind_message(node, self.kinds, "check")

    def _check_kind_message(self, node: Node | None, kinds: Sequence[type[CheckBase]], block: str) -> str:
        """Return the message for a check that has no kind's key, or those of several kinds."""
        names = [kind.kind for kind in kinds]
        matching = [kind.kind for kind in self._matching(node, kinds)]
        if len(matching) > 1:
            return f"has keys of {len(matching)} kinds, {' and '.join(matching)}; use one {block} for each"
        known = {key for kind in kinds for key in _fields(kind)}
        for key in node.entries if isinstance(node, Entries) else ():
            if key not in known and (near := difflib.get_close_matches(key, names, n=1)):
                return f"unknown key {quoted(key)}; did you mean {near[0]}?"
        return f"has no key of a kind; use one of {', '.join(names)}"

    def _receiver_kind_message(self, node: Node | None) -> str:
        """Return the message for a receiver that has no kind's key, or those of several kinds."""
        names = [kind.kind for kind in self.receivers]
        matching = [kind.kind for kind in self._matching(node, self.receivers)]
        if len(matching) > 1:
            return f"has keys of {len(matching)} kinds, {' and '.join(matching)}; use one receiver for each"
        for key in node.entries if isinstance(node, Entries) else ():
            if key != "id" and (near := difflib.get_close_matches(key, names, n=1)):
                return f"unknown key {quoted(key)}; did you mean {near[0]}?"
        return f"has no key of a kind; use one of {', '.join(names)}"

    def _matching(self, node: Node | None, kinds: Sequence[type[Any]] | None = None) -> list[type[Any]]:
        data = node.plain() if isinstance(node, Entries) else {}
        return [kind for kind in (self.kinds if kinds is None else kinds) if kind.matches(data)]

    def _kinds_of(self, key: str | int) -> Sequence[type[Any]] | None:
        """Return the kinds of the items in the list under this key, None if they have no kinds."""
        if key == "references":
            return reference_types(tuple(self.kinds))
        return {"checks": self.kinds, "receivers": self.receivers}.get(str(key))

    def _allowed(self, loc: Loc) -> set[str]:
        """Return the keys that the block at `loc` may have."""
        blocks: set[type[Model]] = {self.model}
        is_free_key = False  # whether the next part is a key of a mapping of blocks, which allows any key
        for depth, part in enumerate(loc):
            if is_free_key:
                is_free_key = False
            elif isinstance(part, str):
                is_free_key = any(get_origin(_fields(block).get(part)) is dict for block in blocks)
                blocks = {inner for block in blocks for inner in _blocks(_fields(block).get(part))}
                if part in _SITE_CHECKS and "sites" in loc[:depth]:
                    blocks = set(self._matching(find(self.root, loc[: depth + 1]))) or blocks
            elif (kinds := self._kinds_of(loc[depth - 1])) is not None:
                blocks = set(self._matching(find(self.root, loc[: depth + 1]), kinds)) or blocks
        return {key for block in blocks for key in _fields(block)}


def _fields(block: type[Model]) -> dict[str, Any]:
    """Return the keys of a block, as in files, with their annotations."""
    return {field.alias or name: field.annotation for name, field in block.model_fields.items()}


def _blocks(annotation: Any) -> Iterator[type[Model]]:
    """Yield the blocks in a type, such as Product in `tuple[Product, ...]`."""
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _blocks(argument)


def _wrong_type(kind: str, node: Node | None) -> str:
    if isinstance(node, Scalar) and node.value is None:
        return f"has no value; must be {_EXPECTED[kind]}"
    if isinstance(node, Scalar) and node.text is not None and kind == "string_type":
        return misread_reason(node)
    return f"must be {_EXPECTED[kind]}"


def _unknown_key(key: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, allowed, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f"unknown key; {guess}Allowed: {', '.join(allowed)}" if allowed else "unknown key; remove it"
