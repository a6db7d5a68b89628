"""Context of validation: the folder of relative paths, and the files that were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.file_access import digest


class Located(str):
    """Text from a file in `directory`. A path so written is relative to that directory, wherever we were started."""

    __slots__ = ("directory",)
    directory: Path

    @classmethod
    def at(cls, text: str, directory: Path) -> Located:
        """Return the text with the directory that it was written in."""
        located = cls(text)
        located.directory = directory
        return located


def resolve(path: str) -> Path:
    """Return the path; a relative one starts at the file that wrote it, or here if no file did."""
    directory = path.directory if isinstance(path, Located) else Path()
    return directory / str(path)


@dataclass(slots=True)
class Context:
    """One validation. `files` gathers the digests of what it read: the configuration, secrets, CA bundles."""

    files: dict[Path, bytes] = field(default_factory=dict)

    def reads(self, path: Path) -> None:
        """Note that the file is about to be read. Before, so that a change while we read is seen as one afterwards."""
        self.files[path] = digest(path)
