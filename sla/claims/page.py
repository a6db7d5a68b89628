"""The parts of a page (passages and tables), independent of its format. Source lines are counted from 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, heading or list item. `line_starts` has the (offset, source line) of each line of the text."""

    text: str
    line_starts: tuple[tuple[int, int], ...]
    heading: bool = False

    def line(self, offset: int) -> int:
        """Return the source line of the character at `offset`."""
        return max((line for start, line in self.line_starts if start <= offset), default=self.line_starts[0][1])

    def map_text(self, change: Callable[[str], str]) -> Passage:
        """Return the passage with changed text; the change must keep all offsets."""
        return replace(self, text=change(self.text))

    @classmethod
    def from_lines(cls, lines: Sequence[tuple[int, str]], *, heading: bool = False) -> Passage:
        """Return a passage of (line number, text) pairs joined by single spaces."""
        text, starts = "", []
        for number, line in lines:
            text += " " if text else ""
            starts.append((len(text), number))
            text += line
        return cls(text, tuple(starts), heading)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table, on its source line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, padded to equal length."""

    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[Cell]]) -> Table:
        """Return a rectangular table of these rows without empty rows."""
        filled = [row for row in rows if any(cell.text for cell in row)]
        width = max((len(row) for row in filled), default=0)
        return cls(tuple((*row, *(Cell("", row[0].line),) * (width - len(row))) for row in filled))

    def map_text(self, change: Callable[[str], str]) -> Table:
        """Return the table with changed text of each cell."""
        return Table(tuple(tuple(Cell(change(cell.text), cell.line) for cell in row) for row in self.rows))

    def transposed(self) -> Table:
        """Return the transposed table."""
        return Table(tuple(zip(*self.rows, strict=True)))


Part = Passage | Table
