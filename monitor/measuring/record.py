"""A record in memory: eight bytes an observation, by check and vantage."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.errors import NinewatchError
from monitor.measuring import rows, words
from monitor.measuring.instants import instant, instants
from monitor.measuring.source import BadDataError, Source

if TYPE_CHECKING:
    from monitor.measuring.rows import Columns

RANK_BITS = 2
_MOST_NAMES = 100_000
_AT_ONCE = 2**19

_Column = npt.NDArray[np.int64]


class Stream(NamedTuple):
    """One check seen from one vantage; either name is empty where the file has none."""

    check: str
    vantage: str


class _Ranks(dict[str, int]):
    """The meaning of each word met, looked up once."""

    def __missing__(self, text: str) -> int:
        found = self[text] = words.rank(text)
        return found


class _Names(dict[str, int]):
    """Names met, numbered in order; white space around one does not tell it apart."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[str] = []

    def __missing__(self, text: str) -> int:
        name = text.strip()
        if name != text:
            number = self[name]
        else:
            number = len(self.known)
            self.known.append(name)
        self[text] = number
        return number


class Record:
    """All observations, each as one number: its instant and, in the two lowest bits, its outcome's rank.

    Numbers in order are thus instants in order, and of several observations at one instant the one that stands is last:
    one sort of plain integers does what section 1 of measurement.md asks for.
    """

    def __init__(self) -> None:
        self._streams: dict[Stream, array[int]] = {}
        self._pending: list[tuple[_Column, _Column]] = []
        self._waiting = 0
        self._ranks = _Ranks()
        self._checks = _Names()
        self._vantages = _Names()

    def __len__(self) -> int:
        """Return the number of observations, repeated ones included."""
        return sum(map(len, self.streams().values()))

    def streams(self) -> dict[Stream, array[int]]:
        """Return the observations of each stream, in the order they came in; the record's own, not a copy."""
        self._sort_out()
        return self._streams

    def read(self, sources: Iterable[Source]) -> None:
        """Take in the files.

        Raises:
            BadDataError: a line is not an observation; `file:line: what`.
        """
        for source in sources:
            for columns in rows.read(source.name, source.blocks()):
                self.take(columns, source.name)

    def take(self, columns: Columns, name: str = "-") -> None:
        """Take in some rows.

        Raises:
            BadDataError: one of them is not an observation.
        """
        count = len(columns.at)
        try:
            ranks = np.fromiter(map(self._ranks.__getitem__, columns.outcome), np.int64, count)
            keys = (instants(columns.at) << RANK_BITS) | ranks
        except ValueError:
            raise _culprit(columns, name) from None
        checks = _numbered(self._checks, columns.check, count)
        vantages = _numbered(self._vantages, columns.vantage, count)
        if max(len(self._checks.known), len(self._vantages.known)) > _MOST_NAMES:
            raise NinewatchError(f"{name}: more than {_MOST_NAMES:,} different checks; is that the column meant?")
        self._pending.append(((checks << 32) | vantages, keys))
        self._waiting += count
        if self._waiting > _AT_ONCE:
            self._sort_out()

    def _sort_out(self) -> None:
        """Put what has come in to the streams: many rows at a time, for there may be thousands of streams."""
        if not self._waiting:
            return
        both, keys = (np.concatenate(column) for column in zip(*self._pending, strict=True))
        self._pending, self._waiting = [], 0
        if (both != both[0]).any():
            order = np.argsort(both, kind="stable")
            both, keys = both[order], keys[order]
        starts = np.flatnonzero(np.diff(both, prepend=-1))
        for start, end in pairwise([*starts.tolist(), len(both)]):
            stream = self._stream(int(both[start]))
            self._streams.setdefault(stream, array("q")).frombytes(keys[start:end].tobytes())

    def _stream(self, both: int) -> Stream:
        return Stream(self._checks.known[both >> 32], self._vantages.known[both & 0xFFFFFFFF])


def _numbered(names: _Names, cells: Iterable[str] | None, count: int) -> _Column:
    if cells is None:
        return np.full(count, names[""], np.int64)
    return np.fromiter(map(names.__getitem__, cells), np.int64, count)


def _culprit(columns: Columns, name: str) -> BadDataError:
    """Return what is wrong with the first row that is."""
    for row, (at, outcome) in enumerate(zip(columns.at, columns.outcome, strict=True)):
        try:
            instant(at)
            words.rank(outcome)
        except ValueError as error:
            return BadDataError(name, columns.line(row), str(error))
    raise AssertionError("a column refused what row by row is in order")
