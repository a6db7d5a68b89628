"""Sizes in bytes, and bounds on them, as they are written."""

from __future__ import annotations

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
_BETWEEN = re.compile(r"([^-]+)-([^-]+)")
_KNOWN = "the units are B, kB, MB, KiB and MiB"
_HELP = f'write "<= 100kB", ">= 1kB" or "1kB-100kB", or {{min: 1kB, max: 100kB}}; {_KNOWN}'


def size(value: Any) -> int:
    """Return how many bytes `100`, `100kB` (1,000 each) or `64KiB` (1,024 each) are.

    Raises:
        ValueError: it is no size.
    """
    text = "" if isinstance(value, bool) or not isinstance(value, int | str) else str(value)
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(value)} is no size; write 100 or 100kB; {_KNOWN}")
    return int(match[1]) * _UNITS[match[2] or ""]


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Sizes from `least` to `most` bytes, both included."""

    least: int = 0
    most: int | None = None

    def __contains__(self, bytes_: object) -> bool:
        return isinstance(bytes_, int) and self.least <= bytes_ and (self.most is None or bytes_ <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f">= {self.least}"
        return f"<= {self.most}" if not self.least else f"{self.least}-{self.most}"

    @property
    def needed(self) -> int:
        """Bytes that must be read before it is certain whether a size is within."""
        return self.least if self.most is None else self.most


def _range(value: Any) -> SizeRange:
    if isinstance(value, SizeRange):
        return value
    if isinstance(value, Mapping):
        return _from_to(value)
    text = value if isinstance(value, str) else ""
    if match := _BETWEEN.fullmatch(text):
        return _from_to({"min": match[1].strip(), "max": match[2].strip()})
    match = _BOUND.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(value)} is no bound on a size; {_HELP}")
    bytes_ = size(match[2])
    if match[1].startswith(">"):
        return SizeRange(bytes_ + (match[1] == ">"))
    if match[1] == "<" and not bytes_:
        raise ValueError("nothing is smaller than 0")
    return SizeRange(0, bytes_ - (match[1] == "<"))


def _from_to(written: Mapping[Any, Any]) -> SizeRange:
    if not written or not set(written) <= {"min", "max"}:
        raise ValueError(f"{quoted(', '.join(map(str, written)))} is no bound on a size; {_HELP}")
    found = SizeRange(size(written.get("min", 0)), size(written["max"]) if "max" in written else None)
    if found.most is not None and found.most < found.least:
        raise ValueError("min is larger than max, so that no size would do; swap them")
    return found


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
