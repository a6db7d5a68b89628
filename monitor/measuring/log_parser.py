"""Parse blocks of CSV or JSON lines to columns of text.

Each format has a fast path for regular input and a slow path for any input; a block that the fast path does not accept
is parsed by the slow path. Both return the same columns (checked by a property test).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from monitor.measuring import column_names
from monitor.measuring.log_file import BadDataError, Block


class Columns(NamedTuple):
    """Columns of text; None for a missing column.

    `lines` are the line numbers, None for `first`, `first` + 1, ...
    """

    at: Sequence[str]
    outcome: Sequence[str]
    check: Sequence[str] | None
    vantage: Sequence[str] | None
    first: int
    lines: Sequence[int] | None = None
    end: Sequence[str] | None = None
    lasted: Sequence[str] | None = None
    start: Sequence[str] | None = None

    def cells(self) -> Iterator[tuple[str, Sequence[str] | None]]:
        """Yield name and values of each column of a log of changes; values are None for a missing column."""
        for name in column_names.CHANGE_COLUMNS:
            yield name, getattr(self, name) or None

    def line(self, row: int) -> int:
        """Return the line number of a row."""
        return self.first + row if self.lines is None else self.lines[row]


_SEPARATOR = re.compile(r"\"?sep=([^\w\r\n\"])\"?\r?\n", re.IGNORECASE)
_DELIMITERS = (",", ";", "\t")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def _delimiter(header: str) -> str:
    """Return the most frequent delimiter in the header outside quotes."""
    unquoted = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=unquoted.count)


class Csv:
    """Parser of CSV with a header. The delimiter is given or detected: comma, semicolon or tab.

    Raises:
        BadDataError: the header is not CSV, or has no `at` or no `outcome`.
    """

    def __init__(self, name: str, header: str, line: int, delimiter: str = "", *, changes: bool = False) -> None:
        self.name = name
        self._changes = changes
        self.delimiter = delimiter or _delimiter(header)
        try:
            names = next(csv.reader([header], delimiter=self.delimiter), [])
        except csv.Error as error:
            raise BadDataError(name, line, f"not CSV: {error}") from error
        self.width = len(names)
        try:
            self._index = {
                column: names.index(own) for column, own in column_names.columns(tuple(names), changes).items()
            }
        except ValueError as error:
            raise BadDataError(name, line, f"{error} in the first line") from error

    def read(self, block: Block) -> Columns:
        """Return the block's rows.

        Raises:
            BadDataError: a row with more or fewer cells than the header, or a misplaced quote.
        """
        return (None if self._changes else self._fast(block)) or self._slow(block)

    def _fast(self, block: Block) -> Columns | None:
        """Return the rows if every line has all cells, and either no cell or every cell is in quotes.

        A cell with a line feed is inserted between lines, so that one split yields all cells: if exactly every
        (width + 1)th cell is a line feed, each line has the right width. With at most 2 quotes per cell, the split
        removes all of them.
        """
        text = block.text.replace("\r\n", "\n")
        cells, step = self._split(text), self.width + 1
        lines, rest = divmod(len(cells), step)
        is_regular = rest == 1 and cells[self.width :: step].count("\n") == lines == text.count("\n")
        quotes = 2 * lines * self.width if text.startswith('"') else 0
        if not is_regular or "\r" in text or text.count('"') != quotes:
            return None
        del cells[-1]
        picked = (self._index.get(column) for column in column_names.COLUMNS)
        at, outcome, check, vantage = (None if i is None else cells[i::step] for i in picked)
        return Columns(at or (), outcome or (), check, vantage, block.line)

    def _split(self, text: str) -> list[str]:
        """Return all cells, with a line feed after each line, and a final empty cell."""
        if not text.startswith('"'):
            return text.replace("\n", f"{self.delimiter}\n{self.delimiter}").split(self.delimiter)
        between = f'"{self.delimiter}"'
        cells = text[1:-2].replace('"\n"', f"{between}\n{between}").split(between)
        return [*cells, "\n", ""] if text.endswith('"\n') else []

    def _slow(self, block: Block) -> Columns:
        rows, lines = self._rows(block)
        at, outcome, check, vantage, *further_columns = (
            self._column(rows, column) for column in column_names.CHANGE_COLUMNS
        )
        return Columns(at or (), outcome or (), check, vantage, block.line, lines, *further_columns)

    def _reader(self, block: Block) -> Any:
        return csv.reader(io.StringIO(block.text, newline=""), delimiter=self.delimiter, strict=True)

    def _rows(self, block: Block) -> tuple[list[list[str]], list[int] | None]:
        """Return the rows, and their line numbers unless each line is a row."""
        with suppress(csv.Error):  # the loop below finds the line
            rows = list(self._reader(block))
            if len(rows) == block.text.count("\n") and set(map(len, rows)) == {self.width}:
                return rows, None
        reader, rows, lines, line = self._reader(block), [], [], block.line
        try:
            for row in reader:
                if row:
                    rows.append(self._with_valid_width(row, line))
                    lines.append(line)
                line = block.line + reader.line_num
        except csv.Error as error:
            raise BadDataError(self.name, line, f"not CSV: {error}") from error
        return rows, lines

    def _with_valid_width(self, row: list[str], line: int) -> list[str]:
        if len(row) != self.width:
            raise BadDataError(self.name, line, f"{len(row)} cells, but the header has {self.width}")
        return row

    def _column(self, rows: list[list[str]], column: str) -> list[str] | None:
        index = self._index.get(column)
        return None if index is None else [row[index] for row in rows]


_MAX_KEYS = 100  # of the fast path; a file with different keys in every line uses the slow path


class JsonLines:
    """Parser of one JSON object per line."""

    def __init__(self, name: str, *, changes: bool = False) -> None:
        self.name = name
        self._changes = changes
        self._keys: dict[str, None] = {}  # seen so far, an ordered set
        self._decoders: dict[tuple[str, ...], msgspec.json.Decoder[Any]] = {}

    def read(self, block: Block) -> Columns:
        """Return the block's rows.

        Raises:
            BadDataError: a line is not a JSON object, or has no valid `at` or `outcome`.
        """
        return (None if self._changes else self._fast(block)) or self._slow(block)

    def _fast(self, block: Block) -> Columns | None:
        """Return the rows if only the first line has new keys, and all values have the right types."""
        try:
            self._add_keys(json.loads(block.text[: block.text.index("\n")]))
            rows = self._decoder(tuple(self._keys)).decode_lines(block.text)
        except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
            return None
        if len(rows) != block.text.count("\n"):
            return None  # blank lines
        at, outcome, check, vantage = (
            _texts(list(map(attrgetter(c), rows))) if hasattr(rows[0], c) else None for c in column_names.COLUMNS
        )
        return Columns(at or (), outcome or (), check, vantage, block.line)

    def _add_keys(self, keys: Iterable[str]) -> None:
        if len(self._keys) < _MAX_KEYS:
            self._keys |= dict.fromkeys(islice(keys, _MAX_KEYS))

    def _decoder(self, keys: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
        if keys not in self._decoders:
            self._decoders[keys] = msgspec.json.Decoder(_struct(keys))
        return self._decoders[keys]

    def _slow(self, block: Block) -> Columns:
        rows, lines = [], []
        for number, line in enumerate(block.text.split("\n"), block.line):
            if line.strip():
                rows.append(self._object(line, number))
                lines.append(number)
        if not self._changes:
            at, outcome, check, vantage = ([row.get(c, "") for row in rows] for c in column_names.COLUMNS)
            return Columns(at, outcome, check, vantage, block.line, lines)
        at, outcome, check, vantage, *further_columns = (
            [row.get(c, "") for row in rows] for c in column_names.CHANGE_COLUMNS
        )
        outcomes = outcome if any(outcome) else ()
        return Columns(at, outcomes, check, vantage, block.line, lines, *further_columns)

    def _object(self, line: str, number: int) -> dict[str, str]:
        try:
            fields = json.loads(line)
            if not isinstance(fields, Mapping):
                raise ValueError("not an object; use one JSON object per line")
            if self._changes:
                fields = column_names.flatten_alert(fields)
            self._add_keys(fields)
            return {c: _text(fields[key], c) for c, key in column_names.columns(tuple(fields), self._changes).items()}
        except json.JSONDecodeError as error:
            raise BadDataError(self.name, number, f"not JSON: {error.msg} (column {error.colno})") from error
        except (ValueError, RecursionError) as error:
            raise BadDataError(self.name, number, str(error)) from error


def _struct(keys: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a type for lines with these keys: our columns are typed, other keys are any JSON.

    Raises:
        ValueError: a missing column, or two keys for one column.
    """
    if column_names.has_duplicate_columns(keys):
        raise ValueError("two names for one column")
    column_by_key = {key: column for column, key in column_names.columns(keys).items()}
    names = {column_by_key.get(key, f"other_{number}"): key for number, key in enumerate(keys)}
    fields = [(name, *_KINDS.get(name, _ANY)) for name in names]
    return msgspec.defstruct("Line", fields, rename=names, forbid_unknown_fields=True, gc=False, kw_only=True)


