"""Optional libraries, which some kinds of checks need and which are installed separately."""

from __future__ import annotations

from importlib.util import find_spec

from monitor.package_files import checkout


def require(module: str, kind: str) -> None:
    """Check that an optional library is installed, without importing it.

    Raises:
        ValueError: the library is not installed; the message shows the command that installs it.
    """
    if find_spec(module) is None:
        raise ValueError(f"{kind} checks need the library {module}, which {_remedy()}")


def _remedy() -> str:
    if (root := checkout()) is not None:
        return f"is not installed; run `make extras` in {root}"
    return "this installation does not include; run `make extras` in a checkout of ninewatch, and run it from there"
