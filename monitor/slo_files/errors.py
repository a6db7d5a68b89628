"""The exception for objects that cannot be converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.config.errors import Loc


class ConversionError(Exception):
    """An object cannot be converted. `loc` is the path of the value in the object, `message` the reason."""

    def __init__(self, loc: Loc, message: str) -> None:
        self.loc, self.message = loc, message
        super().__init__(message)
