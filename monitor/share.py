"""Where the files that ship beside the code are: in a checkout at its top, in an installed wheel inside the package."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import NinewatchError

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_share", _PACKAGE.parent)


def shared(*parts: str) -> Path:
    """Return the path of a shipped file or folder, e.g. `shared("config", "demo.yaml")`.

    Raises:
        NinewatchError: it is in neither place; the message names both.
    """
    for root in _ROOTS:
        if (path := root.joinpath(*parts)).exists():
            return path
    looked = " and ".join(str(root.joinpath(*parts)) for root in _ROOTS)
    raise NinewatchError(f"a file that ships with ninewatch is missing; looked for {looked}; install it again")
