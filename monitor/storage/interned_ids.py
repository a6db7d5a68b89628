"""The ids of texts that rows refer to: series (check and vantage) and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.storage.connection import Connection

K = TypeVar("K", bound="str | tuple[str, str]")


class InternedIds(dict[K, int], Generic[K]):
    """Ids by text, read or created on first use. Clear it if a transaction fails, because it may have created ids.

    `connect` returns the connection. `find` and `add` are the statements with the text as parameters.
    """

    def __init__(self, connect: Callable[[], Connection], find: str, add: str) -> None:
        super().__init__()
        self._connect, self._find, self._add = connect, find, add

    def __missing__(self, key: K) -> int:
        connection, values = self._connect(), (key,) if isinstance(key, str) else key
        row = connection.execute(self._find, values).fetchone()
        if row is None:
            connection.execute(self._add, values)
            row = connection.execute(self._find, values).fetchone()
        number = self[key] = int(row[0])
        return number
