"""Frames: the observations of one transaction, compressed, which a vantage sends to its centre.

A vantage stores each frame in the transaction that writes its observations, so that both exist or neither. Frames are
numbered from 1 within an incarnation (one process life of the vantage), and the pair is the frame's position.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from sla.interval import SECOND
from sla.observation import Observation, Outcome
from sla.vantage import ClockOffset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.storage.connection import Connection
    from monitor.storage.store import Batch, Store

VERSION: Final = 1
READABLE_VERSIONS: Final = (VERSION - 1, VERSION)  # a centre is upgraded first, so it reads the previous version too
MAX_OBSERVATIONS: Final = 10_000  # of a frame
MAX_UNPACKED: Final = 4 << 20  # bytes
PRUNE_INTERVAL: Final = 10 * SECOND
PRUNE_LIMIT: Final = 500  # frames deleted in one transaction
_COMPRESSION_LEVEL: Final = 1
_OUTCOMES: Final = (Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN)  # the order is part of the format
_MAX_INSTANT: Final = 1 << 53

_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Reason = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]*$", max_length=64)]
_Index = Annotated[int, msgspec.Meta(ge=0, le=MAX_OBSERVATIONS)]
_Instant = Annotated[int, msgspec.Meta(ge=0, le=_MAX_INSTANT)]
_Latency = Annotated[int, msgspec.Meta(ge=0, le=86_400_000_000)]


class Position(NamedTuple):
    """The position of a frame. Positions of one vantage increase."""

    incarnation: int
    seq: int


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame that waits until the centre has stored it."""

    position: Position
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A frame that is written with its observations. `at` is the instant of the newest observation."""

    incarnation: int
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position up to which the record of a centre contains the frames of a vantage."""

    vantage: str
    position: Position


class FrameError(ValueError):
    """The frame is damaged, or of another version."""


class FrameVersionError(FrameError):
    """The frame has a version that this ninewatch cannot read."""


class _Version(msgspec.Struct):
    v: int


class _Columns(msgspec.Struct):
    """The observations by column. `check`, `outcome` and `reason` are indexes; unknown fields are ignored."""

    v: int
    checks: list[_Key]
    reasons: list[_Reason]
    check: list[_Index]
    at: list[_Instant]
    outcome: bytes
    reason: list[_Index]
    latency: list[_Latency | None]
    recheck: bytes
    offset: int | None = None
    error: int = 0


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Columns)
_VERSION_DECODER: Final = msgspec.msgpack.Decoder(_Version)


def pack(observations: Sequence[Observation], clock: ClockOffset | None = None) -> bytes:
    """Return the body of a frame with these observations, in this order, and the offset of the clock at that time."""
    checks, reasons = dict[str, int](), dict[str, int]()
    columns = _Columns(
        v=VERSION,
        check=[checks.setdefault(one.check, len(checks)) for one in observations],
        at=[one.at for one in observations],
        outcome=bytes(_OUTCOMES.index(one.outcome) for one in observations),
        reason=[reasons.setdefault(one.reason, len(reasons)) for one in observations],
        latency=[one.latency for one in observations],
        recheck=bytes(one.recheck for one in observations),
        checks=[],
        reasons=[],
        offset=None if clock is None else clock.offset,
        error=0 if clock is None else clock.error,
    )
    columns.checks, columns.reasons = list(checks), list(reasons)
    return zlib.compress(_ENCODER.encode(columns), _COMPRESSION_LEVEL)


def unpack(body: bytes, vantage: str) -> tuple[list[Observation], ClockOffset | None]:
    """Return the observations of a frame, as observations of the vantage, and the offset of its clock if known.

    Raises:
        FrameVersionError: this ninewatch cannot read the version of the frame.
        FrameError: the body is damaged or too large.
    """
    content = _inflated(body)
    try:
        if (version := _VERSION_DECODER.decode(content).v) not in READABLE_VERSIONS:
            raise FrameVersionError(
                f"the frame has version {version}, this ninewatch reads up to {VERSION}; upgrade the centre first"
            )
        columns = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameError(f"the frame is invalid: {error}") from None
    lengths = {len(column) for column in (columns.check, columns.at, columns.outcome, columns.reason, columns.latency)}
    if lengths != {len(columns.recheck)} or len(columns.recheck) > MAX_OBSERVATIONS:
        raise FrameError("the columns of the frame have different or too large lengths")
    clock = None if columns.offset is None else ClockOffset(columns.offset, max(0, columns.error))
    try:
        observations = [
            Observation(
                columns.checks[check],
                at,
                _OUTCOMES[outcome],
                columns.reasons[reason],
                latency,
                vantage,
                recheck=bool(recheck),
            )
            for check, at, outcome, reason, latency, recheck in zip(
                columns.check,
                columns.at,
                columns.outcome,
                columns.reason,
                columns.latency,
                columns.recheck,
                strict=True,
            )
        ]
    except (IndexError, ValueError) as error:
        raise FrameError(f"the frame is invalid: {error}") from None
    return observations, clock


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(body, MAX_UNPACKED)
    except zlib.error as error:
        raise FrameError(f"the frame is not compressed: {error}") from None
    if inflater.unconsumed_tail or not inflater.eof or inflater.unused_data:
        raise FrameError(f"the frame is incomplete, or larger than {MAX_UNPACKED >> 20} MiB")
    return content


