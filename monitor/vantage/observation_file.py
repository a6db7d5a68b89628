"""Read the observations that another vantage appends to a file, as `ninewatch export observations` writes them.

The reader keeps no position on disk: after a restart it reads the whole file again, and the recorder skips what it has
already (`Recorder.record_elsewhere`). So an observation that was lost with an unwritten record is read again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Literal

import msgspec

from monitor.config.file_access import open_regular
from monitor.probe_result import VANTAGE
from sla.interval import SECOND
from sla.observation import Observation, Outcome
from sla.window import parse_instant

if TYPE_CHECKING:
    from pathlib import Path

CHUNK: Final = 1 << 20  # bytes per read, the longest accepted line
MAX_AHEAD: Final = 5 * SECOND  # an observation later than this after the present has the time of a wrong clock
PATIENCE: Final = 3 * SECOND  # for which it is read again, because this daemon follows a step of its own clock in 1 s
TAIL: Final = 512  # bytes before the position that are compared, longer than one line of an export

_Text = Annotated[str, msgspec.Meta(max_length=256)]  # messages quote texts of the file


class _Line(msgspec.Struct):
    """One line of the file. Further keys are ignored."""

    at: _Text
    check: _Text
    outcome: Literal["good", "bad", "unknown"]
    reason: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]*$", max_length=64)] = ""
    latency_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    recheck: bool = False
    vantage: _Text = VANTAGE


_DECODER: Final = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Chunk:
    """The observations of the lines that were read, the number of skipped lines, and the message about the first one.

    `more` is whether the file may have further complete lines. `ahead` is the time by which the newest observation of a
    wrong clock was ahead of this daemon's clock, microseconds.
    """

    observations: list[Observation] = field(default_factory=list)
    skipped: int = 0
    first_problem: str = ""
    more: bool = False
    ahead: int = 0

    def skip(self, problem: str) -> None:
        """Count a skipped line."""
        self.skipped += 1
        self.first_problem = self.first_problem or problem


class ObservationFile:
    """The file of one vantage. A file that was replaced, shortened or written anew is read from its start.

    After a suspend of this machine, observations are ahead of its clock until the daemon has followed the clock's step.
    So a line ahead of the clock is read again for `PATIENCE` before it is skipped.
    """

    def __init__(self, path: Path, vantage: str) -> None:
        self.path, self.vantage = path, vantage
        self._ahead_since: int | None = None
        self._identity: tuple[int, int] | None = None
        self._start_again()

    def _start_again(self) -> None:
        self._offset = self._lines = 0
        self._tail = b""  # the last bytes before the offset
        self._in_long_line = False

    def read(self, now: int) -> Chunk:
        """Return the observations of the next complete lines, at most CHUNK bytes. `now` is the present instant.

        A line that ends without a line break is not complete yet, and is read later.

        Raises:
            OSError: the file cannot be read, or is not a regular file.
        """
        with open_regular(self.path) as file:
            if not self._continues(file):
                self._start_again()
            file.seek(self._offset)
            content = file.read(CHUNK)
        chunk = Chunk(more=len(content) == CHUNK)
        end = content.rfind(b"\n") + 1
        lines = content[:end].splitlines(keepends=True)
        if chunk.more and not end:
            end = CHUNK
            if not self._in_long_line:
                chunk.skip(f"{self.path}:{self._lines + 1}: the line is longer than {CHUNK} bytes; remove it")
            self._in_long_line = True
        read = 0
        for line in lines:
            is_rest, self._in_long_line = self._in_long_line, False
            if not is_rest and not self._parse(line, now, chunk):
                chunk.more, end = False, read
                break
            self._lines += 1
            read += len(line)
        self._offset += end
        self._tail = (self._tail + content[max(0, end - TAIL) : end])[-TAIL:]
        return chunk

    def _continues(self, file: BinaryIO) -> bool:
        """Return whether the file still has the bytes before the offset. A new file may have the same inode."""
        status = os.fstat(file.fileno())
        previous, self._identity = self._identity, (status.st_dev, status.st_ino)
        file.seek(self._offset - len(self._tail))
        return previous == self._identity and file.read(len(self._tail)) == self._tail

    def _parse(self, line: bytes, now: int, chunk: Chunk) -> bool:
        """Add the observation of the line. Return whether the line is done; false if it must be read again."""
        if not line.strip():
            return True
        try:
            row = _DECODER.decode(line)
            at = parse_instant(row.at)
        except (msgspec.MsgspecError, ValueError) as error:
            chunk.skip(f"{self.path}:{self._lines + 1}: {error}")
            return True
        if row.vantage not in (VANTAGE, self.vantage):
            return True  # the other daemon has this row from a vantage of its own
        if at > now + MAX_AHEAD:
            return self._skip_ahead(row.at, at - now, now, chunk)
        self._ahead_since = None
        latency = None if row.latency_seconds is None else round(row.latency_seconds * SECOND)
        outcome = Outcome(row.outcome)
        chunk.observations.append(
            Observation(row.check, at, outcome, row.reason, latency, self.vantage, recheck=row.recheck)
        )
        return True

    def _skip_ahead(self, text: str, ahead: int, now: int, chunk: Chunk) -> bool:
        """Skip an observation that is ahead of the clock. Return whether it is skipped, false before `PATIENCE`."""
        if self._ahead_since is None:
            self._ahead_since = now
        if now - self._ahead_since < PATIENCE:
            return False
        chunk.ahead = ahead
        chunk.skip(f'{self.path}:{self._lines + 1}: "{text}" is in the future; correct the clock of {self.vantage}')
        return True
