"""Values of `expect`: status, version, header, cookie, text and JSON. They are parsed when the file is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from monitor.config.addresses import is_token
from monitor.config.conditions import HEADER_KEYS, JSON_KEYS, Conditions, Scalar, equal, parse_conditions
from monitor.config.errors import quoted
from monitor.config.json_path import JsonPath
from monitor.config.regex import MAX_PATTERN_LENGTH, REGEX_SCHEMA, Regex, regex
from monitor.config.values import AS_TEXT, problem_at


@dataclass(frozen=True, slots=True)
class StatusRange:
    """HTTP status codes from `low` to `high`, both included. `str()` gives `200`, `2xx` or `200-204`."""

    low: int
    high: int

    def __contains__(self, status: object) -> bool:
        return isinstance(status, int) and self.low <= status <= self.high

    def __str__(self) -> str:
        if self.low == self.high:
            return str(self.low)
        if self.low % 100 == 0 and self.high == self.low + 99:
            return f"{self.low // 100}xx"
        return f"{self.low}-{self.high}"

    @classmethod
    def parse(cls, token: Any) -> StatusRange:
        """Parse `200`, `2xx` or `200-299`.

        Raises:
            ValueError: the value has another form.
        """
        if isinstance(token, StatusRange):
            return token
        text = "" if isinstance(token, bool) or not isinstance(token, int | str) else str(token)
        if match := re.fullmatch(r"([1-5])xx", text, re.IGNORECASE):
            return cls(int(match[1]) * 100, int(match[1]) * 100 + 99)
        match = re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", text)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f"{quoted(token)} is not a status; use 200, 2xx or 200-204 (from 100 to 599)")
        return cls(int(match[1]), int(match[2] or match[1]))


@dataclass(frozen=True, slots=True)
class JsonExpectation:
    """An expectation on a JSON document: the path finds at least one value, and all values found are as expected.

    1 and 1.0 are equal. A number never equals `true`.
    """

    path: JsonPath
    value: Scalar | Conditions

    def is_met(self, values: Sequence[Any]) -> bool:
        """Return whether the values that the path found are as expected."""
        if isinstance(self.value, Conditions):
            return self.value.match(values)
        return bool(values) and all(equal(value, self.value) for value in values)


@dataclass(frozen=True, slots=True)
class HeaderExpectation:
    """An expectation on a header or cookie: text that it contains (case-insensitive), `True` present, `False` absent.

    The text may be a part of the value, so that `application/json` matches `application/json; charset=utf-8`. The
    comparison is case-insensitive, because media types are, and a false alarm costs more than a missed difference.
    """

    name: str
    expected: str | bool | Conditions

    def is_met(self, values: Iterable[str]) -> bool:
        """Return whether all values of the header, possibly none, are as expected."""
        if isinstance(self.expected, Conditions):
            return self.expected.match(list(values))
        if isinstance(self.expected, bool):
            return self.expected is any(True for _ in values)
        return any(self.expected.casefold() in value.casefold() for value in values)

    @property
    def description(self) -> str:
        """The expectation as text for people."""
        if isinstance(self.expected, bool):
            return str(Conditions(exists=self.expected))
        return quoted(self.expected) if isinstance(self.expected, str) else str(self.expected)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


_HEADER = "true (present), false (absent), a text that it contains, or e.g. {matches: RE}"


def _header_expectations(value: Any) -> tuple[HeaderExpectation, ...]:
    return _by_name(value, "not headers; use name: text, e.g. {Content-Type: application/json}")


def _cookie_expectations(value: Any) -> tuple[HeaderExpectation, ...]:
    return _by_name(value, "not cookies; use name: true, e.g. {session: true}")


def _by_name(value: Any, error_text: str) -> tuple[HeaderExpectation, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping) or not value:
        raise ValueError(error_text)
    for name in value:
        if not is_token(str(name)):
            raise problem_at(str(name), f"{quoted(name)} is not a valid name; use letters, digits and -")
    return tuple(HeaderExpectation(str(name), _header(str(name), expected)) for name, expected in value.items())


def _header(name: str, expected: Any) -> str | bool | Conditions:
    if isinstance(expected, Mapping):
        return _conditions(name, expected, HEADER_KEYS)
    if not isinstance(expected, str | bool) or expected == "":
        raise problem_at(name, f"not text in quotes; use {_HEADER}")
    return str(expected) if isinstance(expected, str) else expected


def _conditions(key: str, mapping: Mapping[str, Any], allowed: tuple[str, ...]) -> Conditions:
    try:
        return parse_conditions(mapping, allowed)
    except ValueError as error:
        raise problem_at(key, str(error)) from None


def _json_expectations(value: Any) -> tuple[JsonExpectation, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping) or not value:
        raise ValueError('not JSON paths; use path: value, e.g. {"$.ready": true}')
    return tuple(_json_expectation(str(path), expected) for path, expected in value.items())


def _json_expectation(path: str, expected: Any) -> JsonExpectation:
    if isinstance(expected, Mapping):
        expected = _conditions(path, expected, JSON_KEYS)
    elif not isinstance(expected, Scalar):
        raise problem_at(path, "must be a text, a number, true, false or null; put a date in quotes")
    try:
        return JsonExpectation(JsonPath(path), str(expected) if isinstance(expected, str) else expected)
    except ValueError as error:
        raise problem_at(path, str(error)) from None


def _texts(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list | tuple) else [value]
    if not texts or not all(isinstance(text, str) and 0 < len(text) <= MAX_PATTERN_LENGTH for text in texts):
        raise ValueError(f"not text; put it in quotes, up to {MAX_PATTERN_LENGTH} characters, or use a list of texts")
    return tuple(map(str, texts))


def _expressions(value: Any) -> tuple[Regex, ...]:
    patterns = value if isinstance(value, list | tuple) else [value]
    if not patterns:
        raise ValueError("is empty; use a regular expression in quotes")
    return tuple(map(regex, patterns))


VERSIONS = {"1": "1.0", "1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2"}
"""HTTP versions in the configuration -> their names in results."""


def _versions(value: Any) -> tuple[str, ...]:
    """Parse `1.1`, `2` or a list of versions. YAML parses both as numbers."""
    versions = _as_list(value)
    for version in versions:
        if str(version) not in VERSIONS:
            raise ValueError(f"{quoted(version)} is not an HTTP version here; must be 1.0, 1.1 or 2, or a list of them")
    if not versions:
        raise ValueError("must be 1.0, 1.1 or 2, or a list of them")
    return tuple(VERSIONS[str(version)] for version in versions)


def one_or_list_schema(schema: dict[str, Any]) -> WithJsonSchema:
    """Return the JSON Schema of one value or a list of them."""
    return WithJsonSchema({"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]})


def _conditions_schema(allowed: tuple[str, ...]) -> dict[str, Any]:
    properties = {word: {"type": "boolean"} if word in ("exists", "optional") else {} for word in allowed}
    return {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}


def _mapping_schema(*forms: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [*forms]}, "minProperties": 1})


_HEADERS_AS_TEXT = PlainSerializer(
    lambda headers: {header.name: header.description for header in headers}, when_used="json"
)
_JSON_AS_TEXT = PlainSerializer(
    lambda values: {expected.path.text: _plain(expected.value) for expected in values}, when_used="json"
)
_AS_TEXTS = PlainSerializer(lambda values: list(map(str, values)), return_type=list[str], when_used="json")
_STATUS_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string"}]}


def _plain(value: Scalar | Conditions) -> Scalar:
    return str(value) if isinstance(value, Conditions) else value


Status = Annotated[StatusRange, PlainValidator(StatusRange.parse), AS_TEXT, WithJsonSchema(_STATUS_SCHEMA)]
Statuses = Annotated[
    tuple[Status, ...],
    Field(min_length=1),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [*_STATUS_SCHEMA["anyOf"], {"type": "array", "items": _STATUS_SCHEMA, "minItems": 1}]}),
]
Contained = Annotated[
    tuple[str, ...],
    PlainValidator(_texts),
    _AS_TEXTS,
    one_or_list_schema({"type": "string", "maxLength": MAX_PATTERN_LENGTH}),
]
Expressions = Annotated[
    tuple[Regex, ...],
    PlainValidator(_expressions),
    _AS_TEXTS,
    one_or_list_schema(REGEX_SCHEMA),
]
ExpectedHeaders = Annotated[
    tuple[HeaderExpectation, ...],
    PlainValidator(_header_expectations),
    _HEADERS_AS_TEXT,
    _mapping_schema({"type": ["string", "boolean"]}, _conditions_schema(HEADER_KEYS)),
]
ExpectedCookies = Annotated[
    tuple[HeaderExpectation, ...],
    PlainValidator(_cookie_expectations),
    _HEADERS_AS_TEXT,
    _mapping_schema({"type": ["string", "boolean"]}, _conditions_schema(HEADER_KEYS)),
]
ExpectedJson = Annotated[
    tuple[JsonExpectation, ...],
    PlainValidator(_json_expectations),
    _JSON_AS_TEXT,
    _mapping_schema({"type": ["string", "number", "boolean", "null"]}, _conditions_schema(JSON_KEYS)),
]
Versions = Annotated[
    tuple[str, ...],
    PlainValidator(_versions),
    _AS_TEXTS,
    one_or_list_schema({"enum": ["1.0", "1.1", "2", 1.0, 1.1, 2]}),
]
