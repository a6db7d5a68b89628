"""ARCHITECTURE.md and docs/decisions.md refer to existing modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FILE = re.compile(r"`([\w/]+\.py)`")
_FOLDER = re.compile(r"`((?:sla|monitor)/[\w/]*)`(?:: ([^;|]*))?")


def missing_paths(text: str) -> set[str]:
    """Return the modules and folders in the text that do not exist.

    A file may be written without its folder. After a folder and a colon, names without a suffix are modules in the
    folder.
    """
    known = {path.name for name in ("sla", "monitor", "tests", ".ci") for path in (ROOT / name).rglob("*.py")}
    actual = {name for name in _FILE.findall(text) if Path(name).name not in known}
    for folder, names in _FOLDER.findall(text):
        actual |= {folder} if folder.endswith("/") and not (ROOT / folder).is_dir() else set()
        modules = re.findall(r"`(\w+)`", names)
        actual |= {f"{folder}{module}" for module in modules if not _exists(ROOT / folder / module)}
    return actual


def _exists(path: Path) -> bool:
    return path.exists() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "docs/decisions.md"])
def test_document_names_existing_modules(document: str) -> None:
    assert missing_paths((ROOT / document).read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("text", "actual"),
    [
        ("`monitor/storage/`: `schema`, `nowhere`", {"monitor/storage/nowhere"}),
        ("`monitor/nowhere/`", {"monitor/nowhere/"}),
        ("`nowhere.py`, `schema.py`", {"nowhere.py"}),
    ],
)
def test_missing_module_is_found(text: str, actual: set[str]) -> None:
    assert missing_paths(text) == actual
