"""The ids of texts that rows refer to: series (check and vantage) and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.storage.connection import Connection

K = TypeVar("K", bound="str | tuple[str, str]")


class InternedIds(dict[K, int], Generic[K]):
    """Ids by text. All are read on first use, and others are created on theirs.

    Clear it if a transaction fails, because it may have created ids.
    """

    def __init__(self, connect: Callable[[], Connection], read_all: str, find: str, add: str) -> None:
        """Keep the statements: `read_all` returns ids and texts, `find` and `add` have the text as parameters."""
        super().__init__()
        self._connect, self._read_all, self._find, self._add = connect, read_all, find, add

    def __missing__(self, key: K) -> int:
        connection = self._connect()
        if not self:
            for number, *texts in connection.execute(self._read_all):
                self[texts[0] if isinstance(key, str) else tuple(texts)] = number  # type: ignore[index]
        if key not in self:
            values = (key,) if isinstance(key, str) else key
            connection.execute(self._add, values)
            self[key] = int(connection.execute(self._find, values).fetchone()[0])
        return self[key]
