"""Translate pydantic's errors to problems: place in the file, key path, and a message with what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from monitor.config.errors import Loc, Mark, Problem, quoted
from monitor.config.yaml_nodes import Entries, Items, Node, Scalar, find, key_path, locate, misread

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from monitor.config.alerting import ReceiverBase
    from monitor.config.base import Model
    from monitor.config.check import CheckBase

_BLOCK = "a block of keys; write key: value"
_LIST = "a list; write - before each item, or [a, b]"

# pydantic's type of error -> expected value. The value itself is never quoted, because it may be a secret.
_WANTED = {
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

# pydantic's type of error -> message, from the error's context.
_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda ctx: "is missing; add it",
    "value_error": lambda ctx: str(ctx["error"]),
    "at_key": lambda ctx: str(ctx["message"]),
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "string_too_short": lambda ctx: "is empty; write at least one character",
    "string_too_long": lambda ctx: f"is longer than {ctx['max_length']} characters",
    "too_short": lambda ctx: "is empty; write at least one",
    "literal_error": lambda ctx: f"must be {ctx['expected']}".replace("'", ""),
}


_MOST = 1_000  # errors per validation; more help no one, and take seconds to format


@dataclass(frozen=True, slots=True)
class Translator:
    """Translates the errors of one validation of the tree `root` by the model, with its kinds."""

    root: Node
    model: type[Model]
    kinds: Sequence[type[CheckBase]]
    receivers: Sequence[type[ReceiverBase]] = ()

    def problems(self, error: ValidationError) -> Iterator[Problem]:
        """Yield every error as a problem with its place, except for consequences of others."""
        for each in error.errors(include_url=False)[:_MOST]:
            loc = self._written(each["loc"])
            if each["type"] == "at_key":
                loc = (*loc, each["ctx"]["key"])
            if not self._follows(each, loc):
                yield Problem(self._place(each, loc), key_path(self.root, loc), self._words(each, loc))

    def _written(self, loc: Loc) -> Loc:
        """Return the place without the kind that pydantic adds after an index, which is not in the file."""
        if len(loc) > 4 and loc[0] == "products" and loc[2] == "checks":
            return (*loc[:4], *loc[5:])
        if len(loc) > 2 and loc[0] == "receivers" and self.receivers:
            return (*loc[:2], *loc[3:])
        return loc

    def _follows(self, error: ErrorDetails, loc: Loc) -> bool:
        """Return whether it is a consequence of another: a default of a bad value, a list without its bad items."""
        node = find(self.root, loc)
        emptied = error["type"] == "too_short" and isinstance(node, Items) and bool(node.items)
        return emptied or error["type"] == "default_factory_not_called"

    def _place(self, error: ErrorDetails, loc: Loc) -> Mark:
        """Return the place of the value; of the key if that is wrong; of the block if a key is missing."""
        mark, node = locate(self.root, loc)
        if error["type"] != "extra_forbidden" and node is not None:
            return mark
        parent = find(self.root, loc[:-1])
        return parent.keys.get(str(loc[-1]), mark) if isinstance(parent, Entries) else mark

    def _words(self, error: ErrorDetails, loc: Loc) -> str:
        kind = error["type"]
        node = find(self.root, loc)
        if kind == "extra_forbidden":
            return _unknown_key(str(loc[-1]), sorted(self._allowed(loc[:-1])))
        if kind.startswith("union_tag"):
            return self._no_receiver(node) if loc[0] == "receivers" else self._no_kind(node)
        if kind in _WANTED:
            return _wrong_type(kind, node)
        if kind in _WORDS:
            return _WORDS[kind](error.get("ctx", {}))
        return error["msg"][:1].lower() + error["msg"][1:]

    def _no_kind(self, node: Node | None) -> str:
        """Return why the kind of a check is unknown: no key of a kind, or keys of two."""
        names = [kind.kind for kind in self.kinds]
        claimed = [kind.kind for kind in self._claiming(node)]
        if len(claimed) > 1:
            return f"is of {len(claimed)} kinds at once, {' and '.join(claimed)}; write one check for each"
        known = {key for kind in self.kinds for key in _fields(kind)}
        for key in node.entries if isinstance(node, Entries) else ():
            if key not in known and (near := difflib.get_close_matches(key, names, n=1)):
                return f"unknown key {quoted(key)}; did you mean {near[0]}?"
        return f"does not specify what to probe; write one of {', '.join(names)}"

    def _no_receiver(self, node: Node | None) -> str:
        """Return why the kind of a receiver is unknown: no key of a kind, or keys of two."""
        names = [kind.kind for kind in self.receivers]
        claimed = [kind.kind for kind in self._claiming(node, self.receivers)]
        if len(claimed) > 1:
            return f"is of {len(claimed)} kinds at once, {' and '.join(claimed)}; write one receiver for each"
        for key in node.entries if isinstance(node, Entries) else ():
            if key != "id" and (near := difflib.get_close_matches(key, names, n=1)):
                return f"unknown key {quoted(key)}; did you mean {near[0]}?"
        return f"does not specify where to send to; write one of {', '.join(names)}"

    def _claiming(self, node: Node | None, kinds: Sequence[type[Any]] | None = None) -> list[type[Any]]:
        plain = node.plain() if isinstance(node, Entries) else {}
        return [kind for kind in (self.kinds if kinds is None else kinds) if kind.claims(plain)]

    def _allowed(self, loc: Loc) -> set[str]:
        """Return the keys that the block at `loc` may have."""
        blocks: set[type[Model]] = {self.model}
        named = False  # whether the next part is a key of a mapping of blocks, which may be any
        for depth, part in enumerate(loc):
            if named:
                named = False
            elif isinstance(part, str):
                named = any(get_origin(_fields(block).get(part)) is dict for block in blocks)
                blocks = {inner for block in blocks for inner in _blocks(_fields(block).get(part))}
            elif loc[depth - 1] in ("checks", "receivers"):
                kinds = self.kinds if loc[depth - 1] == "checks" else self.receivers
                blocks = set(self._claiming(find(self.root, loc[: depth + 1]), kinds)) or blocks
        return {key for block in blocks for key in _fields(block)}


def _fields(block: type[Model]) -> dict[str, Any]:
    """Return the keys of a block, as written in files, with their annotations."""
    return {field.alias or name: field.annotation for name, field in block.model_fields.items()}


def _blocks(annotation: Any) -> Iterator[type[Model]]:
    """Yield the blocks in a type, such as Product in `tuple[Product, ...]`."""
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _blocks(argument)


def _wrong_type(kind: str, node: Node | None) -> str:
    if isinstance(node, Scalar) and node.value is None:
        return f"has no value; must be {_WANTED[kind]}"
    if isinstance(node, Scalar) and node.text is not None and kind == "string_type":
        return misread(node)
    return f"must be {_WANTED[kind]}"


def _unknown_key(key: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, allowed, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f"unknown key; {guess}Allowed: {', '.join(allowed)}" if allowed else "unknown key; remove it"
