"""Parse sizes in bytes, and ranges of sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from monitor.config.errors import quoted
from monitor.config.values import AS_TEXT

_UNITS = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "KiB": 2**10, "MiB": 2**20}
_SIZE = re.compile(r"([0-9]{1,9})\s*(B|kB|KB|MB|KiB|MiB)?")
_BOUND = re.compile(r"(<=|<|>=|>)\s*(.+)")
_RANGE = re.compile(r"([^-]+)-([^-]+)")
_UNITS_HELP = "the units are B, kB, MB, KiB and MiB"
_HELP = f'use "<= 100kB", ">= 1kB" or "1kB-100kB", or {{min: 1kB, max: 100kB}}; {_UNITS_HELP}'


def size(value: Any) -> int:
    """Parse `100`, `100kB` (1 kB is 1,000 bytes) or `64KiB` (1 KiB is 1,024 bytes), and return bytes.

    Raises:
        ValueError: the value is not a size.
    """
    text = "" if isinstance(value, bool) or not isinstance(value, int | str) else str(value)
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(value)} is not a size; use 100 or 100kB; {_UNITS_HELP}")
    return int(match[1]) * _UNITS[match[2] or ""]


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Sizes from `min_bytes` to `max_bytes` bytes, both included."""

    min_bytes: int = 0
    max_bytes: int | None = None

    def __contains__(self, bytes_: object) -> bool:
        return isinstance(bytes_, int) and self.min_bytes <= bytes_ <= (
            math.inf if self.max_bytes is None else self.max_bytes
        )

    def __str__(self) -> str:
        if self.max_bytes is None:
            return f">= {self.min_bytes}"
        return f"<= {self.max_bytes}" if not self.min_bytes else f"{self.min_bytes}-{self.max_bytes}"

    @property
    def min_body_limit(self) -> int:
        """The number of bytes of a body to read in order to decide whether its size is in the range."""
        return self.min_bytes if self.max_bytes is None else self.max_bytes


def _range(value: Any) -> SizeRange:
    if isinstance(value, SizeRange):
        return value
    if isinstance(value, Mapping):
        return _from_mapping(value)
    text = value if isinstance(value, str) else ""
    if match := _RANGE.fullmatch(text):
        return _from_mapping({"min": match[1].strip(), "max": match[2].strip()})
    match = _BOUND.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(value)} is not a range of sizes; {_HELP}")
    bytes_ = size(match[2])
    if match[1].startswith(">"):
        return SizeRange(bytes_ + (match[1] == ">"))
    if match[1] == "<" and not bytes_:
        raise ValueError('no size is below 0; use "<= 0"')
    return SizeRange(0, bytes_ - (match[1] == "<"))


def _from_mapping(bounds: Mapping[Any, Any]) -> SizeRange:
    if not bounds:
        raise ValueError(f"is empty; {_HELP}")
    for key in bounds:
        if key not in ("min", "max"):
            raise ValueError(f"unknown key {quoted(key)}; the keys are min and max")
    sizes = SizeRange(size(bounds.get("min", 0)), size(bounds["max"]) if "max" in bounds else None)
    if sizes.max_bytes is not None and sizes.max_bytes < sizes.min_bytes:
        raise ValueError("min is larger than max; swap them")
    return sizes


_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^((<=|<|>=|>) *|[0-9]+ *[kKM]?i?B? *- *)[0-9]+ *[kKM]?i?B?$"},
        {
            "type": "object",
            "properties": {key: {"type": ["integer", "string"]} for key in ("min", "max")},
            "additionalProperties": False,
            "minProperties": 1,
        },
    ],
    "examples": ["<= 100kB", ">= 1kB"],
}
SizeRangeField = Annotated[SizeRange, PlainValidator(_range), AS_TEXT, WithJsonSchema(_SCHEMA)]
