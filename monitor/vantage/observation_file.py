"""Read the observations that another vantage appends to a file, as `ninewatch export observations` writes them.

The reader keeps no position on disk: after a restart it reads the whole file again, and the recorder skips what it has
already (`Recorder.record_elsewhere`). So an observation that was lost with an unwritten record is read again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from monitor.probe_result import VANTAGE
from sla.interval import SECOND
from sla.observation import Observation, Outcome
from sla.window import parse_instant

if TYPE_CHECKING:
    from pathlib import Path

CHUNK: Final = 1 << 20  # bytes per read, the longest accepted line
MAX_AHEAD: Final = 5 * SECOND  # an observation later than this after the present has the time of a wrong clock


class _Line(msgspec.Struct):
    """One line of the file. Further keys are ignored."""

    at: str
    check: str
    outcome: Literal["good", "bad", "unknown"]
    reason: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]*$", max_length=64)] = ""
    latency_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    recheck: bool = False
    vantage: str = VANTAGE


_DECODER: Final = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Chunk:
    """The observations of the lines that were read, and the messages about lines that were skipped.

    `more` is whether the file has further complete lines.
    """

    observations: list[Observation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    more: bool = False


class ObservationFile:
    """The file of one vantage. A replaced or shortened file is read from its start."""

    def __init__(self, path: Path, vantage: str) -> None:
        self.path, self.vantage = path, vantage
        self._identity: tuple[int, int] | None = None
        self._offset = self._lines = 0

    def read(self, now: int) -> Chunk:
        """Return the observations of the next complete lines, at most CHUNK bytes. `now` is the present instant.

        A line that ends without a line break is not complete yet, and is read later.

        Raises:
            OSError: the file cannot be read.
        """
        with self.path.open("rb") as file:
            status = os.fstat(file.fileno())
            identity = status.st_dev, status.st_ino
            if identity != self._identity or status.st_size < self._offset:
                self._identity, self._offset, self._lines = identity, 0, 0
            file.seek(self._offset)
            content = file.read(CHUNK)
        chunk = Chunk()
        end = content.rfind(b"\n") + 1
        if not end and len(content) == CHUNK:
            chunk.problems.append(f"{self.path}:{self._lines + 1}: the line is longer than {CHUNK} bytes; remove it")
            end = CHUNK
        for line in content[:end].splitlines():
            self._lines += 1
            self._parse(line, now, chunk)
        self._offset += end
        chunk.more = len(content) == CHUNK
        return chunk

    def _parse(self, line: bytes, now: int, chunk: Chunk) -> None:
        if not line.strip():
            return
        try:
            row = _DECODER.decode(line)
            at = parse_instant(row.at)
            if at > now + MAX_AHEAD:
                raise ValueError(f'"{row.at}" is in the future; correct the clock of {self.vantage}')
        except (msgspec.MsgspecError, ValueError) as error:
            chunk.problems.append(f"{self.path}:{self._lines}: {error}")
            return
        if row.vantage not in (VANTAGE, self.vantage):
            return  # the other daemon has this row from a vantage of its own
        latency = None if row.latency_seconds is None else round(row.latency_seconds * SECOND)
        outcome = Outcome(row.outcome)
        chunk.observations.append(
            Observation(row.check, at, outcome, row.reason, latency, self.vantage, recheck=row.recheck)
        )
