"""Regular expressions that are matched in linear time (RE2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any

import re2
from pydantic import PlainValidator, WithJsonSchema

from monitor.config.values import AS_TEXT

LONGEST_PATTERN = 1_000  # characters: RE2 takes up to that many steps a byte, and the loop waits for it
_REGEX_MEMORY = 1 << 20  # bytes that a compiled expression may take: `(a{1000}){1000}` is linear in time, not in size


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
        if len(self.text) > LONGEST_PATTERN:
            raise ValueError(f"longer than {LONGEST_PATTERN} characters; write a shorter one")
        try:
            object.__setattr__(self, "_compiled", re2.compile(self.text, options))
        except re2.error as error:
            raise ValueError(f"not a regular expression that RE2 takes ({_error_text(error)})") from None

    def __str__(self) -> str:
        return self.text

    def search(self, text: str | bytes | bytearray) -> bool:
        """Return whether the expression occurs anywhere in the text; bytes are taken as UTF-8."""
        return self._compiled.search(text) is not None

    def end(self, text: bytes) -> int | None:
        """Return where the first occurrence ends, None if there is none."""
        match = self._compiled.search(text)
        return None if match is None else int(match.end())

    def found(self, text: str | bytes, most: int = 10_000) -> list[str]:
        """Return each of the first occurrences: its first group, or the whole of it when the expression has none."""
        group = 1 if self._compiled.groups else 0
        caught = (match.group(group) for match in self._compiled.finditer(text))
        return [_decoded(each) for each in islice(caught, most) if each is not None]


def _decoded(text: str | bytes) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _error_text(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return _decoded(reason) if isinstance(reason, str | bytes) else str(reason)


def regex(value: Any) -> Regex:
    """Return the expression that is written.

    Raises:
        ValueError: it is no text, or none that RE2 takes.
    """
    if isinstance(value, Regex):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("not text; write a regular expression in quotes")
    return Regex(str(value))


REGEX_SCHEMA = {"type": "string", "description": "RE2 syntax", "maxLength": LONGEST_PATTERN}
RegexField = Annotated[Regex, PlainValidator(regex), AS_TEXT, WithJsonSchema(REGEX_SCHEMA)]
