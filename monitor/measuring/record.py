"""Observations in memory by check and vantage, 8 bytes each."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.errors import NinewatchError
from monitor.measuring import column_names, log_parser
from monitor.measuring.instants import instant, instants
from monitor.measuring.log_file import BadDataError, Source
from sla.interval import SECOND

if TYPE_CHECKING:
    from datetime import tzinfo

    from monitor.measuring.log_parser import Columns

RANK_BITS = 2
_MAX_NAMES = 100_000
_CHUNK = 2**19

_Column = npt.NDArray[np.int64]


class Stream(NamedTuple):
    """One check from one vantage. A name is empty if the file has no such column."""

    check: str
    vantage: str


class _Ranks(dict[str, int]):
    """Cache of outcome ranks."""

    def __missing__(self, text: str) -> int:
        rank = self[text] = column_names.rank(text)
        return rank


class _Names(dict[str, int]):
    """Names, numbered in order of appearance, ignoring surrounding white space."""

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


class TimestampCheck:
    """A detector of files with numbers that are dates in a notation other than seconds since 1970.

    Excel's days since 1900 would be seconds of 1 January 1970, and 20261120 a second of August 1970. All instants of a
    file are checked, because a test's log may start in 1970.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._low, self._high = sys.maxsize, -sys.maxsize
        self._first: tuple[int, str] | None = None

    def add(self, low: int, high: int, columns: Columns, row: int) -> None:
        """Add the earliest and latest of some instants; `row` is one of them."""
        self._low, self._high = min(self._low, low), max(self._high, high)
        if self._first is None:
            self._first = columns.line(row), columns.at[row].strip()

    def verify(self) -> None:
        """Check the file.

        Raises:
            BadDataError: all instants are numbers of another notation.
        """
        for low, high, unit in _OTHER_NOTATIONS:
            if self._first is not None and low * SECOND <= self._low and self._high < high * SECOND:
                line, text = self._first
                raise BadDataError(
                    self._name, line, f'"{text}" is {unit}, not seconds since 1970; use 2026-11-20T18:00:00Z'
                )


# Half-open ranges of numbers that are dates from 1990 to 2100 in another notation.
_OTHER_NOTATIONS = (
    (32_874, 73_051, "a serial date of a spreadsheet (days since 1900)"),
    (19_900_101, 21_000_101, "a date as one number"),
)


class Record:
    """All observations, each one number: its instant and, in the 2 lowest bits, its outcome's rank.

    Sorting these numbers sorts by instant, and the last of several observations at one instant is the one to use
    (measurement.md, section 1).
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._streams: dict[Stream, array[int]] = {}
        self._pending: list[tuple[_Column, _Column]] = []
        self._pending_rows = 0
        self._ranks = _Ranks()
        self._checks = _Names()
        self._vantages = _Names()

    def __len__(self) -> int:
        """Return the number of observations, including repeated ones."""
        return sum(map(len, self.streams().values()))

    def streams(self) -> dict[Stream, array[int]]:
        """Return the observations of each stream in order of input; not a copy."""
        self._distribute()
        return self._streams

    def read(self, sources: Iterable[Source]) -> None:
        """Read the files.

        Raises:
            BadDataError: a line is not an observation.
        """
        for source in sources:
            timestamp_check = TimestampCheck(source.name)
            for columns in log_parser.read(source.name, source.blocks()):
                at = self.add(columns, source.name)
                if len(at):
                    timestamp_check.add(int(at.min()), int(at.max()), columns, 0)
            timestamp_check.verify()

    def add(self, columns: Columns, name: str = "-") -> _Column:
        """Add rows, and return their instants.

        Raises:
            BadDataError: a row is not an observation.
        """
        count = len(columns.at)
        try:
            ranks = np.fromiter(map(self._ranks.__getitem__, columns.outcome), np.int64, count)
            at = instants(columns.at, self._zone)
        except ValueError:
            raise _error_of_first_invalid_row(columns, name, self._zone) from None
        keys = (at << RANK_BITS) | ranks
        checks = _name_numbers(self._checks, columns.check, count)
        vantages = _name_numbers(self._vantages, columns.vantage, count)
        if max(len(self._checks.known), len(self._vantages.known)) > _MAX_NAMES:
            raise NinewatchError(f"{name}: more than {_MAX_NAMES:,} different checks; check the column with the name")
        self._pending.append(((checks << 32) | vantages, keys))
        self._pending_rows += count
        if self._pending_rows > _CHUNK:
            self._distribute()
        return at

    def _distribute(self) -> None:
        """Distribute the pending rows to the streams, many at a time because there may be thousands of streams."""
        if not self._pending_rows:
            return
        stream_keys, keys = (np.concatenate(column) for column in zip(*self._pending, strict=True))
        self._pending, self._pending_rows = [], 0
        if (stream_keys != stream_keys[0]).any():
            order = np.argsort(stream_keys, kind="stable")
            stream_keys, keys = stream_keys[order], keys[order]
        starts = np.flatnonzero(np.diff(stream_keys, prepend=-1))
        for start, end in pairwise([*starts.tolist(), len(stream_keys)]):
            stream = self._stream(int(stream_keys[start]))
            self._streams.setdefault(stream, array("q")).frombytes(keys[start:end].tobytes())

    def _stream(self, stream_keys: int) -> Stream:
        return Stream(self._checks.known[stream_keys >> 32], self._vantages.known[stream_keys & 0xFFFFFFFF])


def _name_numbers(names: _Names, cells: Iterable[str] | None, count: int) -> _Column:
    if cells is None:
        return np.full(count, names[""], np.int64)
    return np.fromiter(map(names.__getitem__, cells), np.int64, count)


def _error_of_first_invalid_row(columns: Columns, name: str, zone: tzinfo | None) -> BadDataError:
    """Return the error of the first invalid row."""
    for row, (at, outcome) in enumerate(zip(columns.at, columns.outcome, strict=True)):
        try:
            instant(at, zone)
            column_names.rank(outcome)
        except ValueError as error:
            return BadDataError(name, columns.line(row), str(error))
    raise AssertionError("a column is invalid although each of its rows is valid")
