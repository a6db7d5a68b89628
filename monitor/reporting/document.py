"""A report as plain values: titles, texts, and tables of cells. All formats write the same cells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.views.formatting import moment, shorten, signed_duration
from sla.availability import Bounds
from sla.duration import format_bounds
from sla.interval import SECOND
from sla.objective import format_nines, format_percent
from sla.window import format_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sla.states import Piece


MAX_CELL = 600  # characters; the reason of a correction has at most 500 and must not be cut in a signed report


class Unit(StrEnum):
    """The unit of a cell's value."""

    WORDS = ""
    RATIO = "ratio"
    SECONDS = "seconds"
    INSTANT = "instant"
    COUNT = "count"
    NINES = "nines"
    MONEY = "money"

    @property
    def numeric(self) -> bool:
        """Whether cells with this unit are aligned to the right."""
        return self not in (Unit.WORDS, Unit.INSTANT)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value at full precision for programs (None without a figure), and its text for readers."""

    text: str
    value: str | float | int | None
    unit: Unit = Unit.WORDS


def words(text: str) -> Cell:
    """Return a cell of text: one line of limited length without control characters."""
    line = shorten(text, MAX_CELL)
    return Cell(line, line)


def ratio(share: Fraction | float | None, digits: int = 3) -> Cell:
    """Return the cell of a share, with its percentage rounded down as text."""
    return Cell(format_percent(share, digits), None if share is None else float(share), Unit.RATIO)


def duration(us: int | Fraction | None) -> Cell:
    """Return the cell of a duration in microseconds. The cell's value is in seconds."""
    if us is None:
        return Cell("n/a", None, Unit.SECONDS)
    return Cell(signed_duration(us), float(Fraction(us, SECOND)), Unit.SECONDS)


def durations(bounds: Bounds[int]) -> Bounds[Cell]:
    """Return the cells of bounds in microseconds.

    Different bounds have different texts. The minimum is rounded down and the maximum up.
    """
    texts = format_bounds(*bounds)
    return Bounds(*(Cell(text, us / SECOND, Unit.SECONDS) for text, us in zip(texts, bounds, strict=True)))


def at(instant: int | None, zone: ZoneInfo, missing: str = "n/a") -> Cell:
    """Return the cell of an instant, with its local time as text. The cell's value is RFC 3339 in UTC."""
    if instant is None:
        return Cell(missing, None, Unit.INSTANT)
    return Cell(moment(instant, zone).local, format_instant(instant), Unit.INSTANT)


def count(number: int) -> Cell:
    """Return the cell of a count."""
    return Cell(f"{number:,}", number, Unit.COUNT)


def nines_of(availability: Fraction | float | None, figure: float | None) -> Cell:
    """Return the cell of the nines of an availability. `figure` is their value, None without a bound."""
    return Cell(format_nines(availability), figure, Unit.NINES)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under column titles. The first cell is the name of its row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether each column is numeric, that is, has a numeric cell."""
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        return tuple(any(cell.unit.numeric for cell in cells) for cells in columns)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, notes, and a table if there is one."""

    id: str
    title: str
    notes: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure with a note."""

    label: str
    cell: Cell
    note: str
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One period of a chart: shares from 0 to 1, None without a figure."""

    name: str
    label: str
    low: float | None
    point: float | None
    high: float | None
    misses: bool
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Availability with its bounds per period, and the objective. `text` describes the chart."""

    title: str
    text: str
    columns: tuple[Column, ...]
    objective: float
    objective_text: str

    @property
    def legend(self) -> str:
        """The meaning of the marks."""
        return (
            "Band: range of the true value. Bar: best estimate. Red diamond: estimate below the objective. "
            "Dashed outline: no data. Each grid line is a tenth of the downtime of the line below it."
        )


@dataclass(frozen=True, slots=True)
class StateChart:
    """The states of a product over a short time, to the second. `marks` are instants with a label; microseconds."""

    title: str
    text: str
    pieces: tuple[Piece, ...]
    marks: tuple[tuple[int, str], ...]

    @property
    def legend(self) -> str:
        """The meaning of the colours and heights."""
        return (
            "Full height, red: down. Half height, hatched: the state changed somewhere in this time. "
            "Low, blue: up. Dashed outline: no data. Seconds count from the start of the drill."
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a report on one product."""

    id: str
    name: str
    about: str
    headline: str
    missed: bool
    tiles: tuple[Tile, ...]
    chart: Chart | StateChart
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The complete report. `made` is the report's instant (microseconds) instead of the time of writing the file."""

    title: str
    subtitle: str
    made: int
    made_text: str
    notices: tuple[str, ...]
    overview: Section | None
    parts: tuple[Part, ...]
    closing: Section
