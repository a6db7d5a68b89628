"""JSON paths with bounded cost for any document; more expensive ones are rejected when a file is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError, JSONPathRecursionError
from jsonpath_rfc9535.filter_expressions import (
    ComparisonExpression,
    Expression,
    FilterExpression,
    FilterExpressionLiteral,
    FilterQuery,
    FunctionExtension,
    LogicalExpression,
    PrefixExpression,
    RootFilterQuery,
    StringLiteral,
)
from jsonpath_rfc9535.function_extensions import ExpressionType, FilterFunction
from jsonpath_rfc9535.segments import JSONPathRecursiveDescentSegment
from jsonpath_rfc9535.selectors import FilterSelector

from monitor.config.regex import LONGEST_PATTERN, Regex

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathNode, JSONPathQuery
    from jsonpath_rfc9535.tokens import Token

_MOST_LOOKS = 16  # at each value of a document; a look takes up to 3 microseconds, and a MiB holds 13,000 values
_PATTERNED = {"match": r"\A(?:%s)\z", "search": "%s"}  # functions, and what they make of a pattern


class _Found(FilterFunction):
    """`match` or `search` in RE2's linear time."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - as its base has it
    return_type = ExpressionType.LOGICAL

    def __call__(self, text: object, pattern: Regex) -> bool:
        """Return whether the pattern is found; never in what is no text."""
        return isinstance(text, str) and pattern.search(text.encode(errors="replace"))


class _Environment(JSONPathEnvironment):
    """RFC 9535, with patterns that are written down, compiled at the load, and RE2's."""

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions |= dict.fromkeys(_PATTERNED, _Found())

    def validate_function_extension_signature(self, token: Token, args: list[Any]) -> list[Any]:
        super().validate_function_extension_signature(token, args)
        if token.value not in _PATTERNED:
            return args
        text, pattern = args
        if not isinstance(pattern, StringLiteral):
            raise ValueError(
                f"{token.value}() takes a pattern in quotes, not one from the response, whose cost is unknown"
            )
        Regex(pattern.value)  # which must be one by itself, before anything is put around it
        return [text, FilterExpressionLiteral(token, Regex(_PATTERNED[token.value] % pattern.value))]


_ENVIRONMENT = _Environment()


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path into a JSON document (RFC 9535; the patterns in it are RE2's), equal to another when their texts are.

    Raises:
        ValueError: it is not one, or may take more than time linear in the document.
    """

    text: str
    _query: JSONPathQuery = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_PATTERN:
            raise ValueError(f"longer than {LONGEST_PATTERN} characters; write a shorter one")
        try:
            query = _ENVIRONMENT.compile(self.text)
        except (JSONPathError, RecursionError) as error:
            raise ValueError(f"not a JSON path ({error}); write $.ready or $.checks[0].status") from None
        looks = _looks(query)
        if looks > _MOST_LOOKS:
            detail = f"looks at a value up to {looks} times, at most {_MOST_LOOKS} are allowed"
            raise ValueError(f"{detail}; use at most one .. and fewer filters and choices")
        object.__setattr__(self, "_query", query)

    def __hash__(self) -> int:
        return hash(self.text)

    def values(self, document: Any) -> list[Any]:
        """Return every value that the path finds in a parsed document, in order; none when it finds nothing.

        Raises:
            RecursionError: the document is nested too deeply to be searched.
        """
        return [node.value for node in self.nodes(document)]

    def nodes(self, document: Any) -> list[JSONPathNode]:
        """Return what `values` does, each value with its place in the document.

        Raises:
            RecursionError: the document is nested too deeply to be searched.
        """
        try:
            return self._query.find(document)
        except JSONPathRecursionError as error:
            raise RecursionError(str(error)) from None


def _looks(query: JSONPathQuery, times: int = 1, *, scattered: bool = False) -> int:
    """Return how often one value of a document is looked at, at the worst.

    `times`: how often the query starts at one place; `scattered`: its starts may lie within each other, so that what
    lies deep is reached from each of them.
    """
    looks = times
    for segment in query.segments:
        times *= len(segment.selectors)
        if isinstance(segment, JSONPathRecursiveDescentSegment):
            times *= JSONPathEnvironment.max_recursion_depth if scattered else 1
            scattered = True
        filters = [each.expression for each in segment.selectors if isinstance(each, FilterSelector)]
        inner = [asked.query for each in filters for asked in _filter_queries(each)]
        looks += times + sum(_looks(each, times, scattered=scattered) for each in inner)
    return looks


def _filter_queries(expression: Expression) -> Iterator[FilterQuery]:
    """Yield the queries within a filter.

    Raises:
        ValueError: one starts at the root, and so goes through the document for each of its values.
    """
    match expression:
        case RootFilterQuery():
            raise ValueError("$ in a filter searches the whole document for each value; start with @")
        case FilterQuery():
            yield expression
        case FilterExpression():
            yield from _filter_queries(expression.expression)
        case PrefixExpression():
            yield from _filter_queries(expression.right)
        case LogicalExpression() | ComparisonExpression():
            yield from _filter_queries(expression.left)
            yield from _filter_queries(expression.right)
        case FunctionExtension():
            for each in expression.args:
                yield from _filter_queries(each)
