"""What an answer must be to count as good, checked when the configuration is loaded, not when the answer comes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import jsonpath_rfc9535
import re2
from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.errors import quoted
from monitor.config.values import AS_TEXT, problem_at

_LONGEST_PATTERN = 1_000
_REGEX_MEMORY = 1 << 20  # bytes that a compiled expression may take: `(a{1000}){1000}` is linear in time, not in size


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
class Regex:
    """An expression in RE2's syntax, matched in time linear in the text; two are equal when their texts are.

    Raises:
        ValueError: it does not compile; look-around and back-references have no linear-time form.
    """

    text: str
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _REGEX_MEMORY
        if len(self.text) > _LONGEST_PATTERN:
            raise ValueError(f"longer than {_LONGEST_PATTERN} characters; write a shorter one")
        try:
            object.__setattr__(self, "_compiled", re2.compile(self.text, options))
        except re2.error as error:
            raise ValueError(f"not a regular expression that RE2 takes ({_said(error)})") from None

    def __str__(self) -> str:
        return self.text

    def search(self, text: str | bytes) -> bool:
        """Return whether the expression occurs anywhere in the text; bytes are taken as UTF-8."""
        return self._compiled.search(text) is not None

    def end(self, text: bytes) -> int | None:
        """Return where the first occurrence ends, None if there is none."""
        match = self._compiled.search(text)
        return None if match is None else int(match.end())

    def found(self, text: str | bytes) -> list[str]:
        """Return each occurrence: its first group, or the whole of it when the expression has no group."""
        group = 1 if self._compiled.groups else 0
        caught = (match.group(group) for match in self._compiled.finditer(text))
        return [_decoded(each) for each in caught if each is not None]


def _decoded(text: str | bytes) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return _decoded(said) if isinstance(said, str | bytes) else str(said)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path into a JSON document (RFC 9535), equal to another when their texts are.

    Raises:
        ValueError: it is not one.
    """

    text: str
    _query: jsonpath_rfc9535.JSONPathQuery = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_query", jsonpath_rfc9535.compile(self.text))
        except (jsonpath_rfc9535.JSONPathError, RecursionError) as error:
            raise ValueError(f"not a JSON path ({error}); write $.ready or $.checks[0].status") from None

    def __hash__(self) -> int:
        return hash(self.text)

    def values(self, document: Any) -> list[Any]:
        """Return every value that the path finds in a parsed document, in order; none when it finds nothing.

        Raises:
            RecursionError: the document is nested too deeply to be searched.
        """
        try:
            return self._query.find(document).values()
        except jsonpath_rfc9535.JSONPathRecursionError as error:
            raise RecursionError(str(error)) from None


Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class JsonExpectation:
    """What a JSON document must say: the path finds at least one value, and each one it finds equals `value`.

    A number equals a number of the same value (1 and 1.0), but never `true`: JSON keeps the two apart.
    """

    path: JsonPath
    value: Scalar

    def holds(self, document: Any) -> bool:
        """Return whether the document says so."""
        found = self.path.values(document)
        return bool(found) and all(map(self._equals, found))

    def _equals(self, other: Any) -> bool:
        return isinstance(other, bool) is isinstance(self.value, bool) and bool(other == self.value)


@dataclass(frozen=True, slots=True)
class HeaderExpectation:
    """A header that must be there and contain the text, whatever their case.

    Contain, not equal: `application/json` is meant to match `application/json; charset=utf-8`. Without regard to case,
    because media types have none, and a false alarm costs more than the difference.
    """

    name: str
    text: str

    def holds(self, values: Iterable[str]) -> bool:
        """Return whether one of the header's values (it may be sent more than once) contains the text."""
        return any(self.text.casefold() in value.casefold() for value in values)


def _statuses(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _header_expectations(value: Any) -> tuple[HeaderExpectation, ...]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("not headers; write name: text, e.g. {Content-Type: application/json}")
    for name, text in value.items():
        if not isinstance(text, str) or not text:
            raise problem_at(str(name), "not text; write what the header must contain, in quotes")
    return tuple(HeaderExpectation(str(name), str(text)) for name, text in value.items())


def _json_expectations(value: Any) -> tuple[JsonExpectation, ...]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError('not JSON paths; write path: value, e.g. {"$.ready": true}')
    return tuple(_json_expectation(str(path), wanted) for path, wanted in value.items())


def _json_expectation(path: str, wanted: Any) -> JsonExpectation:
    if not isinstance(wanted, Scalar):
        raise problem_at(path, "compare with a text, a number, true, false or null; put a date in quotes")
    try:
        return JsonExpectation(JsonPath(path), str(wanted) if isinstance(wanted, str) else wanted)
    except ValueError as error:
        raise problem_at(path, str(error)) from None


def _regex(value: Any) -> Regex:
    if isinstance(value, Regex):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("not text; write a regular expression in quotes")
    return Regex(str(value))


_HEADERS_AS_TEXT = PlainSerializer(lambda many: {each.name: each.text for each in many}, when_used="json")
_JSON_AS_TEXT = PlainSerializer(lambda many: {each.path.text: each.value for each in many}, when_used="json")
_REGEX_SCHEMA = {"type": "string", "description": "RE2 syntax", "maxLength": _LONGEST_PATTERN}
_STATUS_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string"}]}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
_SCALARS = {"type": ["string", "number", "boolean", "null"]}

Status = Annotated[StatusRange, PlainValidator(StatusRange.parse), AS_TEXT, WithJsonSchema(_STATUS_SCHEMA)]
Statuses = Annotated[
    tuple[Status, ...],
    Field(min_length=1),
    BeforeValidator(_statuses),
    WithJsonSchema({"anyOf": [*_STATUS_SCHEMA["anyOf"], {"type": "array", "items": _STATUS_SCHEMA, "minItems": 1}]}),
]
Contained = Annotated[str, Field(min_length=1, max_length=_LONGEST_PATTERN)]
ExpectedHeaders = Annotated[
    tuple[HeaderExpectation, ...], PlainValidator(_header_expectations), _HEADERS_AS_TEXT, WithJsonSchema(_TEXTS)
]
ExpectedJson = Annotated[
    tuple[JsonExpectation, ...],
    PlainValidator(_json_expectations),
    _JSON_AS_TEXT,
    WithJsonSchema({"type": "object", "additionalProperties": _SCALARS, "minProperties": 1}),
]
RegexField = Annotated[Regex, PlainValidator(_regex), AS_TEXT, WithJsonSchema(_REGEX_SCHEMA)]
OK = (StatusRange(200, 299),)


class Expect(Model):
    """What an answer must be to count as good. All of it must hold."""

    status: Statuses = OK
    """Status codes that are good: `200`, `2xx` or `200-204`, one or a list. Default `2xx`."""

    header: ExpectedHeaders = ()
    """Headers that must be there and contain the text, whatever their case."""

    contains: Contained | None = None
    """Text that the body must contain, letter by letter."""

    matches: RegexField | None = None
    """A regular expression (RE2) that must occur in the body."""

    json_values: ExpectedJson = Field((), alias="json")
    """Paths into a JSON body (RFC 9535), each with the value that everything it finds must equal."""

    @property
    def needs_body(self) -> bool:
        """Whether the body must be read to decide."""
        return bool(self.contains or self.matches or self.json_values)

    def accepts_status(self, status: int) -> bool:
        """Return whether the status is one of the good ones."""
        return any(status in good for good in self.status)
