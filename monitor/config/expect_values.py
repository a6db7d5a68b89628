"""Values of `expect`: status, version, header, cookie, text and JSON, parsed when the file is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from monitor.config.addresses import is_token
from monitor.config.conditions import OF_HEADERS, OF_JSON, Conditions, Scalar, conditions, equal
from monitor.config.errors import quoted
from monitor.config.json_path import JsonPath
from monitor.config.regex import LONGEST_PATTERN, REGEX_SCHEMA, Regex, regex
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
        """Return what `200`, `2xx` or `200-299` says.

        Raises:
            ValueError: it says something else.
        """
        if isinstance(token, StatusRange):
            return token
        text = "" if isinstance(token, bool) or not isinstance(token, int | str) else str(token)
        if match := re.fullmatch(r"([1-5])xx", text, re.IGNORECASE):
            return cls(int(match[1]) * 100, int(match[1]) * 100 + 99)
        match = re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", text)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f"{quoted(token)} is not a status; write 200, 2xx or 200-204 (from 100 to 599)")
        return cls(int(match[1]), int(match[2] or match[1]))


@dataclass(frozen=True, slots=True)
class JsonExpectation:
    """What a JSON document must say: the path finds at least one value, and each one it finds is as wanted.

    A number equals a number of the same value (1 and 1.0), but never `true`: JSON keeps the two apart.
    """

    path: JsonPath
    value: Scalar | Conditions

    def holds(self, found: Sequence[Any]) -> bool:
        """Return whether the values that the path found are as wanted."""
        if isinstance(self.value, Conditions):
            return self.value.hold(found)
        return bool(found) and all(equal(each, self.value) for each in found)


@dataclass(frozen=True, slots=True)
class HeaderExpectation:
    """A header or cookie. A text must be contained, whatever their case; `True` is there, `False` is not.

    Contain, not equal: `application/json` is meant to match `application/json; charset=utf-8`. Without regard to case,
    because media types have none, and a false alarm costs more than the difference.
    """

    name: str
    wanted: str | bool | Conditions

    def holds(self, values: Iterable[str]) -> bool:
        """Return whether the values of the header (it may be sent more than once, or not at all) are as wanted."""
        if isinstance(self.wanted, Conditions):
            return self.wanted.hold(list(values))
        if isinstance(self.wanted, bool):
            return self.wanted is any(True for _ in values)
        return any(self.wanted.casefold() in value.casefold() for value in values)

    @property
    def description(self) -> str:
        """What is wanted, for people to read."""
        if isinstance(self.wanted, bool):
            return str(Conditions(exists=self.wanted))
        return quoted(self.wanted) if isinstance(self.wanted, str) else str(self.wanted)


def _statuses(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


_HEADER = "true (there), false (not there), a text that it contains, or e.g. {matches: RE}"


def _header_expectations(value: Any) -> tuple[HeaderExpectation, ...]:
    return _by_name(value, "not headers; write name: text, e.g. {Content-Type: application/json}")


def _cookie_expectations(value: Any) -> tuple[HeaderExpectation, ...]:
    return _by_name(value, "not cookies; write name: true, e.g. {session: true}")


def _by_name(value: Any, otherwise: str) -> tuple[HeaderExpectation, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping) or not value:
        raise ValueError(otherwise)
    for name in value:
        if not is_token(str(name)):
            raise problem_at(str(name), f"no answer can have {quoted(name)}; a name is of letters, digits and -")
    return tuple(HeaderExpectation(str(name), _header(str(name), wanted)) for name, wanted in value.items())


def _header(name: str, wanted: Any) -> str | bool | Conditions:
    if isinstance(wanted, Mapping):
        return _conditions(name, wanted, OF_HEADERS)
    if not isinstance(wanted, str | bool) or wanted == "":
        raise problem_at(name, f"not text in quotes; write {_HEADER}")
    return str(wanted) if isinstance(wanted, str) else wanted


def _conditions(key: str, written: Mapping[str, Any], allowed: tuple[str, ...]) -> Conditions:
    try:
        return conditions(written, allowed)
    except ValueError as error:
        raise problem_at(key, str(error)) from None


def _json_expectations(value: Any) -> tuple[JsonExpectation, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping) or not value:
        raise ValueError('not JSON paths; write path: value, e.g. {"$.ready": true}')
    return tuple(_json_expectation(str(path), wanted) for path, wanted in value.items())


def _json_expectation(path: str, wanted: Any) -> JsonExpectation:
    if isinstance(wanted, Mapping):
        wanted = _conditions(path, wanted, OF_JSON)
    elif not isinstance(wanted, Scalar):
        raise problem_at(path, "compare with a text, a number, true, false or null; put a date in quotes")
    try:
        return JsonExpectation(JsonPath(path), str(wanted) if isinstance(wanted, str) else wanted)
    except ValueError as error:
        raise problem_at(path, str(error)) from None


def _texts(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, list | tuple) else [value]
    if not given or not all(isinstance(each, str) and 0 < len(each) <= LONGEST_PATTERN for each in given):
        raise ValueError(f"not text; put it in quotes, up to {LONGEST_PATTERN} characters, or write a list of such")
    return tuple(map(str, given))


def _expressions(value: Any) -> tuple[Regex, ...]:
    given = value if isinstance(value, list | tuple) else [value]
    if not given:
        raise ValueError("is empty; write a regular expression in quotes")
    return tuple(map(regex, given))


VERSIONS = {"1": "1.0", "1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2"}
"""Versions of HTTP as they are written -> as they are called."""


def _versions(value: Any) -> tuple[str, ...]:
    """Return what `1.1`, `2` or a list of them says; YAML reads both as numbers."""
    given = _statuses(value)
    for each in given:
        if str(each) not in VERSIONS:
            raise ValueError(f"{quoted(each)} is no version of HTTP here; must be 1.0, 1.1 or 2, or a list of them")
    if not given:
        raise ValueError("must be 1.0, 1.1 or 2, or a list of them")
    return tuple(VERSIONS[str(each)] for each in given)


def or_several(schema: dict[str, Any]) -> WithJsonSchema:
    """Return the JSON Schema of one value or a list of them."""
    return WithJsonSchema({"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]})


def _words_schema(allowed: tuple[str, ...]) -> dict[str, Any]:
    properties = {word: {"type": "boolean"} if word in ("exists", "optional") else {} for word in allowed}
    return {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}


def _named(*forms: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [*forms]}, "minProperties": 1})


_HEADERS_AS_TEXT = PlainSerializer(lambda many: {each.name: each.description for each in many}, when_used="json")
_JSON_AS_TEXT = PlainSerializer(lambda many: {each.path.text: _plain(each.value) for each in many}, when_used="json")
_AS_TEXTS = PlainSerializer(lambda many: list(map(str, many)), return_type=list[str], when_used="json")
_STATUS_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string"}]}


def _plain(value: Scalar | Conditions) -> Scalar:
    return str(value) if isinstance(value, Conditions) else value


Status = Annotated[StatusRange, PlainValidator(StatusRange.parse), AS_TEXT, WithJsonSchema(_STATUS_SCHEMA)]
Statuses = Annotated[
    tuple[Status, ...],
    Field(min_length=1),
    BeforeValidator(_statuses),
    WithJsonSchema({"anyOf": [*_STATUS_SCHEMA["anyOf"], {"type": "array", "items": _STATUS_SCHEMA, "minItems": 1}]}),
]
Contained = Annotated[
    tuple[str, ...], PlainValidator(_texts), _AS_TEXTS, or_several({"type": "string", "maxLength": LONGEST_PATTERN})
]
Expressions = Annotated[
    tuple[Regex, ...],
    PlainValidator(_expressions),
    _AS_TEXTS,
    or_several(REGEX_SCHEMA),
]
ExpectedHeaders = Annotated[
    tuple[HeaderExpectation, ...],
    PlainValidator(_header_expectations),
    _HEADERS_AS_TEXT,
    _named({"type": ["string", "boolean"]}, _words_schema(OF_HEADERS)),
]
ExpectedCookies = Annotated[
    tuple[HeaderExpectation, ...],
    PlainValidator(_cookie_expectations),
    _HEADERS_AS_TEXT,
    _named({"type": ["string", "boolean"]}, _words_schema(OF_HEADERS)),
]
ExpectedJson = Annotated[
    tuple[JsonExpectation, ...],
    PlainValidator(_json_expectations),
    _JSON_AS_TEXT,
    _named({"type": ["string", "number", "boolean", "null"]}, _words_schema(OF_JSON)),
]
Versions = Annotated[
    tuple[str, ...], PlainValidator(_versions), _AS_TEXTS, or_several({"enum": ["1.0", "1.1", "2", 1.0, 1.1, 2]})
]
