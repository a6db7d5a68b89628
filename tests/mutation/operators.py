"""The mutation operators: boundaries, arithmetic, conditions, defaults, order.

Each takes a node and yields replacements.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
FUNCTIONS = (("min", "max"), ("all", "any"), ("floor", "ceil"), ("bisect_left", "bisect_right"))
MEMBERS = (("start", "end"), ("first", "last"), ("low", "high"), ("up", "down"), ("measured", "full"))
_CONDITIONS = (ast.Name, ast.Attribute, ast.Call, ast.NamedExpr, ast.Subscript)  # other nodes have their own operator


def _both_ways(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {one: other for pair in pairs for one, other in (pair, pair[::-1])}


_FUNCTIONS, _MEMBERS = _both_ways(FUNCTIONS), _both_ways(MEMBERS)


def copy_with(node: Node, **fields: object) -> Node:
    """Return a copy of the node with changed fields."""
    changed_node = copy(node)
    for name, value in fields.items():
        setattr(changed_node, name, value)
    return changed_node


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield copy_with(node, value=not node.value)
    elif isinstance(node.value, int | float):
        yield copy_with(node, value=node.value + 1)
        yield copy_with(node, value=node.value - 1)


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for index, op in enumerate(node.ops):
        for other in COMPARISONS[type(op)]:
            yield copy_with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if (other := ARITHMETIC.get(type(node.op))) is not None:
        yield copy_with(node, op=other())


def _boolean(node: ast.BoolOp) -> Iterator[ast.AST]:
    """Exchange `and` and `or`; remove each operand in turn."""
    yield copy_with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for index in range(len(node.values)):
        other_values = [*node.values[:index], *node.values[index + 1 :]]
        yield copy_with(node, values=other_values) if len(other_values) > 1 else other_values[0]


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[ast.AST]:
    if isinstance(node.test, _CONDITIONS):
        yield copy_with(node, test=ast.UnaryOp(ast.Not(), node.test))


def _filters(node: ast.comprehension) -> Iterator[ast.AST]:
    """Negate a filter that is no comparison, and remove each filter."""
    for index, test in enumerate(node.ifs):
        other_filters = (node.ifs[:index], node.ifs[index + 1 :])
        if isinstance(test, _CONDITIONS):
            yield copy_with(node, ifs=[*other_filters[0], ast.UnaryOp(ast.Not(), test), *other_filters[1]])
        yield copy_with(node, ifs=[*other_filters[0], *other_filters[1]])


def _name(node: ast.Name) -> Iterator[ast.AST]:
    if isinstance(node.ctx, ast.Load) and node.id in _FUNCTIONS:
        yield copy_with(node, id=_FUNCTIONS[node.id])


def _attribute(node: ast.Attribute) -> Iterator[ast.AST]:
    if isinstance(node.ctx, ast.Load) and node.attr in _MEMBERS:
        yield copy_with(node, attr=_MEMBERS[node.attr])


def _effect(node: ast.Expr) -> Iterator[ast.AST]:
    """Remove a call that is made for its effect."""
    if isinstance(node.value, ast.Call | ast.Await):
        yield ast.Pass()


def _without(node: ast.stmt) -> Iterator[ast.AST]:
    yield ast.Pass()


OPERATORS: dict[type[ast.AST], Callable[..., Iterator[ast.AST]]] = {
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BinOp: _arithmetic,
    ast.AugAssign: _arithmetic,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.If: _condition,
    ast.While: _condition,
    ast.IfExp: _condition,
    ast.comprehension: _filters,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Expr: _effect,
    ast.Raise: _without,
    ast.Break: _without,
    ast.Continue: _without,
}


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the replacements of the node, one change at a time."""
    if (operator := OPERATORS.get(type(node))) is not None:
        yield from operator(node)
