"""Errors in a configuration, each with its position, and the exception that contains all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.errors import NinewatchError

_MAX_QUOTE = 60
_MAX_MESSAGE = 600

Loc = tuple[str | int, ...]
LocatedMessages = Iterator[tuple[Loc, str]]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A position in a file. Line and column are counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """An error or a warning: its position, and a message with the mistake and the allowed values."""

    mark: Mark
    key_path: str
    message: str

    def __post_init__(self) -> None:
        """Make the message a single short line, because it may quote any text of a file."""
        line = "".join(c if c.isprintable() else " " for c in self.message)
        if len(line) > _MAX_MESSAGE:
            line = f"{line[: _MAX_MESSAGE - 3]}..."
        object.__setattr__(self, "message", line)

    def __str__(self) -> str:
        path = f"{self.key_path}: " if self.key_path else ""
        return f"{self.mark}: {path}{self.message}"

    @property
    def file(self) -> str:
        """The path of the file, as given by the user, or below the given folder."""
        return self.mark.file

    @property
    def line(self) -> int:
        """The line, counted from 1."""
        return self.mark.line

    @property
    def column(self) -> int:
        """The column, counted from 1."""
        return self.mark.column


class ConfigError(NinewatchError):
    """The configuration is invalid. The text has one line per problem, in file order, and a line with their number."""

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
    """Return a value as JSON for an error message: on one line, with unprintable characters escaped, and shortened."""
    printable = value if isinstance(value, str | int | float | bool | None) else str(value)
    text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json.dumps(printable, ensure_ascii=False))
    return text if len(text) <= _MAX_QUOTE else f'{text[: _MAX_QUOTE - 4]}..."'
