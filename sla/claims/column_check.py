"""Check each claim against the other rows of its table column or list.

If most figures of a column do not follow from the availabilities, the column probably does not contain allowed
downtimes, and none of its figures is reported as wrong. If all other rows use one length of the year, a row that is
right only with another length is wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.known_mistakes import Mistake, MistakeKind, find_mistakes
from sla.claims.model import Claim, ClaimVerdict, Qualifier, Statement
from sla.claims.period_fit import conventions, find_fit
from sla.claims.row_groups import grouped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_CORRECT = frozenset({ClaimVerdict.RIGHT, ClaimVerdict.ROUNDED})
_CONSIDERED_MISTAKES = frozenset(
    {
        MistakeKind.UNIT,
        MistakeKind.PERIOD,
        MistakeKind.NINES,
        MistakeKind.SWAPPED,
        MistakeKind.DECIMALS,
        MistakeKind.BOTH,
        MistakeKind.ROW,
    }
)
_MIN_DIGITS = 3  # significant digits
_MIN_ROWS = 3
_FIXED_LENGTH = frozenset({"week", "day", "hour"})
# Largest relative deviations due to rounding, and due to another length of the period.
_MAX_ROUNDING, _MAX_LENGTH_DIFFERENCE = Fraction(3, 1000), Fraction(1, 100)
_OTHER_YEAR = re.compile(r"leap|schaltjahr|bissextil|bisiest|\b36[046]\b|\b52 ?w|working|business", re.IGNORECASE)


class CheckedStatement(NamedTuple):
    """A statement with its claim."""

    statement: Statement
    claim: Claim

    @property
    def is_correct(self) -> bool:
        """Whether the figure is right or rounded."""
        return self.claim.verdict in _CORRECT

    @property
    def is_wrong(self) -> bool:
        """Whether the check of this figure alone found it wrong."""
        return self.claim.verdict is ClaimVerdict.WRONG


def check_columns(checked: Iterable[CheckedStatement]) -> Iterator[CheckedStatement]:
    """Yield the claims in order, each checked against the other claims of its column or list."""
    for column in grouped(checked, lambda cell: cell.statement.group):
        for member in column:
            if member.is_wrong and member.statement.in_table and (reason := _reason_unclear(member, column)):
                yield member._replace(claim=replace(member.claim, verdict=ClaimVerdict.UNCLEAR, diagnosis=reason))
            else:
                yield _check_length(member, column) or member


def _reason_unclear(member: CheckedStatement, column: Sequence[CheckedStatement]) -> str | None:
    """Return why it is unclear whether a figure is wrong. None if it is certainly wrong."""
    correct_count = sum(cell.is_correct for cell in column)
    if _has_several_durations_per_level(column):
        return "one availability with several durations: possibly measured downtime"
    if not correct_count and all(_fits_another_row(cell, column) for cell in column):
        return "each figure is right for another row: possibly in another order"
    confirmed_diagnoses = {
        mistake.diagnosis
        for cell in column
        if cell.is_wrong and (mistake := _mistake(cell)) and _has_enough_digits(cell)
    }
    explained = correct_count + sum(cell.is_wrong and _diagnosis(cell) in confirmed_diagnoses for cell in column)
    if explained * 2 <= len(column):
        return "most figures of the column do not follow from the availabilities: possibly not the allowed downtime"
    if _diagnosis(member) not in confirmed_diagnoses and correct_count < 2:
        return "too few figures of the column are right to call this one wrong"
    return None


def _has_several_durations_per_level(column: Sequence[CheckedStatement]) -> bool:
    pairs = {(cell.statement.level.ratio, cell.statement.period) for cell in column}
    return len(pairs) < len(
        {(cell.statement.level.ratio, cell.statement.period, cell.claim.claimed) for cell in column}
    )


def _fits_another_row(cell: CheckedStatement, column: Sequence[CheckedStatement]) -> bool:
    return any(find_fit(cell.statement, other.statement.level) for other in column)


def _mistake(cell: CheckedStatement) -> Mistake | None:
    return next((mistake for mistake in find_mistakes(cell.statement) if mistake.kind in _CONSIDERED_MISTAKES), None)


def _diagnosis(cell: CheckedStatement) -> str | None:
    mistake = _mistake(cell)
    return mistake.diagnosis if mistake else None


def _has_enough_digits(cell: CheckedStatement) -> bool:
    return cell.statement.duration.digits >= _MIN_DIGITS


def _check_length(member: CheckedStatement, column: Sequence[CheckedStatement]) -> CheckedStatement | None:
    """Return the claim as wrong if it is right only with a period length that 3 or more other rows do not use.

    8.73 h for 99.9 % is right with 52 weeks, but not in a table whose other rows require 365 days. 8.72 h is not right
    with any length.
    """
    statement = member.statement
    if member.is_wrong or not _has_exact_figures(statement) or conventions(statement, common_only=True):
        return None
    others = [cell for cell in column if cell is not member and cell.claim.period == member.claim.period]
    common_lengths = _common_lengths(others)
    needed_lengths = conventions(statement, common_only=False)
    contradicting = [other for other in others if not needed_lengths & conventions(other.statement, common_only=False)]
    if not common_lengths or not contradicting or not (needed_lengths or _needs_other_length(member)):
        return None
    length = min(needed_lengths) if needed_lengths else f"{member.claim.period} of another length"
    diagnosis = f"needs a {length}; the {len(others)} other rows use a {min(common_lengths)}"
    return member._replace(claim=replace(member.claim, verdict=ClaimVerdict.WRONG, diagnosis=diagnosis))


def _common_lengths(others: Sequence[CheckedStatement]) -> frozenset[str]:
    """Return the usual period lengths with which all other rows are right; empty for few rows."""
    if len(others) < _MIN_ROWS or not all(other.is_correct for other in others):
        return frozenset()
    return frozenset.intersection(*(conventions(other.statement, common_only=True) for other in others))


def _needs_other_length(member: CheckedStatement) -> bool:
    """Return whether a figure deviates by more than rounding, but not by more than two period lengths differ."""
    factor = member.claim.factor
    return factor is not None and _MAX_ROUNDING < abs(factor - 1) <= _MAX_LENGTH_DIFFERENCE


def _has_exact_figures(statement: Statement) -> bool:
    duration = statement.duration
    exact = duration.qualifier is Qualifier.EXACT and duration.digits >= _MIN_DIGITS and statement.level.nominal
    exact = exact and statement.period is not None and statement.period.name not in _FIXED_LENGTH
    return exact and not statement.remark and not statement.others and not _OTHER_YEAR.search(statement.text)
