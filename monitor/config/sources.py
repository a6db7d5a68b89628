"""Find the files of a configuration and merge them into one tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config.errors import Loc, Mark, Problem
from monitor.config.file_access import listed
from monitor.config.yaml_nodes import Entries, Items, Scalar, key_path
from monitor.config.yaml_reader import UnreadableError, read

if TYPE_CHECKING:
    from monitor.config.validation_context import Context

_MOST_FILES = 1_000
_NAMED = ("checklists", "plans", "policies")  # folders whose files are read by name, or by a command
INCLUDE = "include"
STANDALONE = "standalone"


class Sources:
    """What was read for one configuration: the merged tree, the files, and what is wrong with them.

    `complete` is whether every file could be read; if not, what refers from one file to another cannot be judged.
    """

    def __init__(self, path: Path, context: Context) -> None:
        self.problems: list[Problem] = []
        self.complete = True
        self._context = context
        self._seen: set[Path] = set()
        self.root = Entries(Mark(str(path)), {}, {})
        self._folders: list[Path] = []
        self._gather(path, Mark(str(path)), "")
        self.warnings = list(self._unknown_exclusions())

    def _gather(self, path: Path, asked: Mark, asked_path: str) -> None:
        """Take in a file, or the files of a folder in the order of their names."""
        self._context.reads(path)
        try:
            found = list(listed(path)) if path.is_dir() else [path]
        except OSError as error:
            self._stop(Problem(asked, asked_path, f"cannot list {path}: {(error.strerror or 'unreadable').lower()}"))
            return
        if not found:
            self._stop(Problem(asked, asked_path, f"{path} holds no .yaml file; name a file, or a folder with some"))
        for each in found:
            self._file(each, asked, asked_path, alone=not path.is_dir())
        if path.is_dir():
            self._folders.append(path)

    def _file(self, path: Path, asked: Mark, asked_path: str, *, alone: bool) -> None:
        """Merge one file, once, unless it stands for itself and was not asked for by name."""
        key = path.resolve()
        if key in self._seen or len(self._seen) >= _MOST_FILES:
            return
        self._seen.add(key)
        self._context.reads(path)
        if alone and not path.exists():
            self._stop(Problem(asked, asked_path, f"{path} does not exist; name a file, or a folder with .yaml files"))
            return
        try:
            root, problems = read(path, str(path))
        except UnreadableError as error:
            self._stop(error.problem)
            return
        if not isinstance(root, Entries):
            self._stop(Problem(root.mark, "", "must be a mapping; start with products: or listen:"))
        elif alone or not _stands_alone(root):
            self.problems += problems
            self._merge(root, path)

    def _merge(self, root: Entries, path: Path) -> None:
        self.root = self._joined(self.root, root, ())
        included = root.entries.get(INCLUDE)
        if included is None:
            return
        for index, node in enumerate(included.items if isinstance(included, Items) else (included,)):
            where = f"{INCLUDE}[{index}]"
            if isinstance(included, Items) and isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
                self._gather(path.parent / str(node.value), node.mark, where)
            else:
                self._stop(
                    Problem(node.mark, where, "must be a list of files and folders next to this one: [products]")
                )

    def _unknown_exclusions(self) -> Iterator[Problem]:
        """Yield folders inside a merged one, whose files are not read."""
        for folder in self._folders:
            for inner in sorted(each for each in folder.iterdir() if each.is_dir()):
                files = [] if inner.name.startswith(".") or inner.name in _NAMED else list(listed(inner))
                if files and not any(each.resolve() in self._seen for each in files):
                    yield Problem(Mark(str(inner)), "", f"is not read; to merge it write include: [{inner.name}]")

    def _stop(self, problem: Problem) -> None:
        self.problems.append(problem)
        self.complete = False

    def _joined(self, ours: Entries, theirs: Entries, loc: Loc) -> Entries:
        """Return both: lists one after the other, blocks key by key; a value that both set is a problem."""
        entries, keys = dict(ours.entries), dict(ours.keys)
        for key, node in theirs.entries.items():
            if loc == () and key == INCLUDE:
                continue
            held = entries.get(key)
            if isinstance(held, Items) and isinstance(node, Items):
                entries[key] = Items(held.mark, held.items + node.items)
            elif isinstance(held, Entries) and isinstance(node, Entries):
                entries[key] = self._joined(held, node, (*loc, key))
            elif held is None:
                entries[key], keys[key] = node, theirs.keys[key]
            else:
                where = key_path(theirs, (*loc, key)) if loc == () else ".".join(map(str, (*loc, key)))
                self.problems.append(Problem(theirs.keys[key], where, f"is set twice; first at {keys[key]}"))
        mark = ours.mark if ours.entries else theirs.mark
        return Entries(mark, entries, keys)


def _stands_alone(root: Entries) -> bool:
    node = root.entries.get(STANDALONE)
    return isinstance(node, Scalar) and node.value is True
