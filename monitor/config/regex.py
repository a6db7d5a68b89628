"""Regular expressions with matching in linear time (RE2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any

import re2
from pydantic import PlainValidator, WithJsonSchema

from monitor.config.values import AS_TEXT

MAX_PATTERN_LENGTH = 1_000  # characters; RE2 takes up to this many steps per byte, on the event loop
_REGEX_MEMORY = 1 << 20  # bytes of a compiled expression; `(a{1000}){1000}` is linear in time but not in memory


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression of RE2, matched in time linear in the text. Expressions with the same text are equal.

    Raises:
        ValueError: the expression does not compile. RE2 has no look-around and no back-references.
    """

    text: str
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _REGEX_MEMORY
        if len(self.text) > MAX_PATTERN_LENGTH:
            raise ValueError(f"longer than {MAX_PATTERN_LENGTH} characters; use a shorter one")
        try:
            object.__setattr__(self, "_compiled", re2.compile(self.text, options))
        except re2.error as error:
            raise ValueError(f"not a regular expression of RE2 ({_error_text(error)})") from None

    def __str__(self) -> str:
        return self.text

    def search(self, text: str | bytes | bytearray) -> bool:
        """Return whether the expression matches anywhere in the text. Bytes are decoded as UTF-8."""
        return self._compiled.search(text) is not None

    def end(self, text: bytes) -> int | None:
        """Return the end of the first match, or None without a match."""
        match = self._compiled.search(text)
        return None if match is None else int(match.end())

    def captures(self, text: str | bytes, limit: int = 10_000) -> list[str]:
        """Return the first matches: the first group of each, or the entire match if the expression has no group."""
        group = 1 if self._compiled.groups else 0
        texts = (match.group(group) for match in self._compiled.finditer(text))
        return [_decode(text) for text in islice(texts, limit) if text is not None]


def _decode(text: str | bytes) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _error_text(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return _decode(reason) if isinstance(reason, str | bytes) else str(reason)


def regex(value: Any) -> Regex:
    """Return the regular expression of a text.

    Raises:
        ValueError: the value is not text, or not a regular expression of RE2.
    """
    if isinstance(value, Regex):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("not text; use a regular expression in quotes")
    return Regex(str(value))


REGEX_SCHEMA = {"type": "string", "description": "RE2 syntax", "maxLength": MAX_PATTERN_LENGTH}
RegexField = Annotated[Regex, PlainValidator(regex), AS_TEXT, WithJsonSchema(REGEX_SCHEMA)]
