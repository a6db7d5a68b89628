"""Errors in a configuration, each with its place, and the exception that contains all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.errors import NinewatchError

_LONGEST_QUOTE = 60
_LONGEST_MESSAGE = 400

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; line and column count from 1, as editors do."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """An error or a warning: its place, what is wrong and what is allowed."""

    mark: Mark
    key_path: str
    message: str

    def __post_init__(self) -> None:
        """Keep it on one line and short, whatever a file held that the message quotes."""
        line = "".join(c if c.isprintable() else " " for c in self.message)
        if len(line) > _LONGEST_MESSAGE:
            line = f"{line[: _LONGEST_MESSAGE - 3]}..."
        object.__setattr__(self, "message", line)

    def __str__(self) -> str:
        path = f"{self.key_path}: " if self.key_path else ""
        return f"{self.mark}: {path}{self.message}"

    @property
    def file(self) -> str:
        """The file as it was named to us, or as it lies in the folder that was."""
        return self.mark.file

    @property
    def line(self) -> int:
        """Counted from 1."""
        return self.mark.line

    @property
    def column(self) -> int:
        """Counted from 1."""
        return self.mark.column


class ConfigError(NinewatchError):
    """The configuration cannot be used. Its text is one line a problem, in file order, and a line that counts them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = sorted(set(problems))
        super().__init__(self.report())

    def report(self, consequence: str = "") -> str:
        """Return the text; `consequence` ends the summary line, e.g. "the running configuration is unchanged"."""
        return "\n".join([*map(str, self.problems), summary(len(self.problems), "error", consequence)])


def summary(count: int, noun: str, consequence: str = "") -> str:
    """Return "2 errors; the running configuration is unchanged"."""
    counted = f"{count} {noun}{'' if count == 1 else 's'}"
    return f"{counted}; {consequence}" if consequence else counted


def quoted(value: Any) -> str:
    """Return a value as an error may show it: on one line, with what cannot be seen in escapes, and short."""
    plain = value if isinstance(value, str | int | float | bool | None) else str(value)
    text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json.dumps(plain, ensure_ascii=False))
    return text if len(text) <= _LONGEST_QUOTE else f'{text[: _LONGEST_QUOTE - 4]}..."'
