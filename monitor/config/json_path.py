"""JSON paths with bounded cost for any document. More expensive paths are rejected when a file is loaded."""

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

from monitor.config.regex import MAX_PATTERN_LENGTH, Regex

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathNode, JSONPathQuery
    from jsonpath_rfc9535.tokens import Token

_MAX_VISITS = 16  # per value of a document; a visit takes up to 3 us, and a MiB has 13,000 values
_PATTERN_FUNCTIONS = {"match": r"\A(?:%s)\z", "search": "%s"}  # function -> RE2 pattern for its argument


class _PatternFunction(FilterFunction):
    """`match` or `search` with RE2, in linear time."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - as in the base class
    return_type = ExpressionType.LOGICAL

    def __call__(self, text: object, pattern: Regex) -> bool:
        """Return whether the pattern is found. Always False if the value is not text."""
        return isinstance(text, str) and pattern.search(text.encode(errors="replace"))


class _Environment(JSONPathEnvironment):
    """RFC 9535 with literal patterns only, compiled by RE2 when the file is loaded."""

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions |= dict.fromkeys(_PATTERN_FUNCTIONS, _PatternFunction())

    def validate_function_extension_signature(self, token: Token, args: list[Any]) -> list[Any]:
        super().validate_function_extension_signature(token, args)
        if token.value not in _PATTERN_FUNCTIONS:
            return args
        text, pattern = args
        if not isinstance(pattern, StringLiteral):
            raise ValueError(
                f"{token.value}() requires a pattern in quotes; a pattern from the response has an unknown cost"
            )
        Regex(pattern.value)  # raises if the pattern is invalid, before it is embedded in another one
        return [text, FilterExpressionLiteral(token, Regex(_PATTERN_FUNCTIONS[token.value] % pattern.value))]


_ENVIRONMENT = _Environment()


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path into a JSON document (RFC 9535, with patterns of RE2). Paths with the same text are equal.

    Raises:
        ValueError: the text is not a path, or its evaluation may take more than linear time.
    """

    text: str
    _query: JSONPathQuery = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > MAX_PATTERN_LENGTH:
            raise ValueError(f"longer than {MAX_PATTERN_LENGTH} characters; use a shorter one")
        try:
            query = _ENVIRONMENT.compile(self.text)
        except (JSONPathError, RecursionError) as error:
            raise ValueError(f"not a JSON path ({error}); use $.ready or $.checks[0].status") from None
        visits = _visits(query)
        if visits > _MAX_VISITS:
            detail = f"visits a value up to {visits} times, at most {_MAX_VISITS} are allowed"
            raise ValueError(f"{detail}; use at most one .. and fewer filters and choices")
        object.__setattr__(self, "_query", query)

    def __hash__(self) -> int:
        return hash(self.text)

    def values(self, document: Any) -> list[Any]:
        """Return all values at the path in a parsed document, in order.

        Raises:
            RecursionError: the document is nested too deeply.
        """
        return [node.value for node in self.nodes(document)]

    def nodes(self, document: Any) -> list[JSONPathNode]:
        """Return the values as `values` does, each with its location in the document.

        Raises:
            RecursionError: the document is nested too deeply.
        """
        try:
            return self._query.find(document)
        except JSONPathRecursionError as error:
            raise RecursionError(str(error)) from None


def _visits(query: JSONPathQuery, times: int = 1, *, nested: bool = False) -> int:
    """Return the maximum number of visits to one value of a document.

    `times`: number of times that the query starts at one value. `nested`: the query may start at a value and at values
    inside it, so that deep values are visited from each of these starts.
    """
    visits = times
    for segment in query.segments:
        times *= len(segment.selectors)
        if isinstance(segment, JSONPathRecursiveDescentSegment):
            times *= JSONPathEnvironment.max_recursion_depth if nested else 1
            nested = True
        filters = [selector.expression for selector in segment.selectors if isinstance(selector, FilterSelector)]
        inner = [filter_query.query for filter_ in filters for filter_query in _filter_queries(filter_)]
        visits += times + sum(_visits(query, times, nested=nested) for query in inner)
    return visits


def _filter_queries(expression: Expression) -> Iterator[FilterQuery]:
    """Yield the queries in a filter.

    Raises:
        ValueError: a query starts at the root, and so would search the document once per value.
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
            for argument in expression.args:
                yield from _filter_queries(argument)
