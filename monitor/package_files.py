"""Find the running version and the files that ship with the code, in a checkout or in an installed wheel."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from monitor.errors import NinewatchError

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_share", _PACKAGE.parent)


def version() -> str:
    """Return the running version, even in a checkout that is not installed."""
    try:
        return metadata("ninewatch")["Version"]
    except PackageNotFoundError:
        project = tomllib.loads((_PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
        return str(project["version"])


def shipped_path(*parts: str) -> Path:
    """Return the path of a shipped file or folder, e.g. `shipped_path("config", "demo.yaml")`.

    Raises:
        NinewatchError: the file does not exist. The message contains both possible paths.
    """
    for root in _ROOTS:
        if (path := root.joinpath(*parts)).exists():
            return path
    expected = " and ".join(str(root.joinpath(*parts)) for root in _ROOTS)
    raise NinewatchError(f"a file of ninewatch is missing, expected at {expected}; install ninewatch again")


def checkout() -> Path | None:
    """Return the root folder of the running checkout. None for an installed wheel."""
    root = _PACKAGE.parent
    return root if (root / "Makefile").is_file() and (root / "requirements-databases.lock").is_file() else None
