"""Conditions on a header, a cookie or a JSON value: syntax and evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.config.errors import quoted
from monitor.config.regex import Regex, regex

Scalar = str | int | float | bool | None


def equal(expected: Any, actual: Any) -> bool:
    """Return whether two JSON values are equal. 1 equals 1.0, but does not equal `true`."""
    return isinstance(expected, bool) is isinstance(actual, bool) and bool(expected == actual)


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Condition:
    """An operator and its operand, such as `<=` and 5."""

    operator: str
    operand: Any

    def matches(self, value: Any) -> bool:
        """Return whether the value meets the condition; False for a value of an unsuitable type."""
        return _OPERATORS[self.operator].matches(value, self.operand)

    def __str__(self) -> str:
        return f"{_OPERATORS[self.operator].description}{_operand_text(self.operand)}"


def _operand_text(operand: Any) -> str:
    if isinstance(operand, tuple):
        separator = ", " if operand and not isinstance(operand[0], Condition) else " and "
        return separator.join(map(_operand_text, operand))
    if isinstance(operand, Condition):
        return str(operand)
    return quoted(operand.text if isinstance(operand, Regex) else operand)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions that each of the values must meet. With `exists: false`, there must be no value.

    `optional`: there may be no value.
    """

    conditions: tuple[Condition, ...] = ()
    exists: bool = True
    optional: bool = False

    def match(self, values: Sequence[Any]) -> bool:
        """Return whether the values meet all conditions."""
        if not values:
            return self.optional or not self.exists
        return self.exists and all(condition.matches(value) for value in values for condition in self.conditions)

    def __str__(self) -> str:
        if self.exists and self.conditions:
            return _operand_text(self.conditions)
        return "it to exist" if self.exists else "it not to exist"


# --- Parsing of operands ------------------------------------------------------------------------------------------


def _number(value: Any) -> int | float:
    if not is_number(value):
        raise ValueError("requires a number; remove the quotes")
    return value  # type: ignore[no-any-return]


def _scalar(value: Any) -> Scalar:
    if not isinstance(value, Scalar):
        raise ValueError("requires a text, a number, true, false or null; put a date in quotes")
    return str(value) if isinstance(value, str) else value


def _choice(value: Any) -> tuple[Scalar, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("requires a list, e.g. [up, degraded]")
    return tuple(map(_scalar, value))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("requires a text in quotes")
    return str(value)


def _count(value: Any) -> tuple[Condition, ...]:
    operands = value if isinstance(value, Mapping) else {"==": value}
    if not operands or not set(operands) <= set(_COMPARISONS):
        raise ValueError('requires a number, or e.g. {">": 0}')
    for operator, number in operands.items():
        if not is_number(number) or isinstance(number, float) or number < (operator == "<"):
            raise ValueError(
                f"{_OPERATORS[operator].description}{quoted(number)} is not a length; use a whole number without quotes"
            )
    return tuple(Condition(operator, number) for operator, number in operands.items())


# --- Evaluation ---------------------------------------------------------------------------------------------------


def _search_text(value: Any) -> bytes | None:
    """Return a JSON scalar as text for matching with a regular expression."""
    if isinstance(value, dict | list):
        return None
    return (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")


def _matches(value: Any, pattern: Regex) -> bool:
    text = _search_text(value)
    return text is not None and pattern.search(text)


def _does_not_match(value: Any, pattern: Regex) -> bool:
    text = _search_text(value)
    return text is not None and not pattern.search(text)


def _contains(value: str, text: str) -> bool:
    return text.casefold() in value.casefold()


def _has_length(value: Any, conditions: tuple[Condition, ...]) -> bool:
    return isinstance(value, str | list | dict) and all(condition.matches(len(value)) for condition in conditions)


@dataclass(frozen=True, slots=True)
class _Operator:
    parse: Callable[[Any], Any]
    matches: Callable[[Any, Any], bool]
    description: str


_OPERATORS: Mapping[str, _Operator] = {
    "<": _Operator(_number, lambda value, operand: is_number(value) and value < operand, "< "),
    "<=": _Operator(_number, lambda value, operand: is_number(value) and value <= operand, "<= "),
    ">": _Operator(_number, lambda value, operand: is_number(value) and value > operand, "> "),
    ">=": _Operator(_number, lambda value, operand: is_number(value) and value >= operand, ">= "),
    "==": _Operator(_scalar, equal, ""),
    "!=": _Operator(_scalar, lambda value, operand: not equal(value, operand), "other than "),
    "in": _Operator(_choice, lambda value, operand: any(equal(value, choice) for choice in operand), "one of "),
    "matches": _Operator(regex, _matches, "to match "),
    "not_matches": _Operator(regex, _does_not_match, "not to match "),
    "contains": _Operator(_text, _contains, "to contain "),
    "not_contains": _Operator(_text, lambda value, operand: not _contains(value, operand), "not to contain "),
    "length": _Operator(_count, _has_length, "a length of "),
}
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_FLAGS = ("exists", "optional")
JSON_KEYS = (*_COMPARISONS, "in", "matches", "not_matches", "length", *_FLAGS)
HEADER_KEYS = ("contains", "not_contains", "matches", "not_matches", *_FLAGS)


def parse_conditions(mapping: Mapping[str, Any], allowed: Sequence[str]) -> Conditions:
    """Return the conditions of a mapping such as `{">": 5}`.

    If all conditions on a header are negative, the header may also be missing, unless `exists: true` is set.

    Raises:
        ValueError: an operator is not allowed, its operand is invalid, or two conditions contradict each other.
    """
    for operator in mapping:
        if operator not in allowed:
            raise ValueError(f"{quoted(operator)} is not a condition; use one of {', '.join(allowed)}")
    flags = {flag: mapping[flag] for flag in _FLAGS if flag in mapping}
    if not mapping or not all(isinstance(flag, bool) for flag in flags.values()):
        raise ValueError("exists and optional must be true or false" if mapping else "has no condition; add one")
    conditions = tuple(_condition(operator, operand) for operator, operand in mapping.items() if operator not in flags)
    if flags.get("exists") is False and len(mapping) > 1:
        raise ValueError("exists: false excludes all other conditions; remove it, or the others")
    if flags.get("optional") and not conditions:
        raise ValueError("optional alone has no effect; add a condition")
    optional = allowed is HEADER_KEYS and all(condition.operator.startswith("not_") for condition in conditions)
    return Conditions(conditions, flags.get("exists", True), flags.get("optional", optional and "exists" not in flags))


def _condition(operator: str, operand: Any) -> Condition:
    try:
        return Condition(operator, _OPERATORS[operator].parse(operand))
    except ValueError as error:
        raise ValueError(f"{operator}: {error}") from None
