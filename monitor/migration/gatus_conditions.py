"""Convert the conditions of a Gatus endpoint, such as `[STATUS] == 200`, to expectations of a check.

Gatus compares texts: `[BODY].ready == true` accepts the JSON values `true` and `"true"`. The converted expectation
accepts both too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from monitor.migration.values import glob_expression, go_duration

_OPERATORS: Final = ("==", "!=", "<=", ">=", ">", "<")
_FLIPPED: Final = {"==": "==", "!=": "!=", "<=": ">=", ">=": "<=", ">": "<", "<": ">"}
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}
_PLACEHOLDER = re.compile(r"(?:len\(|has\()?\[[A-Z_]+\]")
_PATH = re.compile(r"\[BODY\]((?:\.[^.\[\]\s]+|\[(?:\d+|\*)\])*)")
_STATUSES: Final = range(100, 600)


class UnsupportedConditionError(Exception):
    """A condition has no equivalent. The text is the reason."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`left operator right`, with the placeholder on the left."""

    left: str
    operator: str
    right: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Parse a condition.

        Raises:
            UnsupportedConditionError: it has no operator, or placeholders on both or none of its sides.
        """
        for operator in _OPERATORS:
            left, separator, right = (part.strip() for part in text.partition(f" {operator} "))
            if not separator:
                continue
            if _PLACEHOLDER.match(left) and not _PLACEHOLDER.search(right):
                return cls(left, operator, right)
            if _PLACEHOLDER.match(right) and not _PLACEHOLDER.search(left):
                return cls(right, _FLIPPED[operator], left)
            raise UnsupportedConditionError("exactly one side must be a placeholder")
        raise UnsupportedConditionError("it has no operator")

    @property
    def choices(self) -> list[str] | None:
        """The texts of `any(a, b)`, None for another operand."""
        if self.right.startswith("any(") and self.right.endswith(")"):
            return [choice.strip() for choice in self.right[4:-1].split(",")]
        return None

    @property
    def pattern(self) -> str | None:
        """The pattern of `pat(*text*)`, None for another operand."""
        return self.right[4:-1] if self.right.startswith("pat(") and self.right.endswith(")") else None


@dataclass(slots=True)
class Expectations:
    """The expectations of the conditions of one endpoint. Durations are in microseconds."""

    statuses: set[int] = field(default_factory=lambda: set(_STATUSES))
    has_status: bool = False
    expect: dict[str, Any] = field(default_factory=dict)
    rcodes: list[str] | None = None
    body: list[Condition] = field(default_factory=list)
    response_time: int | None = None
    certificate: int | None = None
    domain: int | None = None

    def add(self, text: str) -> None:
        """Add a condition.

        Raises:
            UnsupportedConditionError: it has no equivalent.
        """
        condition = Condition.parse(text)
        name = condition.left.partition("]")[0]
        if name in _SIMPLE:
            _SIMPLE[name](self, condition)
        elif condition.left in ("[BODY]",):
            self.body.append(condition)
        else:
            self._add_json(condition)

    def status_keys(self) -> list[str]:
        """Return the accepted status codes as ranges. Without a condition, Gatus accepts every status."""
        return list(_ranges(sorted(self.statuses)))

    def body_expectations(self) -> dict[str, Any]:
        """Return the keys of `expect` for conditions on the entire body.

        Raises:
            UnsupportedConditionError: a condition has no equivalent.
        """
        expectations: dict[str, Any] = {}
        for condition in self.body:
            key, value = _body_expectation(condition)
            expectations.setdefault(key, []).append(value)
        return expectations

    def _add_status(self, condition: Condition) -> None:
        self.statuses &= set(_matching_statuses(condition))
        self.has_status = True
        if not self.statuses:
            raise UnsupportedConditionError("no HTTP status meets it together with the other conditions")

    def _add_rcode(self, condition: Condition) -> None:
        if condition.operator != "==" or condition.pattern is not None:
            raise UnsupportedConditionError("only == with a code or any(...) has an equivalent")
        self.rcodes = condition.choices or [condition.right]

    def _add_response_time(self, condition: Condition) -> None:
        limit = _limit(condition, ("<", "<="))
        self.response_time = limit if self.response_time is None else min(limit, self.response_time)

    def _add_certificate(self, condition: Condition) -> None:
        self.certificate = max(_limit(condition, (">", ">=")), self.certificate or 0)

    def _add_domain(self, condition: Condition) -> None:
        self.domain = max(_limit(condition, (">", ">=")), self.domain or 0)

    def _add_connected(self, condition: Condition) -> None:
        if (condition.operator, condition.right) != ("==", "true"):
            raise UnsupportedConditionError("only [CONNECTED] == true has an equivalent")

    def _add_json(self, condition: Condition) -> None:
        path, value = _json_expectation(condition)
        values = self.expect.setdefault("json", {})
        known = values.get(path, {})
        if set(known) & set(value):
            raise UnsupportedConditionError("another condition on the same value uses the same operator")
        values[path] = {**known, **value}


_SIMPLE: Final[dict[str, Callable[[Expectations, Condition], None]]] = {
    "[STATUS": Expectations._add_status,
    "[DNS_RCODE": Expectations._add_rcode,
    "[RESPONSE_TIME": Expectations._add_response_time,
    "[CERTIFICATE_EXPIRATION": Expectations._add_certificate,
    "[DOMAIN_EXPIRATION": Expectations._add_domain,
    "[CONNECTED": Expectations._add_connected,
}


def _ranges(statuses: list[int]) -> Iterable[str]:
    start = previous = statuses[0]
    for status in [*statuses[1:], 1000]:
        if status != previous + 1:
            yield str(start) if start == previous else f"{start}-{previous}"
            start = status
        previous = status


def _matching_statuses(condition: Condition) -> Iterable[int]:
    """Yield the HTTP status codes that meet the condition."""
    if condition.pattern is not None:
        expression = re.compile(glob_expression(condition.pattern).replace(r"\z", r"\Z"))
        matching = {status for status in _STATUSES if expression.search(str(status))}
    elif condition.operator in _COMPARE:
        compare, limit = _COMPARE[condition.operator], _number(condition.right)
        return {status for status in _STATUSES if compare(status, limit)}
    else:
        matching = {_number(choice) for choice in condition.choices or [condition.right]}
    return matching if condition.operator == "==" else set(_STATUSES) - matching


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UnsupportedConditionError(f"{text} is not a whole number") from None


def _limit(condition: Condition, operators: tuple[str, str]) -> int:
    """Return the limit of a duration in microseconds. A number without a unit is in milliseconds."""
    if condition.operator not in operators:
        raise UnsupportedConditionError(f"only {operators[0]} and {operators[1]} have an equivalent")
    duration = go_duration(condition.right)
    return duration if duration is not None else _number(condition.right) * 1000


def _body_expectation(condition: Condition) -> tuple[str, str]:
    """Return the key of `expect` and its value for a condition on the entire body, which Gatus trims."""
    if condition.operator not in ("==", "!="):
        raise UnsupportedConditionError("only == and != have an equivalent for the entire body")
    if condition.choices is not None:
        inner = "|".join(map(re.escape, condition.choices))
        expression = rf"(?s)\A\s*(?:{inner})\s*\z"
    else:
        pattern = condition.pattern
        part = re.fullmatch(r"\*([^*?\[\\]+)\*", pattern or "")
        if part:
            return ("contains" if condition.operator == "==" else "not_contains"), part[1]
        expression = (
            rf"(?s)\A\s*{re.escape(condition.right)}\s*\z"
            if pattern is None
            else glob_expression(pattern, trimmed=True)
        )
    return ("matches" if condition.operator == "==" else "not_matches"), expression


def _json_expectation(condition: Condition) -> tuple[str, dict[str, Any]]:
    """Return the JSON path and its conditions for a condition on a value of the body."""
    function = condition.left.partition("(")[0] if condition.left.endswith(")") else ""
    path = json_path(condition.left.removeprefix(f"{function}(").removesuffix(")") if function else condition.left)
    if function == "has":
        if condition.operator not in ("==", "!=") or condition.right not in ("true", "false"):
            raise UnsupportedConditionError("has(...) must be compared with true or false")
        return path, {"exists": (condition.right == "true") == (condition.operator == "==")}
    if function == "len":
        return path, {"length": {condition.operator: _number(condition.right)}}
    return path, value_expectation(condition)


def json_path(placeholder: str) -> str:
    """Return the JSON path (RFC 9535) of `[BODY].users[0].name`.

    Raises:
        UnsupportedConditionError: it is not a path into the body.

    >>> json_path("[BODY].data[*].user-id")
    "$.data[*]['user-id']"
    """
    match = _PATH.fullmatch(placeholder)
    if match is None or not match[1]:
        raise UnsupportedConditionError(f"{placeholder} has no equivalent")
    path = "$"
    for part in re.findall(r"\.[^.\[\]\s]+|\[(?:\d+|\*)\]", match[1]):
        name = part.removeprefix(".")
        escaped = name.replace("\\", "\\\\").replace("'", "\\'")
        path += part if part.startswith("[") or re.fullmatch(r"[A-Za-z_]\w*", name) else f"['{escaped}']"
    return path


def value_expectation(condition: Condition) -> dict[str, Any]:
    """Return the conditions on a JSON value for a comparison of its text.

    Raises:
        UnsupportedConditionError: the operand of `<` or `>` is not a whole number.
    """
    if condition.operator in _COMPARE:
        return {condition.operator: _number(condition.right)}
    if condition.pattern is not None:
        return {"matches" if condition.operator == "==" else "not_matches": glob_expression(condition.pattern)}
    choices = [choice for text in condition.choices or [condition.right] for choice in _possible_values(text)]
    if condition.operator == "==":
        return {"==": choices[0]} if len(choices) == 1 else {"in": choices}
    inner = "|".join(re.escape(text) for text in condition.choices or [condition.right])
    return {"not_matches": rf"\A(?:{inner})\z"}


def _possible_values(text: str) -> list[Any]:
    """Return the JSON values that equal this text for Gatus: for `5`, the number 5 and the text "5"."""
    if text in ("true", "false"):
        return [text == "true", text]
    return [int(text), text] if re.fullmatch(r"-?(0|[1-9]\d{0,15})", text) else [text]
