"""Context of a validation: the directory for relative paths, and the files that were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.file_access import digest


class Located(str):
    """Text from a file in `directory`, to which the text is relative if it is a relative path."""

    __slots__ = ("directory",)
    directory: Path

    @classmethod
    def at(cls, text: str, directory: Path) -> Located:
        """Return the text with the directory of its file."""
        located = cls(text)
        located.directory = directory
        return located


def resolve(path: str) -> Path:
    """Return the path. A relative path is relative to the file that contains it, or to the working directory."""
    directory = path.directory if isinstance(path, Located) else Path()
    return directory / str(path)


@dataclass(slots=True)
class Context:
    """One validation. `files` collects the digests of all files read, including secrets and CA bundles."""

    files: dict[Path, bytes] = field(default_factory=dict)

    def reads(self, path: Path) -> None:
        """Record the file's digest. Call this method before reading, so that a change during reading is detected."""
        self.files[path] = digest(path)
