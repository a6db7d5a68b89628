"""Extract statements from tables: rows or columns of availabilities with durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.claims.availabilities import bare_level, complement, find_levels, other_percentages
from sla.claims.durations import bare_duration, find_durations, unit_in_label
from sla.claims.model import AvailabilityLevel, LinkStrength, Period, PrintedDuration, SkippedFigure, Statement
from sla.claims.other_figures import NOT_DOWNTIME_AFTER, NOT_DOWNTIME_COLUMN, NOT_MET, SERVICE_HOURS
from sla.claims.periods import find_period_mentions, mask_periods, period_in_label, unknown_period_word
from sla.claims.vocabulary import AVAILABILITY, DOWNTIME, TARGET, TIME_UP, UNAVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Cell, Table

_DATE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\b(?:19|20)\d\d\b|\bQ[1-4]\b", re.IGNORECASE
)


_SIGN = re.compile(r"%|prozent|percent\b|pct|pour ?cent|por ?ciento", re.IGNORECASE)
_NOT_AVAILABILITY = re.compile(r"[<≤€$£]")
_MIN_TARGET = Fraction(9, 10)
_MONEY = re.compile(r"[€$£]|\b(?:eur|usd|chf|gbp)\b", re.IGNORECASE)
_UNKNOWN_PERIOD = "its header has an unknown period"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column's header. `skip_reason` is why its durations are not downtimes; empty if they may be."""

    label: str
    period: Period | None
    unit: str | None
    downtime: bool
    mentions_downtime: bool
    skip_reason: str

    @classmethod
    def from_label(cls, label: str, text_above: str, mentions_downtime: bool, shared_period: Period | None) -> _Column:
        downtime = bool(DOWNTIME.search(label))
        period = period_in_label(label) or (shared_period if downtime or mentions_downtime or not label else None)
        unit = unit_in_label(label or (text_above if mentions_downtime else ""))
        return cls(label, period, unit, downtime, mentions_downtime, _skip_reason(label))


def _skip_reason(label: str) -> str:
    """Return why the durations of a column or row with this label are not allowed downtimes. Empty if they may be."""
    rest = DOWNTIME.sub(" ", label)
    if TIME_UP.search(rest):
        return "its header indicates uptime"
    if NOT_DOWNTIME_COLUMN.search(rest):
        return "its header indicates something other than downtime"
    if SERVICE_HOURS.search(label):
        return "its header refers to service hours"
    mentions = find_period_mentions(label)
    if find_durations(mask_periods(label, mentions)):
        return "its header contains a duration"
    return _UNKNOWN_PERIOD if not period_in_label(label) and not mentions and _has_unknown_period(label) else ""


def _has_unknown_period(label: str) -> bool:
    return any(unknown_period_word(label[at:]) for at in (0, *(m.start() for m in re.finditer(r"\s|/", label))))


def statements(table: Table, text_above: str, group: int) -> Iterator[Statement | SkippedFigure]:
    """Yield the statements of a table, and a `SkippedFigure` with the reason for the durations of other columns.

    `text_above` may contain a period, a word for downtime, or an availability.
    """
    transposed = table.transposed()
    by_column, by_row = _availability_axis(table), _availability_axis(transposed)
    if max(by_column[1], by_row[1]) <= 1 and (
        single_level := list(_single_level_statements(table, transposed, text_above, group))
    ):
        yield from single_level
    elif by_column[1] or by_row[1]:
        oriented, column = (table, by_column[0]) if by_column[1] >= by_row[1] else (transposed, by_row[0])
        yield from _column_statements(oriented, column, text_above, group)


