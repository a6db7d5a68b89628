"""Types of single values: syntax, error messages and descriptions for editors."""

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
from sla.budget_window import BudgetWindow
from sla.calendar import Period
from sla.interval import DAY, SECOND
from sla.objective import Objective
from sla.window import parse_duration

AS_TEXT = PlainSerializer(str, return_type=str, when_used="json")
"""Serializes a value in a JSON dump as its YAML text."""

# --- Durations ---------------------------------------------------------------------------------------------------

MAX_DURATION = 3650 * DAY
_ALLOWED_DURATION = "use 30s, 5m or 1h"


def duration(value: Any) -> int:
    """Parse a duration above zero and up to ten years, and return microseconds.

    Raises:
        ValueError: the value is not a duration, or is a number without a unit.

    >>> duration("1h30m")
    5400000000
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"not a duration; {_ALLOWED_DURATION}")
    if isinstance(value, int | float):
        raise ValueError(f"{value} has no unit; use {value}ms, {value}s for seconds, {value}m for minutes")
    if len(value) > 40:
        raise ValueError(f"{quoted(value)} is not a duration; {_ALLOWED_DURATION}")
    length = parse_duration(value)
    if not 0 < length <= MAX_DURATION:
        raise ValueError(f"{quoted(value)} is out of range; a duration must be above 0s and at most 3650d")
    return length


_PERIODS = tuple(period.value for period in Period)


def budget_window(value: Any) -> BudgetWindow:
    """Parse the window of an objective: `30d`, or a calendar period (`month`).

    Raises:
        ValueError: the value is not a window.

    >>> str(budget_window("quarter"))
    'quarter'
    """
    if isinstance(value, str) and value in _PERIODS:
        return BudgetWindow.calendar(Period(value))
    try:
        return BudgetWindow(duration(value))
    except ValueError as error:
        periods = f"{', '.join(_PERIODS[:-1])} or {_PERIODS[-1]}"
        allowed = f"use a rolling window above 0s and at most 3650d, for example 30d, or a calendar period: {periods}"
        raise ValueError(f"{str(error).partition(';')[0]}; {allowed}") from None


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]+(\.[0-9]+)?(ms|us|[wdhms])\s*)+$",
    "examples": ["500ms", "30s", "1h30m", "30d"],
}


@dataclass(frozen=True, slots=True)
class Within:
    """Inclusive bounds on a duration, in microseconds, and their description for messages."""

    minimum: int
    maximum: int
    description: str

    def __call__(self, value: int) -> int:
        """Return the value, or raise ValueError with the bounds."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"must be {self.description}")
        return value


Duration = Annotated[int, PlainValidator(duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Integer microseconds, written `30s`."""

BudgetWindowField = Annotated[
    BudgetWindow,
    PlainValidator(budget_window),
    AS_TEXT,
    WithJsonSchema({"anyOf": [_DURATION_SCHEMA, {"type": "string", "enum": [*_PERIODS]}]}),
]
"""A rolling window, written `30d`, or a calendar period, written `month`."""

Seconds = Annotated[float, PlainValidator(lambda value: duration(value) / SECOND), WithJsonSchema(_DURATION_SCHEMA)]
"""Float seconds, written `30s`: for durations on the monotonic clock."""

# --- Words and numbers -------------------------------------------------------------------------------------------

Flag = Annotated[bool, Strict()]
"""`true` or `false`. A quoted "no" is text, and is rejected."""

Count = Annotated[int, Strict(), Field(ge=1)]
"""A whole number from 1."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def is_id(value: str) -> bool:
    """Return whether the text is a valid id."""
    return _ID.fullmatch(value) is not None


def _id(value: str) -> str:
    if not is_id(value):
        raise ValueError(f"{quoted(value)} is not an id; use up to 63 of a-z, 0-9, - and _, starting with a-z or 0-9")
    return value


Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
"""An id in keys, URLs, metrics and the record. A changed id starts a new history."""


def printable(value: str) -> str:
    """Return the text. Reject line breaks and unprintable characters."""
    if not value.isprintable():
        raise ValueError("contains a line break or an unprintable character; use plain text on one line")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
"""Text for people, on one line."""

Token = Annotated[str, StringConstraints(min_length=1, max_length=8_192), AfterValidator(printable)]
"""Text for a server, on one line, such as a user name or a client id. It may be a key or a JWT; servers accept header
fields of 8 KiB (nginx, Apache)."""


def _objective(value: Any) -> Objective:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('not an objective; use a percentage such as 99.95% or words such as "three nines"')
    return Objective.parse(value)


ObjectiveField = Annotated[
    Objective,
    PlainValidator(_objective),
    AS_TEXT,
    WithJsonSchema({"type": ["string", "number"], "examples": ["99.95%", "99.9%", "three nines"]}),
]

# --- Files -------------------------------------------------------------------------------------------------------


def local_path(value: Any, info: ValidationInfo) -> Path:
    """Return the path. A relative path is relative to the file that contains it."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("not a path; put it in quotes")
    path = resolve(value)
    if isinstance(info.context, Context):
        info.context.reads(path)
    return path


# --- Errors of models --------------------------------------------------------------------------------------------


def problem_at(key: str, message: str) -> PydanticCustomError:
    """Return an error for a model's validator to raise. The error is reported at the key of the model."""
    return PydanticCustomError("at_key", "{message}", {"key": key, "message": message})
