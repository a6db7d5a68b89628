"""Reads statements out of tables: rows or columns of availabilities, and the durations that stand against them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.claims.amounts import amounts, bare_amount, unit_in_label
from sla.claims.levels import bare_level, levels
from sla.claims.model import Amount, Level, Period, Statement, Strength
from sla.claims.periods import in_label, mentions
from sla.claims.words import AVAILABILITY, DOWNTIME, NOT_DOWNTIME_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Cell, Table

_DATED = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\b(?:19|20)\d\d\b|\bQ[1-4]\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Column:
    """What a header says of its column."""

    label: str
    period: Period | None
    unit: str | None
    downtime: bool
    refused: bool

    @classmethod
    def of(cls, label: str, told: bool, shared: Period | None) -> _Column:
        downtime = bool(DOWNTIME.search(label))
        refused = bool(NOT_DOWNTIME_COLUMN.search(DOWNTIME.sub(" ", label)))
        period = in_label(label) or (shared if downtime or told or not label else None)
        return cls(label, period, unit_in_label(label), downtime or told, refused)


def statements(table: Table, lead: str, group: int) -> Iterator[Statement]:
    """Yield the statements of a table; `lead` is the text above it, which may name period, downtime or availability."""
    turned = table.turned()
    straight, across = _axis(table), _axis(turned)
    if max(straight[1], across[1]) <= 1 and (found := list(_of_one_level(table, turned, lead, group))):
        yield from found
    elif straight[1] or across[1]:
        chosen, column = (table, straight[0]) if straight[1] >= across[1] else (turned, across[0])
        yield from _read(chosen, column, lead, group)


def _of_one_level(table: Table, turned: Table, lead: str, group: int) -> Iterator[Statement]:
    """Read a list of periods with their downtimes, all of the one availability that a cell or the text above names."""
    cells = [cell.text for row in table.rows for cell in row]
    ratios = {level.ratio: level for text in cells for level in levels(text)}
    ratios = ratios or {level.ratio: level for level in levels(lead)}
    if len(ratios) != 1:
        return
    (level,) = ratios.values()
    for grid in (table, turned):
        named = [(row, period) for row in grid.rows if (period := _period_of_row(row[0].text))]
        for row, period in named if len(named) > 1 else ():
            for cell in row[1:]:
                for amount, own in _of_cell(cell.text, None):
                    text = f"{level.text} ... {row[0].text}: {cell.text}"
                    yield Statement(cell.line, text, level, amount, own or period, Strength.PLAIN, group * 100)


def _period_of_row(label: str) -> Period | None:
    """Return the period that a row's label names, unless the row is about something else than downtime."""
    if amounts(label) or NOT_DOWNTIME_COLUMN.search(DOWNTIME.sub(" ", label)):
        return None
    return in_label(label)


def _axis(table: Table) -> tuple[int, int]:
    """Return the column that holds most availabilities and how many it holds."""
    width = len(table.rows[0]) if table.rows else 0
    counts = [sum(_level(row[i].text, _label(table, i)) is not None for row in table.rows) for i in range(width)]
    best = max(range(width), key=lambda i: counts[i], default=0)
    return (best, counts[best]) if counts else (0, 0)


def _label(table: Table, column: int) -> str:
    return table.rows[0][column].text


def _level(text: str, label: str) -> Level | None:
    """Return the availability of a cell that says nothing else; a bare number needs a header that says availability."""
    if amounts(re.sub(r"\([^)]*\)", "", text)):
        return None
    found = bare_level(text)
    if found is None or (found.text.strip("≥>~= ") != text.strip("≥>~= ") and not levels(text)):
        return None
    bare = re.fullmatch(r"[\d.,\s≥>~=]*", text)
    return found if not bare or AVAILABILITY.search(label) or ("%" in label and not levels(label)) else None


def _read(table: Table, column: int, lead: str, group: int) -> Iterator[Statement]:
    label = _label(table, column)
    first = next(i for i, row in enumerate(table.rows) if _level(row[column].text, label))
    head = table.rows[:first]
    told = bool(DOWNTIME.search(lead)) or any(DOWNTIME.search(cell.text) for row in head for cell in row)
    shared = _shared(head, column, lead)
    columns = [
        _Column.of(" ".join(dict.fromkeys(row[i].text for row in head)), told, shared)
        for i in range(len(table.rows[0]))
    ]
    measured = _measured(table, column, label)
    for row in table.rows[first:]:
        level = _level(row[column].text, label)
        if level is not None:
            yield from _of_row(row, column, level, columns, group, measured)


def _shared(head: tuple[tuple[Cell, ...], ...], column: int, lead: str) -> Period | None:
    """Return the only period that the headers of availability and downtime, or else the passage above, name."""
    told = [cell.text for row in head for i, cell in enumerate(row) if i == column or DOWNTIME.search(cell.text)]
    labels = {p.name: p for text in told if (p := in_label(text))}
    if labels:
        return next(iter(labels.values())) if len(labels) == 1 else None
    above = {m.period.name: m.period for m in mentions(lead)}
    return next(iter(above.values())) if len(above) == 1 and DOWNTIME.search(lead) else None


def _measured(table: Table, column: int, label: str) -> str:
    """Say if the rows look like a record of what happened: availabilities that nobody promises."""
    found = [level for row in table.rows if (level := _level(row[column].text, label))]
    odd = sum(not level.nominal for level in found)
    dated = any(_DATED.search(row[0].text) for row in table.rows[1:])
    return "perhaps a record, not an allowance" if dated or odd * 2 > len(found) else ""


def _of_row(
    row: tuple[Cell, ...], column: int, level: Level, columns: list[_Column], group: int, measured: str
) -> Iterator[Statement]:
    others = tuple(
        x
        for i, cell in enumerate(row)
        if i != column and (x := _level(cell.text, columns[i].label)) and x.ratio != level.ratio
    )
    for index, cell in enumerate(row):
        about = columns[index]
        if index == column or about.refused:
            continue
        for amount, own in _of_cell(cell.text, about.unit):
            period = own or about.period
            text = f"{row[column].text} | {about.label + ': ' if about.label else ''}{cell.text}"
            strength = Strength.PLAIN if about.downtime or period else Strength.BARE
            yield Statement(cell.line, text, level, amount, period, strength, group * 100 + index, others, measured)


def _of_cell(text: str, unit: str | None) -> Iterator[tuple[Amount, Period | None]]:
    """Yield the durations of a cell, each with the period named behind it; what only repeats the first is left out."""
    named = mentions(text)
    found = [a for a in amounts(text) if not any(m.start <= a.start < m.end for m in named)]
    if not found and unit and (bare := bare_amount(text, unit)):
        found = [bare]
    for index, amount in enumerate(found):
        until = found[index + 1].start if index + 1 < len(found) else len(text)
        own = next((m.period for m in named if amount.end <= m.start < until), None)
        if index == 0 or own:
            yield amount, own