def _single_level_statements(
    table: Table, transposed: Table, text_above: str, group: int
) -> Iterator[Statement | SkippedFigure]:
    """Yield the downtimes per period of a table with only one availability, which is in a cell or the text above."""
    cells = [cell.text for row in table.rows for cell in row]
    ratios = {level.ratio: level for text in cells for level in find_levels(text)}
    ratios = ratios or {level.ratio: level for level in find_levels(text_above)}
    if len(ratios) != 1:
        return
    (level,) = ratios.values()
    mentions_downtime = DOWNTIME.search(f"{text_above} {' '.join(cells)}") is not None
    for grid in (table, transposed):
        rows_with_period = [(row, period) for row in grid.rows if (period := _period_of_row(row[0].text))]
        has_no_header = any(row is grid.rows[0] for row, _ in rows_with_period)
        for row, period in rows_with_period if len(rows_with_period) > 1 else ():
            for index, cell in enumerate(row[1:], 1):
                head = "" if has_no_header else grid.rows[0][index].text
                text = f"{level.text} ... {row[0].text}: {cell.text}"
                for duration, own_period in _cell_durations(cell.text, None):
                    if reason := _skip_reason(head) or _cell_skip_reason(cell.text, duration):
                        yield SkippedFigure(cell.line, text, reason)
                        continue
                    remark = _remark_on_level(text_above, level)
                    strength = LinkStrength.EXPLICIT
                    yield Statement(
                        cell.line,
                        text,
                        level,
                        duration,
                        own_period or period,
                        strength,
                        (group, 0),
                        (),
                        remark,
                        mentions_downtime,
                        in_table=True,
                    )


def _remark_on_level(text_above: str, level: AvailabilityLevel) -> str:
    if level.is_threshold:
        return "a threshold, not a promise"
    return "service hours may apply" if SERVICE_HOURS.search(text_above) else ""


def _period_of_row(label: str) -> Period | None:
    """Return the period in a row's label, unless the row is not about downtime."""
    return None if _skip_reason(label) else period_in_label(label)


def _availability_axis(table: Table) -> tuple[int, int]:
    """Return the index of the column with the most availabilities, and their number."""
    width = len(table.rows[0]) if table.rows else 0
    counts = [sum(_level(row[i].text, _label(table, i)) is not None for row in table.rows) for i in range(width)]
    best = max(range(width), key=lambda i: counts[i], default=0)
    return (best, counts[best]) if counts else (0, 0)


def _label(table: Table, column: int) -> str:
    return table.rows[0][column].text


def _level(text: str, label: str) -> AvailabilityLevel | None:
    """Return the availability of a cell that has no other text. A number without `%` needs a header for availability.

    Under a header for unavailability, the availability is the complement of the cell's value.
    """
    if find_durations(re.sub(r"\([^)]*\)", "", text)):
        return None
    if UNAVAILABILITY.search(label) and not find_levels(label):
        return complement(text, percent=bool(_SIGN.search(label)))
    level = bare_level(text)
    if level is None or _NOT_AVAILABILITY.search(text) or other_percentages(text):
        return None
    bare = re.fullmatch(r"[\d.,\s≥>~=]*", text)
    return level if not bare or _is_availability_header(label, level) else None


def _is_availability_header(label: str, level: AvailabilityLevel) -> bool:
    """Return whether bare numbers under this header are availabilities: a word for it, a percent sign or a target."""
    if AVAILABILITY.search(label) or (_SIGN.search(label) and not find_levels(label)):
        return True
    return bool(TARGET.search(label)) and level.ratio >= _MIN_TARGET


def _column_statements(table: Table, column: int, text_above: str, group: int) -> Iterator[Statement | SkippedFigure]:
    label = _label(table, column)
    first = next(i for i, row in enumerate(table.rows) if _level(row[column].text, label))
    head = table.rows[:first]
    mentions_downtime = bool(DOWNTIME.search(text_above)) or any(
        DOWNTIME.search(cell.text) for row in head for cell in row
    )
    shared_period = _shared_period(head, column, text_above)
    columns = [
        _Column.from_label(
            " ".join(dict.fromkeys(row[i].text for row in head)), text_above, mentions_downtime, shared_period
        )
        for i in range(len(table.rows[0]))
    ]
    remark = _measurement_remark(table, column, label, text_above)
    for row in table.rows[first:]:
        level = _level(row[column].text, label)
        if level is not None:
            yield from _row_statements(row, column, level, columns, group, remark)