_NEXT_SEQ: Final = "SELECT coalesce(max(seq), 0) + 1 FROM frames_out WHERE incarnation = ?"
_ADD_FRAME: Final = "INSERT INTO frames_out (incarnation, seq, at, body) VALUES (?, ?, ?, ?)"
_FRAMES_AFTER: Final = """
    SELECT incarnation, seq, at, body FROM frames_out WHERE (incarnation, seq) > (?, ?)
    ORDER BY incarnation, seq LIMIT ?"""
_OLDEST: Final = "SELECT incarnation, seq, at FROM frames_out ORDER BY incarnation, seq LIMIT 1"
_NEWEST: Final = "SELECT incarnation, seq, at FROM frames_out ORDER BY incarnation DESC, seq DESC LIMIT 1"
_WAITING: Final = "SELECT count(*), min(at) FROM frames_out WHERE (incarnation, seq) > (?, ?)"
# The newest frame stays, because the number of the next one follows from it.
_PRUNE: Final = """
    DELETE FROM frames_out WHERE (incarnation, seq) IN (
        SELECT incarnation, seq FROM frames_out ORDER BY incarnation, seq LIMIT ?)
    AND at < ? AND (incarnation, seq) < (?, ?)
    RETURNING incarnation, seq"""
_SET_CURSOR: Final = """
    INSERT INTO cursors (vantage, incarnation, seq) VALUES (?, ?, ?)
    ON CONFLICT (vantage) DO UPDATE SET incarnation = excluded.incarnation, seq = excluded.seq
    WHERE (excluded.incarnation, excluded.seq) > (cursors.incarnation, cursors.seq)"""
_CURSORS: Final = "SELECT vantage, incarnation, seq FROM cursors ORDER BY vantage"


def write_frame(connection: Connection, frame: NewFrame) -> None:
    """Add the frame with the next number of its incarnation, in the current transaction.

    The number follows from the stored frames, so a transaction whose result was unknown cannot use a number twice.
    """
    seq = connection.execute(_NEXT_SEQ, (frame.incarnation,)).fetchone()[0]
    connection.execute(_ADD_FRAME, (frame.incarnation, seq, frame.at, frame.body))


def write_cursors(connection: Connection, cursors: Sequence[Cursor]) -> None:
    """Move the cursors forward, in the current transaction. A cursor never moves back."""
    connection.executemany(_SET_CURSOR, [(cursor.vantage, *cursor.position) for cursor in cursors])


def cursors_in(connection: Connection) -> dict[str, Position]:
    """Return the position of each vantage whose frames were stored."""
    rows = connection.execute(_CURSORS).fetchall()
    return {vantage: Position(incarnation, seq) for vantage, incarnation, seq in rows}


def frames_after(connection: Connection, position: Position, limit: int) -> list[StoredFrame]:
    """Return the first frames after the position, at most `limit`."""
    rows = connection.execute(_FRAMES_AFTER, (*position, limit)).fetchall()
    return [StoredFrame(Position(incarnation, seq), at, bytes(body)) for incarnation, seq, at, body in rows]


def oldest_frame(connection: Connection) -> Position | None:
    """Return the position of the oldest stored frame, None if there is none."""
    row = connection.execute(_OLDEST).fetchone()
    return None if row is None else Position(row[0], row[1])


def newest_frame(connection: Connection) -> Position | None:
    """Return the position of the newest stored frame, None if there is none."""
    row = connection.execute(_NEWEST).fetchone()
    return None if row is None else Position(row[0], row[1])


def waiting_frames(connection: Connection, delivered: Position) -> tuple[int, int | None]:
    """Return the number of frames after the position, and the instant of the oldest of them."""
    count, oldest = connection.execute(_WAITING, delivered).fetchone()
    return int(count), oldest


def prune_frames(connection: Connection, before: int, limit: int) -> list[Position]:
    """Delete at most `limit` of the oldest frames that are older than `before`. Return their positions."""
    newest = newest_frame(connection)
    if newest is None:
        return []
    return [Position(*row) for row in connection.execute(_PRUNE, (limit, before, *newest)).fetchall()]


def next_incarnation(connection: Connection, now: int) -> int:
    """Return `now`, or a later number if the stored frames have it already."""
    newest = newest_frame(connection)
    return now if newest is None else max(now, newest.incarnation + 1)


class FrameMaker:
    """Makes the frames of a vantage for the writer, and deletes them after `keep` microseconds.

    The writer's thread uses it, except for `delivered` and `clock`, which the event
    loop sets.
    """

    def __init__(self, incarnation: int, keep: int) -> None:
        self.incarnation, self.keep = incarnation, keep
        self.delivered = Position(0, 0)
        self.clock: ClockOffset | None = None
        self._pruned_at = 0

    def restart(self, incarnation: int) -> None:
        """Begin a new incarnation, because the record of the earlier frames was lost."""
        self.incarnation = incarnation

    def with_frame(self, batch: Batch) -> Batch:
        """Return the batch with a frame of its observations."""
        if not batch.observations:
            return batch
        newest = max(one.at for one in batch.observations)
        return replace(batch, frame=NewFrame(self.incarnation, newest, pack(batch.observations, self.clock)))

    def prune(self, store: Store, now: int) -> int:
        """Delete old frames every `PRUNE_INTERVAL`. Return how many of them the centre has not stored.

        Raises:
            StoreError: the record cannot be written.
        """
        if 0 <= now - self._pruned_at < PRUNE_INTERVAL:
            return 0
        deleted = store.prune_frames(now - self.keep)
        if len(deleted) < PRUNE_LIMIT:
            self._pruned_at = now
        return sum(position > self.delivered for position in deleted)
