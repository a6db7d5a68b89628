"""A finding of `ninewatch doctor`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """The severity of a finding. WARNING: ninewatch works for now. ERROR: it does not work, or not fully."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about a part of the installation. `remedy` is empty if the level is `ok`."""

    level: Level
    subject: str
    text: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON data."""
        return asdict(self)


def good(subject: str, text: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """Return a finding of a problem with which ninewatch works for now."""
    return Finding(Level.WARNING, subject, text, remedy)


def error(subject: str, text: str, remedy: str) -> Finding:
    """Return a finding of a problem that must be fixed."""
    return Finding(Level.ERROR, subject, text, remedy)
