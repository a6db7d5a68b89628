"""Extract the commands and the expected output from the code blocks of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND_LANGUAGES = ("", "sh", "bash", "console")  # languages of blocks with commands
_PROGRAMS = ("make", "ninewatch", ".venv/bin/ninewatch", "helm", "python", "zcat", "cat", "curl")


@dataclass
class Command:
    """A command and its expected output lines. Without lines, the output is not compared."""

    line: int
    text: str
    shown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CodeBlock:
    """A code block: the number of its first line and its commands. Empty if it has no commands."""

    line: int
    text: str
    commands: list[Command]


def blocks(path: Path) -> Iterator[CodeBlock]:
    """Yield the code blocks of a document that may contain commands."""
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if match[1] in _COMMAND_LANGUAGES:
            line = text.count("\n", 0, match.start(2)) + 1
            yield CodeBlock(line, match[2], list(_commands(match[2], line)))


def _commands(text: str, first: int) -> Iterator[Command]:
    """Yield the commands: after `$ ` in a transcript, else every line of a block that begins with a program."""
    lines = text.splitlines()
    transcript = any(line.startswith("$ ") for line in lines)
    if not transcript and (lines[0].split() or [""])[0] not in _PROGRAMS:
        return
    command: Command | None = None
    for number, line in enumerate(lines, first):
        if command is not None and command.text.endswith("\\") and not command.shown:
            command.text = command.text[:-1] + line.strip()
        elif not transcript or line.startswith("$ "):
            if command is not None:
                yield command
            command = Command(number, line.removeprefix("$ ")) if line.strip() else None
        elif command is not None:
            command.shown.append(line)
    if command is not None:
        yield command


def output_pattern(shown: list[str]) -> re.Pattern[str]:
    """Return a pattern of the output in a document. `...` matches the rest of a line, or on its own any lines.

    Blank lines at the end do not count, nor blanks at the end of a line.
    """
    text = "\n".join(line.rstrip() for line in shown).strip("\n")
    parts = [re.escape(part) for part in re.split(r"^\.\.\.$", text, flags=re.MULTILINE)]
    return re.compile("(?:.*\n)*?.*".join(part.replace(re.escape("..."), ".*") for part in parts))


def plain(output: str) -> str:
    """Return the normalized output for the comparison."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")
