"""Extract statements from tables: rows or columns of availabilities with durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.claims.availabilities import bare_level, complement, levels, other_percentages
from sla.claims.durations import amounts, bare_amount, unit_in_label
from sla.claims.model import Amount, Level, Passed, Period, Statement, Strength
from sla.claims.other_figures import NOT_DOWNTIME_AFTER, NOT_DOWNTIME_COLUMN, NOT_MET, SERVICE_HOURS
from sla.claims.periods import in_label, masked, mentions, unread
from sla.claims.vocabulary import AVAILABILITY, DOWNTIME, TARGET, TIME_UP, UNAVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Cell, Table

_DATED = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\b(?:19|20)\d\d\b|\bQ[1-4]\b", re.IGNORECASE
)


_SIGN = re.compile(r"%|prozent|percent\b|pct|pour ?cent|por ?ciento", re.IGNORECASE)
_NO_LEVEL = re.compile(r"[<≤€$£]")
_PROMISED = Fraction(9, 10)
_MONEY = re.compile(r"[€$£]|\b(?:eur|usd|chf|gbp)\b", re.IGNORECASE)
_UNREAD = "its header has an unknown period"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column's header; `refused` is why its durations are not downtime."""

    label: str
    period: Period | None
    unit: str | None
    downtime: bool
    mentioned: bool
    refused: str

    @classmethod
    def of(cls, label: str, lead: str, mentioned: bool, shared: Period | None) -> _Column:
        downtime = bool(DOWNTIME.search(label))
        period = in_label(label) or (shared if downtime or mentioned or not label else None)
        unit = unit_in_label(label or (lead if mentioned else ""))
        return cls(label, period, unit, downtime, mentioned, _refusal(label))


def _refusal(label: str) -> str:
    """Return why a column or row with this label is not allowed downtime, empty if it may be."""
    rest = DOWNTIME.sub(" ", label)
    if TIME_UP.search(rest):
        return "its header indicates uptime"
    if NOT_DOWNTIME_COLUMN.search(rest):
        return "its header indicates something other than downtime"
    if SERVICE_HOURS.search(label):
        return "its header refers to service hours"
    named = mentions(label)
    if amounts(masked(label, named)):
        return "its header contains a duration"
    return _UNREAD if not in_label(label) and not named and _unread_in(label) else ""


def _unread_in(label: str) -> bool:
    return any(unread(label[at:]) for at in (0, *(m.start() for m in re.finditer(r"\s|/", label))))


def statements(table: Table, lead: str, group: int) -> Iterator[Statement | Passed]:
    """Yield the statements of a table; `lead` is the text above it, which may contain period, downtime or availability.

    Durations in other columns are skipped, with the reason.
    """
    turned = table.turned()
    straight, across = _axis(table), _axis(turned)
    if max(straight[1], across[1]) <= 1 and (found := list(_of_one_level(table, turned, lead, group))):
        yield from found
    elif straight[1] or across[1]:
        chosen, column = (table, straight[0]) if straight[1] >= across[1] else (turned, across[0])
        yield from _read(chosen, column, lead, group)


def _of_one_level(table: Table, turned: Table, lead: str, group: int) -> Iterator[Statement | Passed]:
    """Yield a list of periods with their downtimes, for one availability in a cell or in the text above."""
    cells = [cell.text for row in table.rows for cell in row]
    ratios = {level.ratio: level for text in cells for level in levels(text)}
    ratios = ratios or {level.ratio: level for level in levels(lead)}
    if len(ratios) != 1:
        return
    (level,) = ratios.values()
    mentioned = DOWNTIME.search(f"{lead} {' '.join(cells)}") is not None
    for grid in (table, turned):
        named = [(row, period) for row in grid.rows if (period := _period_of_row(row[0].text))]
        headless = any(row is grid.rows[0] for row, _ in named)
        for row, period in named if len(named) > 1 else ():
            for index, cell in enumerate(row[1:], 1):
                head = "" if headless else grid.rows[0][index].text
                text = f"{level.text} ... {row[0].text}: {cell.text}"
                for amount, own in _of_cell(cell.text, None):
                    if reason := _refusal(head) or _refused_cell(cell.text, amount):
                        yield Passed(cell.line, text, reason)
                        continue
                    doubt = _doubt_of(lead, level)
                    plain = Strength.PLAIN
                    yield Statement(
                        cell.line,
                        text,
                        level,
                        amount,
                        own or period,
                        plain,
                        (group, 0),
                        (),
                        doubt,
                        mentioned,
                        tabled=True,
                    )


def _doubt_of(lead: str, level: Level) -> str:
    if level.threshold:
        return "a threshold, not a promise"
    return "service hours may apply" if SERVICE_HOURS.search(lead) else ""


def _period_of_row(label: str) -> Period | None:
    """Return the period in a row's label, unless the row is not about downtime."""
    return None if _refusal(label) else in_label(label)


def _axis(table: Table) -> tuple[int, int]:
    """Return the column with the most availabilities, and their number."""
    width = len(table.rows[0]) if table.rows else 0
    counts = [sum(_level(row[i].text, _label(table, i)) is not None for row in table.rows) for i in range(width)]
    best = max(range(width), key=lambda i: counts[i], default=0)
    return (best, counts[best]) if counts else (0, 0)


