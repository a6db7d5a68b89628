"""Types of values in OpenSLO files: names, numbers, durations.

Scalars that are not text are parsed with their text (`ParsedText`), so that numbers such as `99.95` stay exact.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import PlainValidator

from monitor.config.errors import quoted
from monitor.config.yaml_nodes import ParsedText
from sla.interval import DAY, HOUR, MINUTE

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.|/\\]{0,253}[a-z0-9])?")
_DURATION = re.compile(r"([1-9]\d{0,5})([mhdwMQY])")
# The specification does not define the length of months, quarters and years in rolling windows.
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "M": 30 * DAY, "Q": 90 * DAY, "Y": 365 * DAY}


def _text(value: Any) -> str:
    if isinstance(value, ParsedText):
        return value.text
    if isinstance(value, str) and value:
        return str(value)
    raise ValueError("must be non-empty text")


def _name(value: Any) -> str:
    text = _text(value)
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not a name; use a-z, 0-9 and -, starting and ending with a-z or 0-9")
    return text


def _number(value: Any) -> Fraction:
    text = value.text if isinstance(value, ParsedText) and not isinstance(value.value, bool) else value
    try:
        if isinstance(text, str | int) and not isinstance(text, bool):
            return Fraction(text)
    except (ValueError, ZeroDivisionError):
        pass
    raise ValueError(f"{quoted(str(value))} is not a number; use 0.999")


def _flag(value: Any) -> bool:
    flag = value.value if isinstance(value, ParsedText) else value
    if not isinstance(flag, bool):
        raise ValueError("must be true or false")
    return flag


class Duration(str):
    """A duration in its notation in the file, `28d`, with its length in microseconds and its unit."""

    __slots__ = ("length", "unit")
    length: int
    unit: str

    @classmethod
    def parse(cls, value: Any) -> Duration:
        """Parse a duration in the specification's shorthand format.

        Raises:
            ValueError: the value is not a duration.
        """
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(
                f"{quoted(str(value))} is not a duration; use a whole number and one of m, h, d, w, M, Q and Y: 28d"
            )
        duration = cls(value)
        duration.unit = match[2]
        duration.length = int(match[1]) * _UNITS[duration.unit]
        return duration

    @classmethod
    def of_slice(cls, value: Any) -> Duration:
        """Parse the window of a time slice. The unit of a number without a unit is minutes."""
        in_minutes = isinstance(value, int) and not isinstance(value, bool)
        return cls.parse(f"{value}m" if in_minutes else value)


def _label(value: Any) -> str | list[str]:
    return [_text(item) for item in value] if isinstance(value, list) else _text(value)


Text = Annotated[str, PlainValidator(_text)]
Name = Annotated[str, PlainValidator(_name)]
Number = Annotated[Fraction, PlainValidator(_number)]
Flag = Annotated[bool, PlainValidator(_flag)]
Label = Annotated[str | list[str], PlainValidator(_label)]
WindowDuration = Annotated[Duration, PlainValidator(Duration.parse)]
SliceDuration = Annotated[Duration, PlainValidator(Duration.of_slice)]


def duration_text(length: int) -> str:
    """Format a duration in the notation of ninewatch, OpenSLO and Prometheus: `28d`, `90m`.

    Raises:
        ValueError: the duration is not a multiple of a minute.
    """
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if length % unit == 0:
            return f"{length // unit}{name}"
    raise ValueError("is not a multiple of a minute")
