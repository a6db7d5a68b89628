"""Check tables of parts: the weights sum to 1, and the composite row follows from the other rows."""

from __future__ import annotations

import re
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.availabilities import bare_level
from sla.claims.figure_text import number_text, percent_text
from sla.claims.model import AvailabilityLevel, Claim, ClaimVerdict
from sla.claims.number_format import decimal
from sla.claims.vocabulary import AVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Cell, Table

_TOTAL = re.compile(
    r"\b(?:total|sum|overall|composite|combined|weighted|result|end[- ]to[- ]end|in series)\b", re.IGNORECASE
)
_COMPOSITE = re.compile(r"\b(?:composite|combined|end[- ]to[- ]end|in series|serial)\b", re.IGNORECASE)
_WEIGHT = re.compile(r"\bweight(?:s|ing|age)?\b|\bgewicht\w*", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(?P<number>\d+(?:[.,]\d+)?|\.\d+)\s*(?P<percent>%?)\s*")


class _Part(NamedTuple):
    """A table row: its availability and, in a weighted table, its weight and the unit of the weight's last place."""

    line: int
    level: AvailabilityLevel
    weight: Fraction | None
    ulp: Fraction


def check(table: Table, text_above: str) -> Iterator[Claim]:
    """Yield a claim for the weights and a claim for the composite row.

    The headers or `text_above` must mention availability, because tables of scores have weights too.
    """
    head = [cell.text for cell in table.rows[0]] if table.rows else []
    if not AVAILABILITY.search(" ".join([text_above, *head])):
        return
    weight = next((i for i, text in enumerate(head) if _WEIGHT.search(text)), None)
    column = _availability_column(table, weight)
    if column is None:
        return
    rows = list(table.rows[1:])
    parts = [p for row in rows if not _is_total(row) and (p := _part(row, column, weight))]
    totals = [(row, level) for row in rows if _is_total(row) and (level := bare_level(row[column].text))]
    if weight is not None and len(parts) > 1 and all(p.weight is not None for p in parts):
        yield from _check_weights(table.rows[0][weight], parts, totals)
    elif weight is None and len(parts) > 1:
        yield from _check_composite(parts, totals)


def _availability_column(table: Table, weight: int | None) -> int | None:
    """Return the first column that has 2 or more availabilities and no other text below its header."""
    for index in range(len(table.rows[0])):
        cells = [row[index].text for row in table.rows[1:] if row[index].text]
        if index != weight and len(cells) > 1 and all(bare_level(text) for text in cells):
            return index
    return None


def _is_total(row: tuple[Cell, ...]) -> bool:
    return bool(_TOTAL.search(row[0].text))


def _part(row: tuple[Cell, ...], column: int, weight: int | None) -> _Part | None:
    level = bare_level(row[column].text)
    if level is None:
        return None
    match = _NUMBER.fullmatch(row[weight].text) if weight is not None else None
    if match is None:
        return _Part(row[column].line, level, None, Fraction(0))
    value, ulp = decimal(match["number"])
    scale = 100 if match["percent"] else 1
    return _Part(row[column].line, level, value / scale, ulp / scale)


def _check_weights(
    head: Cell, parts: list[_Part], totals: list[tuple[tuple[Cell, ...], AvailabilityLevel]]
) -> Iterator[Claim]:
    weights = [part.weight for part in parts if part.weight is not None]
    total = sum(weights, Fraction(0))
    if not total or any(weight > 1 for weight in weights):
        return  # relative weights (3, 2, 1) need not sum to 1
    text = f"{head.text}: {' + '.join(number_text(weight) for weight in weights)}"
    tolerance = sum((part.ulp for part in parts), Fraction(0)) / 2
    if abs(total - 1) > tolerance:
        yield Claim(
            head.line,
            text,
            None,
            None,
            None,
            None,
            ClaimVerdict.WRONG,
            f"the weights sum to {number_text(total)}, not 1",
        )
    else:
        yield Claim(head.line, text, None, None, None, None, ClaimVerdict.RIGHT, "the weights sum to 1")
    value = sum((p.level.ratio * p.weight for p in parts if p.weight is not None), Fraction(0))
    for row, level in totals:
        yield _check_total(
            row, level, {"weighted sum": value, "weighted mean": value / total}, is_certain=abs(total - 1) <= tolerance
        )


def _check_composite(parts: list[_Part], totals: list[tuple[tuple[Cell, ...], AvailabilityLevel]]) -> Iterator[Claim]:
    ratios = [part.level.ratio for part in parts]
    right_values = {
        "product": prod(ratios, start=Fraction(1)),
        "parallel result": 1 - prod((1 - r for r in ratios), start=Fraction(1)),
    }
    mistaken_values = {
        sum(ratios, Fraction(0)) / len(ratios): "the average",
        min(ratios): "the availability of the weakest part",
    }
    for row, level in totals:
        if any(_is_printed_as(value, level) for value in right_values.values()):
            yield _check_total(row, level, right_values, is_certain=False)
        elif _COMPOSITE.search(row[0].text):
            mistake = next((name for value, name in mistaken_values.items() if _is_printed_as(value, level)), None)
            if mistake:
                diagnosis = f"the product is {percent_text(right_values['product'])}; the printed value is {mistake}"
                yield Claim(row[0].line, _text(row), level.ratio, None, None, None, ClaimVerdict.WRONG, diagnosis)


def _check_total(
    row: tuple[Cell, ...], level: AvailabilityLevel, right_values: dict[str, Fraction], *, is_certain: bool
) -> Claim:
    for name, value in right_values.items():
        if _is_printed_as(value, level):
            verdict = ClaimVerdict.RIGHT if value == level.ratio else ClaimVerdict.ROUNDED
            return Claim(
                row[0].line, _text(row), level.ratio, None, None, None, verdict, f"the {name} is {percent_text(value)}"
            )
    name, value = next(iter(right_values.items()))
    verdict = ClaimVerdict.WRONG if is_certain else ClaimVerdict.UNCLEAR
    return Claim(
        row[0].line, _text(row), level.ratio, None, None, None, verdict, f"the {name} is {percent_text(value)}"
    )


def _is_printed_as(value: Fraction, level: AvailabilityLevel) -> bool:
    return level.ratio - level.tolerance <= value < level.ratio + 2 * level.tolerance


def _text(row: tuple[Cell, ...]) -> str:
    return " | ".join(cell.text for cell in row if cell.text)
