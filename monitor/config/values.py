"""Types of single values: accepted syntax, error messages and descriptions for editors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from monitor.config.errors import quoted
from monitor.config.validation_context import Context, resolve
from sla.calendar import Period
from sla.interval import DAY, SECOND
from sla.objective import Objective
from sla.window import parse_duration

AS_TEXT = PlainSerializer(str, return_type=str, when_used="json")
"""Writes a value into a JSON dump as it would stand in YAML."""

# --- Durations ---------------------------------------------------------------------------------------------------

LONGEST = 3650 * DAY
_WRITE = "write 30s, 5m or 1h"


def duration(value: Any) -> int:
    """Return microseconds, more than zero and at most ten years.

    Raises:
        ValueError: not a duration; a number without a unit is ambiguous.

    >>> duration("1h30m")
    5400000000
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"not a duration; {_WRITE}")
    if isinstance(value, int | float):
        raise ValueError(f"{value} has no unit; write {value}ms, {value}s for seconds, {value}m for minutes")
    if len(value) > 40:
        raise ValueError(f"{quoted(value)} is not a duration; {_WRITE}")
    length = parse_duration(value)
    if not 0 < length <= LONGEST:
        raise ValueError(f"{quoted(value)} is out of range; a duration is more than 0 and at most 3650d")
    return length


def window(value: Any) -> int:
    """Return the length of a rolling window, microseconds.

    Raises:
        ValueError: it is not one. The message says what is allowed.
    """
    try:
        return duration(value)
    except ValueError as error:
        allowed = "a window is rolling, of more than 0 and at most 3650d: write 30d"
        if isinstance(value, str) and value.strip().lower().removeprefix("1 ").rstrip("s") in tuple(Period):
            allowed += "; a calendar window is asked for when figures are read (ninewatch report --window month)"
        raise ValueError(f"{str(error).partition(';')[0]}; {allowed}") from None


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]+(\.[0-9]+)?(ms|us|[wdhms])\s*)+$",
    "examples": ["500ms", "30s", "1h30m", "30d"],
}


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds on a duration, both included, in microseconds; the words are what a person would write."""

    least: int
    most: int
    words: str

    def __call__(self, value: int) -> int:
        """Return the value, or raise ValueError with the bounds in words."""
        if not self.least <= value <= self.most:
            raise ValueError(f"must be {self.words}")
        return value


Duration = Annotated[int, PlainValidator(duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Integer microseconds, written `30s`."""

WindowLength = Annotated[int, PlainValidator(window), WithJsonSchema(_DURATION_SCHEMA)]
"""Integer microseconds of a rolling window, written `30d`."""

Seconds = Annotated[float, PlainValidator(lambda value: duration(value) / SECOND), WithJsonSchema(_DURATION_SCHEMA)]
"""Float seconds, written `30s`: for what the monotonic clock measures."""

# --- Words and numbers -------------------------------------------------------------------------------------------

Flag = Annotated[bool, Strict()]
"""`true` or `false`; a quoted "no" is text and refused."""

Count = Annotated[int, Strict(), Field(ge=1)]
"""A whole number from 1."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def is_id(value: str) -> bool:
    """Return whether the text can name a thing."""
    return _ID.fullmatch(value) is not None


def _id(value: str) -> str:
    if not is_id(value):
        raise ValueError(f"{quoted(value)} is not an id; write up to 63 of a-z, 0-9, - and _, starting with a-z or 0-9")
    return value


Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
"""Names a thing in keys, URLs, metrics and records; changing it starts a new record."""


def printable(value: str) -> str:
    """Return the text, and refuse one with a line break or what cannot be seen."""
    if not value.isprintable():
        raise ValueError("holds a line break or a character that cannot be seen; write plain text on one line")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
"""Text for people, on one line."""

Token = Annotated[str, StringConstraints(min_length=1, max_length=8_192), AfterValidator(printable)]
"""Text for a server, on one line: a user's name, a client's id. A name may be a key or a JWT; servers take header
fields of 8 KiB (nginx, Apache)."""


def _objective(value: Any) -> Objective:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('not an objective; write a percentage such as 99.95% or words such as "three nines"')
    return Objective.parse(value)


ObjectiveField = Annotated[
    Objective,
    PlainValidator(_objective),
    AS_TEXT,
    WithJsonSchema({"type": ["string", "number"], "examples": ["99.95%", "99.9%", "three nines"]}),
]

# --- Files -------------------------------------------------------------------------------------------------------


def local_path(value: Any, info: ValidationInfo) -> Path:
    """Return the path; it starts at the file that wrote it."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("not a path; write it as text, in quotes if YAML reads it as something else")
    path = resolve(value)
    if isinstance(info.context, Context):
        info.context.reads(path)
    return path


# --- Errors of whole models --------------------------------------------------------------------------------------


def problem_at(key: str, message: str) -> PydanticCustomError:
    """Return an error for a validator of a whole model to raise; it is shown at the given key of that model."""
    return PydanticCustomError("at_key", "{message}", {"key": key, "message": message})
