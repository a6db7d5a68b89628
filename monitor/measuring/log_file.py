"""Read files, gzip files and standard input in blocks of whole lines."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

BLOCK = 2**18  # bytes; cells of larger blocks do not fit the processor's cache
_MAX_LINE_BYTES = 64 * 2**20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"


class BadDataError(NinewatchError):
    """A file cannot be parsed. The message is `file:line: description`."""

    def __init__(self, name: str, line: int, description: str) -> None:
        super().__init__(f"{name}:{line}: {description}")


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file, each with its line feed; `line` is the number of the first, from 1."""

    text: str
    line: int


@dataclass(slots=True)
class Source:
    """An open file. `on_read` is called with the number of bytes read, before decompression."""

    name: str
    raw: BinaryIO
    on_read: Callable[[int], object]

    def blocks(self) -> Iterator[Block]:
        """Yield the file's text in blocks; a line break within quotes does not end a CSV line.

        Raises:
            BadDataError: not UTF-8, damaged gzip, or a line of more than 64 MB.
            NinewatchError: the file cannot be read.
        """
        line, pending, stream = 1, b"", self._decompressed_stream()
        while read := self._read(stream, line):
            pending += read
            if line == 1:
                is_json = pending.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{")
            if end := pending.rfind(b"\n") + 1 if is_json else _end_of_complete_lines(pending):
                yield self._block(pending[:end], line)
                line += pending.count(b"\n", 0, end)
                pending = pending[end:]
            elif len(pending) > _MAX_LINE_BYTES:
                raise BadDataError(self.name, line, "a line of more than 64 MB; check for a missing closing quote")
        if pending:
            yield self._block(pending + b"\n", line)

    def _decompressed_stream(self) -> BinaryIO:
        """Return the stream, decompressed if its first 2 bytes are those of gzip."""
        counted = _CountingStream(self.raw, self.on_read)
        buffered = io.BufferedReader(counted, 2**16)
        return gzip.open(buffered) if buffered.peek(2)[:2] == _GZIP else buffered  # type: ignore[return-value]

    def _read(self, stream: BinaryIO, line: int) -> bytes:
        try:
            return stream.read(BLOCK)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadDataError(self.name, line, f"the gzip data is truncated or damaged ({error})") from error
        except OSError as error:
            raise NinewatchError(f"{self.name}: {error.strerror or error}") from error

    def _block(self, data: bytes, line: int) -> Block:
        data = data.removeprefix(_BYTE_ORDER_MARK) if line == 1 else data
        if data.startswith(_UTF16):
            raise BadDataError(self.name, line, "UTF-16, not UTF-8; convert it with iconv -f UTF-16")
        if (nul := data.find(b"\0")) >= 0:
            raise BadDataError(
                self.name, line + data.count(b"\n", 0, nul), "not a text file; use CSV or JSON lines in UTF-8"
            )
        try:
            return Block(data.decode(), line)
        except UnicodeDecodeError as error:
            bad_line = line + data.count(b"\n", 0, error.start)
            raise BadDataError(self.name, bad_line, "not UTF-8; convert the file, for example with iconv") from error


class _CountingStream(io.RawIOBase):
    """A raw stream that reports the number of bytes read."""

    def __init__(self, raw: BinaryIO, on_read: Callable[[int], object]) -> None:
        super().__init__()
        self._raw = raw
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)


def _end_of_complete_lines(data: bytes) -> int:
    """Return the end of the last whole line, after a line feed outside quotes; 0 without one."""
    end = data.rfind(b"\n") + 1
    quotes = data.count(b'"', 0, end)
    while quotes % 2:
        quote = data.rfind(b'"', 0, end)
        end, before = data.rfind(b"\n", 0, quote) + 1, end
        quotes -= data.count(b'"', end, before)
    return end


@contextmanager
def open_sources(names: Sequence[str]) -> Iterator[Iterator[Source]]:
    """Open the files one after the other (`-`: standard input), with a progress bar on a terminal.

    Raises:
        NinewatchError: a file cannot be opened. All are checked before the first is read.
    """
    sizes = [_size(name) for name in names]
    stderr = sys.stderr
    hidden = not stderr.isatty() or None in sizes
    bar: ProgressBar[int]
    with click.progressbar(length=sum(s or 0 for s in sizes), label="reading", file=stderr, hidden=hidden) as bar:
        yield _sources(names, bar.update)


def _sources(names: Sequence[str], on_read: Callable[[int], object]) -> Iterator[Source]:
    for name in names:
        with ExitStack() as stack:
            raw = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
            yield Source(name, raw, on_read)


def _size(name: str) -> int | None:
    """Return the file's size in bytes, None if it is unknown (a pipe)."""
    if name == "-":
        return None
    try:
        with Path(name).open("rb") as file:
            return os.fstat(file.fileno()).st_size or None
    except OSError as error:
        raise NinewatchError(
            f"{name}: {error.strerror or error}; specify a file with CSV or JSON lines, or -"
        ) from error
