"""From pydantic's errors to ours: the place in the file, the key path in ids, and plain words with what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from monitor.config.errors import Loc, Problem, quoted
from monitor.config.nodes import Entries, Items, Node, Scalar, key_path, locate, misread, step

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from monitor.config.base import Model
    from monitor.config.model import CheckBase

_LONGEST = 400


def problems(
    error: ValidationError, root: Node, portfolio: type[Model], kinds: Sequence[type[CheckBase]]
) -> list[Problem]:
    """Return every error of one validation as a problem with its place."""
    errors = error.errors(include_url=False)
    return [_problem(each, root, portfolio, kinds) for each in errors if not _follows(each, root)]


def _follows(error: ErrorDetails, root: Node) -> bool:
    """Return whether the error only follows from another: a default that needs a bad value, a list of bad items."""
    if error["type"] == "default_factory_not_called":
        return True
    node = find(root, _without_tags(error["loc"], root))
    return error["type"] == "too_short" and isinstance(node, Items) and bool(node.items)


def _problem(error: ErrorDetails, root: Node, portfolio: type[Model], kinds: Sequence[type[CheckBase]]) -> Problem:
    loc = _without_tags(error["loc"], root)
    context = error.get("ctx", {})
    if error["type"] == "at_key":
        loc = (*loc, context["key"])
    mark, node = locate(root, loc)
    message = _message(error, loc, node, root, portfolio, kinds)
    if error["type"] == "extra_forbidden" or node is None:
        mark = _key_mark(root, loc) or mark
    return Problem(mark, key_path(root, loc), message[:_LONGEST])


def _without_tags(loc: Loc, root: Node) -> Loc:
    """Leave out the kind that pydantic puts after the index of a check: it is in the union, not in the file."""
    if len(loc) > 4 and loc[0] == "products" and loc[2] == "checks":
        return (*loc[:4], *loc[5:])
    return loc


def _key_mark(root: Node, loc: Loc) -> Any:
    """Return the place of the key that ends `loc`, None if it is not written."""
    _, parent = locate(root, loc[:-1])
    return parent.keys.get(str(loc[-1])) if isinstance(parent, Entries) else None


def _message(
    error: ErrorDetails,
    loc: Loc,
    node: Node | None,
    root: Node,
    portfolio: type[Model],
    kinds: Sequence[type[CheckBase]],
) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        _, parent = locate(root, loc[:-1])
        return unknown_key(str(loc[-1]), allowed_keys(portfolio, kinds, loc[:-1], parent))
    if kind.startswith("union_tag"):
        return _no_kind(node, kinds)
    if isinstance(node, Scalar) and kind in _WANTED and node.text is not None and kind == "string_type":
        return misread(node)
    if kind in _WANTED:
        return _wrong_type(_WANTED[kind], node)
    if kind in _PLAIN:
        return _PLAIN[kind](error.get("ctx", {}))
    return error["msg"][:1].lower() + error["msg"][1:]


_WANTED = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list; write - before each item, or [a, b]",
    "list_type": "a list; write - before each item, or [a, b]",
    "dict_type": "a mapping; write key: value",
    "model_type": "a block of keys; write key: value lines",
    "model_attributes_type": "a block of keys; write key: value lines",
}

_PLAIN: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
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
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    "enum": lambda ctx: f"must be {ctx['expected']}",
}


def _wrong_type(wanted: str, node: Node | None) -> str:
    if isinstance(node, Scalar) and node.value is None:
        return f"nothing is written here; must be {wanted}"
    return f"must be {wanted}"


def unknown_key(key: str, allowed: Iterable[str]) -> str:
    """Return "unknown key; did you mean interval? Allowed: ..."."""
    names = sorted(allowed)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    guess = f"; did you mean {near[0]}?" if near else ";"
    return f"unknown key{guess} Allowed here: {', '.join(names)}" if names else "unknown key"


def _no_kind(node: Node | None, kinds: Sequence[type[CheckBase]]) -> str:
    names = ", ".join(kind.kind for kind in kinds)
    written = list(node.entries) if isinstance(node, Entries) else []
    plain = node.plain() if isinstance(node, Entries) else {}
    claimed = [kind.kind for kind in kinds if kind.claims(plain)]
    if len(claimed) > 1:
        return f"is of {len(claimed)} kinds at once, {' and '.join(claimed)}; write one check for each"
    for key in written:
        known = {name for kind in kinds for name in fields(kind)}
        if key not in known and (near := difflib.get_close_matches(key, [k.kind for k in kinds], n=1)):
            return f"does not say what to probe; did you mean {near[0]} instead of {quoted(key)}? Allowed: {names}"
    return f"does not say what to probe; write one of {names}"


# --- Which keys are allowed where --------------------------------------------------------------------------------


def fields(model: type[Model]) -> dict[str, Any]:
    """Return the keys of a block, as they are written, with their annotations."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def allowed_keys(portfolio: type[Model], kinds: Sequence[type[CheckBase]], loc: Loc, node: Node | None) -> set[str]:
    """Return the keys that the block at `loc` may have."""
    blocks: set[type[Model]] = {portfolio}
    for depth, part in enumerate(loc):
        if isinstance(part, str):
            blocks = {b for block in blocks for b in _blocks(fields(block).get(part))}
        elif loc[depth - 1] == "checks":
            blocks = set(_claiming(kinds, node if depth == len(loc) - 1 else None) or blocks)
    return {key for block in blocks for key in fields(block)}


def _claiming(kinds: Sequence[type[CheckBase]], node: Node | None) -> list[type[CheckBase]]:
    plain = node.plain() if isinstance(node, Entries) else {}
    return [kind for kind in kinds if kind.claims(plain)]


def _blocks(annotation: Any) -> Iterator[type[Model]]:
    """Yield the blocks that a type is made of: `tuple[Product, ...]`, `Expect | None`."""
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _blocks(argument)


def find(root: Node, loc: Loc) -> Node | None:
    """Return the node at `loc`, None if it is not written."""
    node: Node | None = root
    for part in loc:
        node = step(node, part) if node is not None else None
    return node
