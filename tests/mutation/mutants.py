"""Mutants of a module, each with a key that does not depend on its line."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.mutation.operators import copy_with, replacements

CONTEXT = 90  # maximum number of characters around a change in a key
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_UNUSED = {"annotation", "returns", "decorator_list", "type_comment", "format_spec"}
_UNTRIED_NAMES = {"__all__", "__slots__"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module. `tree` is the module's syntax tree with the change, ready to be compiled."""

    path: str
    scope: str
    change: str
    tree: Callable[[], ast.Module]

    @property
    def key(self) -> str:
        """Return the file, the function and the change, which do not depend on the function's line."""
        return f"{self.path} {self.scope}: {self.change}"


@dataclass(frozen=True, slots=True)
class _Place:
    """The position of a node: a field of its parent, or an index in a list of it."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of the module, in the order of its source."""
    numbers: Counter[str] = Counter()
    for route, scope in _sites(ast.parse(source)):
        for number, _ in enumerate(replacements(_node(route))):
            change = _change(route, number)
            numbers[f"{scope}: {change}"] += 1
            same = numbers[f"{scope}: {change}"]
            yield Mutant(path, scope, change if same == 1 else f"{change} #{same}", _Applied(route, number))


@dataclass(frozen=True, slots=True)
class _Applied:
    """Applies the change when called: once per process, which exits with it."""

    route: tuple[_Place, ...]
    number: int

    def __call__(self) -> ast.Module:
        self.route[-1].put(list(replacements(_node(self.route)))[self.number])
        root = self.route[0].parent
        assert isinstance(root, ast.Module)
        return ast.fix_missing_locations(root)


def _node(route: tuple[_Place, ...]) -> ast.AST:
    place = route[-1]
    value = getattr(place.parent, place.field)
    actual = value if place.index is None else value[place.index]
    assert isinstance(actual, ast.AST)
    return actual


def _sites(module: ast.Module) -> Iterator[tuple[tuple[_Place, ...], str]]:
    """Yield the route to every node that may be changed, with the name of its function or class."""

    def walk(node: ast.AST, route: tuple[_Place, ...], scope: str) -> Iterator[tuple[tuple[_Place, ...], str]]:
        if _is_undetectable(node):
            return
        if route:
            yield route, scope
        if isinstance(node, _SCOPES):
            scope = node.name if scope == "module" else f"{scope}.{node.name}"
        for place in _places(node):
            yield from walk(_node((place,)), (*route, place), scope)

    return walk(module, (), "module")


def _places(node: ast.AST) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        if field in _UNUSED:
            continue
        if isinstance(value, ast.AST):
            yield _Place(node, field, None)
        elif isinstance(value, list):
            yield from (_Place(node, field, i) for i, child in enumerate(value) if isinstance(child, ast.AST))


def _is_undetectable(node: ast.AST) -> bool:
    """Return whether no test can detect a change in the node: in type annotations, imports or assertions."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in _UNTRIED_NAMES for target in node.targets)
    return isinstance(node, ast.Assert | ast.Import | ast.ImportFrom)


def _change(route: tuple[_Place, ...], number: int) -> str:
    """Return the change as `before -> after`, with a short part of the statement around it."""
    original = _node(route)
    replacement = list(replacements(original))[number]
    before = after = ""
    for place in reversed(route):
        value = _node((place,))
        if isinstance(value, ast.mod):
            break
        wider = _head(value)
        if before and len(wider) > CONTEXT:
            break
        route[-1].put(replacement)
        try:
            before, after = wider, _head(_node((place,)))
        finally:
            route[-1].put(original)
        if isinstance(value, ast.stmt):
            break
    return f"{before} -> {after}"


def _head(node: ast.AST) -> str:
    """Return the node as code on one line; for a compound statement without its body."""
    fields = {name: [] for name in ("body", "orelse", "finalbody", "handlers", "decorator_list") if hasattr(node, name)}
    short = copy_with(node, **fields) if isinstance(node, ast.stmt) else node
    return " ".join(ast.unparse(short).split())
