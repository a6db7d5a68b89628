"""The error of an object that cannot be converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.config.errors import Loc


class MisfitError(Exception):
    """An object cannot be converted; holds the place in it and the reason."""

    def __init__(self, loc: Loc, message: str) -> None:
        self.loc, self.message = loc, message
        super().__init__(message)