def _label(table: Table, column: int) -> str:
    return table.rows[0][column].text


def _level(text: str, label: str) -> Level | None:
    """Return the availability of a cell that contains nothing else; a bare number needs a header for availability.

    Under a header for unavailability it is the complement.
    """
    if amounts(re.sub(r"\([^)]*\)", "", text)):
        return None
    if UNAVAILABILITY.search(label) and not levels(label):
        return complement(text, percent=bool(_SIGN.search(label)))
    found = bare_level(text)
    if found is None or _NO_LEVEL.search(text) or other_percentages(text):
        return None
    bare = re.fullmatch(r"[\d.,\s≥>~=]*", text)
    return found if not bare or _heads_levels(label, found) else None


def _heads_levels(label: str, level: Level) -> bool:
    """Return whether bare numbers under this header are availabilities: a word for it, a percent sign or a target."""
    if AVAILABILITY.search(label) or (_SIGN.search(label) and not levels(label)):
        return True
    return bool(TARGET.search(label)) and level.ratio >= _PROMISED


def _read(table: Table, column: int, lead: str, group: int) -> Iterator[Statement | Passed]:
    label = _label(table, column)
    first = next(i for i, row in enumerate(table.rows) if _level(row[column].text, label))
    head = table.rows[:first]
    mentioned = bool(DOWNTIME.search(lead)) or any(DOWNTIME.search(cell.text) for row in head for cell in row)
    shared = _shared(head, column, lead)
    columns = [
        _Column.of(" ".join(dict.fromkeys(row[i].text for row in head)), lead, mentioned, shared)
        for i in range(len(table.rows[0]))
    ]
    doubt = _measured(table, column, label, lead)
    for row in table.rows[first:]:
        level = _level(row[column].text, label)
        if level is not None:
            yield from _of_row(row, column, level, columns, group, doubt)


def _shared(head: tuple[tuple[Cell, ...], ...], column: int, lead: str) -> Period | None:
    """Return the only period in the headers of availability and downtime, or else in the passage above."""
    mentioned = [cell.text for row in head for i, cell in enumerate(row) if i == column or DOWNTIME.search(cell.text)]
    labels = {p.name: p for text in mentioned if (p := in_label(text))}
    if labels:
        return next(iter(labels.values())) if len(labels) == 1 else None
    above = {m.period.name: m.period for m in mentions(lead)}
    return next(iter(above.values())) if len(above) == 1 and DOWNTIME.search(lead) else None


def _measured(table: Table, column: int, label: str, lead: str) -> str:
    """Return a remark if the rows look measured: dated, marked as met or missed, or unlike targets."""
    if SERVICE_HOURS.search(lead):
        return "service hours may apply"
    found = [level for row in table.rows if (level := _level(row[column].text, label))]
    odd = sum(not level.nominal for level in found)
    dated = any(_DATED.search(row[0].text) for row in table.rows[1:])
    marked = sum(bool(NOT_MET.match(cell.text)) for row in table.rows[1:] for cell in row)
    record = dated or odd * 2 > len(found) or marked * 2 >= len(found)
    return "perhaps a record, not an allowance" if record else ""


def _of_row(
    row: tuple[Cell, ...], column: int, level: Level, columns: list[_Column], group: int, doubt: str
) -> Iterator[Statement | Passed]:
    others = tuple(
        x
        for i, cell in enumerate(row)
        if i != column and (x := _level(cell.text, columns[i].label)) and x.ratio != level.ratio
    )
    if any(SERVICE_HOURS.search(cell.text) for cell in row):
        doubt = "service hours may apply"
    for index, cell in enumerate(row):
        about = columns[index]
        if index == column:
            continue
        text = f"{row[column].text} | {about.label + ': ' if about.label else ''}{cell.text}"
        for amount, own in _of_cell(cell.text, about.unit):
            if reason := about.refused or _refused_cell(cell.text, amount):
                yield Passed(cell.line, text, reason)
                continue
            period = own or about.period
            strength = Strength.PLAIN if about.downtime or about.mentioned or period else Strength.BARE
            yield Statement(
                *(cell.line, text, level, amount, period, strength, (group, index), others, doubt, about.downtime),
                tabled=True,
            )


def _refused_cell(text: str, amount: Amount) -> str:
    """Return why a cell's duration is not a downtime: a credit, a rate, uptime; empty if it may be one."""
    if _MONEY.search(text) or other_percentages(text):
        return "its cell contains an amount of money or a percentage"
    rest = text[amount.end :]
    if NOT_DOWNTIME_AFTER.search(" ".join(rest.split()[:2])):
        return "its cell indicates something other than downtime"
    return f'unknown period "{word}"' if (word := unread(rest)) and not mentions(rest) else ""


def _of_cell(text: str, unit: str | None) -> Iterator[tuple[Amount, Period | None]]:
    """Yield the durations of a cell with the periods after them, without repetitions of the first."""
    named = mentions(text)
    found = [a for a in amounts(text) if not any(m.start <= a.start < m.end for m in named)]
    if not found and unit and (bare := bare_amount(text, unit)):
        found = [bare]
    for index, amount in enumerate(found):
        until = found[index + 1].start if index + 1 < len(found) else len(text)
        own = next((m.period for m in named if amount.end <= m.start < until), None)
        if index == 0 or own:
            yield amount, own
