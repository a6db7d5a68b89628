"""Delete the oldest observations and finished notifications of the record after their retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.storage.statements import PRUNE_NOTIFICATIONS

if TYPE_CHECKING:
    import sqlite3

# Observations that are not in a written run are kept, independent of the retention. If there is no written run, the
# result is NULL, and nothing is deleted.
_PRUNABLE: Final = "SELECT min(?, (SELECT value FROM progress WHERE name = 'folded_until'))"
_END_OF_BATCH: Final = "SELECT at + 1 FROM observations WHERE at < ? ORDER BY at LIMIT 1 OFFSET ?"
_PRUNE: Final = "DELETE FROM observations WHERE at < ?"


def prune(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """Delete about `limit` of the oldest observations before `before`, and return their number.

    Only observations in a written run are deleted. Notifications before `before` are deleted if their alert is resolved
    and all its notifications were sent.
    """
    (bound,) = connection.execute(_PRUNABLE, (before,)).fetchone()
    row = connection.execute(_END_OF_BATCH, (bound, limit - 1)).fetchone()
    connection.execute(PRUNE_NOTIFICATIONS, (before,))
    return connection.execute(_PRUNE, row or (bound,)).rowcount
