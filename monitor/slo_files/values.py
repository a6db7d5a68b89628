"""Single values of OpenSLO files: names, numbers, durations.

What YAML reads as a number, a truth value or a date comes with its text (`ParsedText`), so that `99.95` stays exact.
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
# Months, quarters and years are of the usual nominal length; the specification leaves that to implementations.
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "M": 30 * DAY, "Q": 90 * DAY, "Y": 365 * DAY}


def _text(value: Any) -> str:
    if isinstance(value, ParsedText):
        return value.text
    if isinstance(value, str) and value:
        return str(value)
    raise ValueError("must be text, and not empty")


def _name(value: Any) -> str:
    text = _text(value)
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not a name; write a-z, 0-9 and -, starting and ending with a-z or 0-9")
    return text


def _number(value: Any) -> Fraction:
    text = value.text if isinstance(value, ParsedText) and not isinstance(value.value, bool) else value
    try:
        if isinstance(text, str | int) and not isinstance(text, bool):
            return Fraction(text)
    except (ValueError, ZeroDivisionError):
        pass
    raise ValueError(f"{quoted(str(value))} is not a number; write 0.999")


def _flag(value: Any) -> bool:
    plain = value.value if isinstance(value, ParsedText) else value
    if not isinstance(plain, bool):
        raise ValueError("must be true or false")
    return plain


class Duration(str):
    """A duration as it is written, `28d`, with its length in microseconds and its unit."""

    __slots__ = ("length", "unit")
    length: int
    unit: str

    @classmethod
    def parse(cls, value: Any) -> Duration:
        """Return the duration in the specification's shorthand.

        Raises:
            ValueError: it is not one.
        """
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(
                f"{quoted(str(value))} is not a duration; write a whole number and one of m, h, d, w, M, Q and Y: 28d"
            )
        made = cls(value)
        made.unit = found[2]
        made.length = int(found[1]) * _UNITS[made.unit]
        return made

    @classmethod
    def of_slice(cls, value: Any) -> Duration:
        """Return the window of a time slice: a number without a unit is minutes."""
        plain = isinstance(value, int) and not isinstance(value, bool)
        return cls.parse(f"{value}m" if plain else value)


def _label(value: Any) -> str | list[str]:
    return [_text(each) for each in value] if isinstance(value, list) else _text(value)


Text = Annotated[str, PlainValidator(_text)]
Name = Annotated[str, PlainValidator(_name)]
Number = Annotated[Fraction, PlainValidator(_number)]
Flag = Annotated[bool, PlainValidator(_flag)]
Label = Annotated[str | list[str], PlainValidator(_label)]
WindowDuration = Annotated[Duration, PlainValidator(Duration.parse)]
SliceDuration = Annotated[Duration, PlainValidator(Duration.of_slice)]


def duration_text(length: int) -> str:
    """Return a duration of whole minutes as this configuration, OpenSLO and Prometheus write it: `28d`, `90m`.

    Raises:
        ValueError: it is not of whole minutes.
    """
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if length % unit == 0:
            return f"{length // unit}{name}"
    raise ValueError("is not of whole minutes")
