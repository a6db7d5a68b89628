"""Read the frames of a vantage's record, over read-only connections."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from monitor.errors import StoreError
from monitor.storage.connection import open_connection, remedy
from monitor.storage.frames import Position, StoredFrame, frames_after, oldest_frame, waiting_frames

if TYPE_CHECKING:
    from pathlib import Path


class WaitingFrames(NamedTuple):
    """The next frames after a position, the oldest stored one, and all that wait.

    `total` is the number of frames after the position, `since` the instant of the oldest of them.
    """

    frames: list[StoredFrame]
    oldest: Position | None
    total: int
    since: int | None


def read_frames(record: Path, after: Position, limit: int) -> WaitingFrames:
    """Return at most `limit` frames after the position. Opens the file at each call, because it may be replaced.

    Raises:
        StoreError: the record cannot be read.
    """
    try:
        with contextlib.closing(open_connection(record, "ro")) as connection:
            frames = frames_after(connection, after, limit)
            count, since = waiting_frames(connection, after) if len(frames) == limit else _summary(frames)
            return WaitingFrames(frames, oldest_frame(connection), count, since)
    except sqlite3.Error as error:
        raise StoreError(f"the record {record} cannot be read: {error}{remedy(error)}") from error


def _summary(frames: list[StoredFrame]) -> tuple[int, int | None]:
    return len(frames), min((frame.at for frame in frames), default=None)
