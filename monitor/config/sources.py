"""Find the files of a configuration and merge them into one tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config.errors import Loc, Mark, Problem
from monitor.config.file_access import yaml_files
from monitor.config.yaml_nodes import Entries, Items, Scalar, key_path
from monitor.config.yaml_reader import UnreadableError, read

if TYPE_CHECKING:
    from monitor.config.validation_context import Context

_MAX_FILES = 1_000
_SEPARATE_FOLDERS = (
    "checklists",
    "plans",
    "policies",
)  # folders whose files are referenced by name, or read by a command
INCLUDE = "include"
STANDALONE = "standalone"


class Sources:
    """The files of one configuration, merged into one tree, with their problems.

    `complete`: every file could be read. Otherwise references between files cannot be checked.
    """

    def __init__(self, path: Path, context: Context) -> None:
        self.problems: list[Problem] = []
        self.complete = True
        self._context = context
        self._read_files: set[Path] = set()
        self.root = Entries(Mark(str(path)), {}, {})
        self._folders: list[Path] = []
        self._gather(path, Mark(str(path)), "")
        self.warnings = list(self._unread_folders())

    def _gather(self, path: Path, origin: Mark, origin_key: str) -> None:
        """Merge a file, or the files of a folder in order of name. `origin` is the position that refers to the path."""
        self._context.reads(path)
        try:
            files = list(yaml_files(path)) if path.is_dir() else [path]
        except OSError as error:
            self._stop(Problem(origin, origin_key, f"cannot list {path}: {(error.strerror or 'unreadable').lower()}"))
            return
        if not files:
            message = f"{path} has no .yaml file; use a file, or a folder with .yaml files"
            self._stop(Problem(origin, origin_key, message))
        for file in files:
            self._file(file, origin, origin_key, explicit=not path.is_dir())
        if path.is_dir():
            self._folders.append(path)

    def _file(self, path: Path, origin: Mark, origin_key: str, *, explicit: bool) -> None:
        """Merge one file, unless it was merged before. Skip a standalone file that is not referenced explicitly."""
        key = path.resolve()
        if key in self._read_files or len(self._read_files) >= _MAX_FILES:
            return
        self._read_files.add(key)
        self._context.reads(path)
        if explicit and not path.exists():
            self._stop(Problem(origin, origin_key, f"{path} does not exist; use a file, or a folder with .yaml files"))
            return
        try:
            root, problems = read(path, str(path))
        except UnreadableError as error:
            self._stop(error.problem)
            return
        if not isinstance(root, Entries):
            self._stop(Problem(root.mark, "", "must be a mapping; start with products: or listen:"))
        elif explicit or not _is_standalone(root):
            self.problems += problems
            self._merge(root, path)

    def _merge(self, root: Entries, path: Path) -> None:
        self.root = self._merge_entries(self.root, root, ())
        included = root.entries.get(INCLUDE)
        if included is None:
            return
        for index, node in enumerate(included.items if isinstance(included, Items) else (included,)):
            key = f"{INCLUDE}[{index}]"
            if isinstance(included, Items) and isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
                self._gather(path.parent / str(node.value), node.mark, key)
            else:
                self._stop(Problem(node.mark, key, "must be a list of files and folders next to this one: [products]"))

    def _unread_folders(self) -> Iterator[Problem]:
        """Yield subfolders of merged folders, whose files are not read."""
        for folder in self._folders:
            for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
                files = [] if inner.name.startswith(".") or inner.name in _SEPARATE_FOLDERS else list(yaml_files(inner))
                if files and not any(file.resolve() in self._read_files for file in files):
                    yield Problem(Mark(str(inner)), "", f"is not read; to merge it, use include: [{inner.name}]")

    def _stop(self, problem: Problem) -> None:
        self.problems.append(problem)
        self.complete = False

    def _merge_entries(self, first: Entries, second: Entries, loc: Loc) -> Entries:
        """Return both merged: lists are concatenated, blocks are merged key by key. A value in both is a problem."""
        entries, keys = dict(first.entries), dict(first.keys)
        for key, node in second.entries.items():
            if loc == () and key == INCLUDE:
                continue
            existing = entries.get(key)
            if isinstance(existing, Items) and isinstance(node, Items):
                entries[key] = Items(existing.mark, existing.items + node.items)
            elif isinstance(existing, Entries) and isinstance(node, Entries):
                entries[key] = self._merge_entries(existing, node, (*loc, key))
            elif existing is None:
                entries[key], keys[key] = node, second.keys[key]
            else:
                full_key = key_path(second, (*loc, key)) if loc == () else ".".join(map(str, (*loc, key)))
                message = f"is set twice; first at {keys[key]}; remove one of them"
                self.problems.append(Problem(second.keys[key], full_key, message))
        mark = first.mark if first.entries else second.mark
        return Entries(mark, entries, keys)


def _is_standalone(root: Entries) -> bool:
    node = root.entries.get(STANDALONE)
    return isinstance(node, Scalar) and node.value is True