def _shared_period(head: tuple[tuple[Cell, ...], ...], column: int, text_above: str) -> Period | None:
    """Return the only period of the headers of availability and downtime, or else of the text above."""
    mentions_downtime = [
        cell.text for row in head for i, cell in enumerate(row) if i == column or DOWNTIME.search(cell.text)
    ]
    labels = {p.name: p for text in mentions_downtime if (p := period_in_label(text))}
    if labels:
        return next(iter(labels.values())) if len(labels) == 1 else None
    periods_above = {m.period.name: m.period for m in find_period_mentions(text_above)}
    return next(iter(periods_above.values())) if len(periods_above) == 1 and DOWNTIME.search(text_above) else None


def _measurement_remark(table: Table, column: int, label: str, text_above: str) -> str:
    """Return a remark if the rows look measured: they have dates, met or missed marks, or unusual targets."""
    if SERVICE_HOURS.search(text_above):
        return "service hours may apply"
    levels = [level for row in table.rows if (level := _level(row[column].text, label))]
    untypical_count = sum(not level.nominal for level in levels)
    has_dates = any(_DATE.search(row[0].text) for row in table.rows[1:])
    mark_count = sum(bool(NOT_MET.match(cell.text)) for row in table.rows[1:] for cell in row)
    is_measured = has_dates or untypical_count * 2 > len(levels) or mark_count * 2 >= len(levels)
    return "possibly measured downtime, not the allowed downtime" if is_measured else ""


def _row_statements(
    row: tuple[Cell, ...], column: int, level: AvailabilityLevel, columns: list[_Column], group: int, remark: str
) -> Iterator[Statement | SkippedFigure]:
    other_levels = tuple(
        x
        for i, cell in enumerate(row)
        if i != column and (x := _level(cell.text, columns[i].label)) and x.ratio != level.ratio
    )
    if any(SERVICE_HOURS.search(cell.text) for cell in row):
        remark = "service hours may apply"
    for index, cell in enumerate(row):
        cell_column = columns[index]
        if index == column:
            continue
        text = f"{row[column].text} | {cell_column.label + ': ' if cell_column.label else ''}{cell.text}"
        for duration, own_period in _cell_durations(cell.text, cell_column.unit):
            if reason := cell_column.skip_reason or _cell_skip_reason(cell.text, duration):
                yield SkippedFigure(cell.line, text, reason)
                continue
            period = own_period or cell_column.period
            strength = (
                LinkStrength.EXPLICIT
                if cell_column.downtime or cell_column.mentions_downtime or period
                else LinkStrength.ADJACENT
            )
            yield Statement(
                *(
                    cell.line,
                    text,
                    level,
                    duration,
                    period,
                    strength,
                    (group, index),
                    other_levels,
                    remark,
                    cell_column.downtime,
                ),
                in_table=True,
            )


def _cell_skip_reason(text: str, duration: PrintedDuration) -> str:
    """Return why a cell's duration is not a downtime: a credit, a rate or uptime. Empty if it may be a downtime."""
    if _MONEY.search(text) or other_percentages(text):
        return "its cell contains a sum of money or a percentage"
    rest = text[duration.end :]
    if NOT_DOWNTIME_AFTER.search(" ".join(rest.split()[:2])):
        return "its cell indicates something other than downtime"
    return f'unknown period "{word}"' if (word := unknown_period_word(rest)) and not find_period_mentions(rest) else ""


def _cell_durations(text: str, unit: str | None) -> Iterator[tuple[PrintedDuration, Period | None]]:
    """Yield the durations of a cell with the periods after them. Only the first duration may have no period."""
    mentions = find_period_mentions(text)
    durations = [a for a in find_durations(text) if not any(m.start <= a.start < m.end for m in mentions)]
    if not durations and unit and (bare := bare_duration(text, unit)):
        durations = [bare]
    for index, duration in enumerate(durations):
        until = durations[index + 1].start if index + 1 < len(durations) else len(text)
        own_period = next((m.period for m in mentions if duration.end <= m.start < until), None)
        if index == 0 or own_period:
            yield duration, own_period