_KINDS: dict[str, tuple[Any, Any]] = {
    "at": (str | int | float, msgspec.NODEFAULT),
    "outcome": (str | int | float | bool, msgspec.NODEFAULT),
    "check": (str | int | float | None, None),  # not bool: true is not a name
    "vantage": (str | int | float | None, None),
}
_ANY = (msgspec.Raw, msgspec.Raw())


def _texts(values: list[Any]) -> list[str]:
    """Return the values as text."""
    if set(map(type, values)) <= {str}:
        return values
    return ["" if value is None else value if isinstance(value, str) else _value_text(value) for value in values]


def _text(value: object, column: str) -> str:
    if isinstance(value, str):
        return value
    if value is None and column not in ("at", "outcome"):
        return ""
    if isinstance(value, int | float) and (column == "outcome" or not isinstance(value, bool)):
        return _value_text(value)
    raise ValueError(f'"{column}" is {json.dumps(value)[:40]}; use text or a number')


def _value_text(value: object) -> str:
    return str(value).lower()


def read(name: str, blocks: Iterator[Block], *, changes: bool = False) -> Iterator[Columns]:
    """Yield a file's rows, block by block. A file that starts with a brace is JSON lines, else CSV.

    With `changes` the columns are those of a log of state changes.

    Raises:
        BadDataError: a line cannot be parsed.
    """
    reader: Csv | JsonLines | None = None
    for block in blocks:
        if reader is None:
            text = block.text.lstrip()
            line = block.line + block.text.count("\n", 0, len(block.text) - len(text))
            if not text:
                continue
            if text[0] == "[":
                raise BadDataError(name, line, "a JSON array; use one object per line: jq -c '.[]'")
            if text[0] == "{":
                reader, block = JsonLines(name, changes=changes), Block(text, line)
            else:
                delimiter = ""
                if separator := _SEPARATOR.match(text):  # Excel's, above the header
                    delimiter, text, line = separator[1], text[separator.end() :], line + 1
                header, _, text = text.partition("\n")
                reader = Csv(name, header.rstrip("\r"), line, delimiter, changes=changes)
                block = Block(text, line + 1)
        yield reader.read(block)
