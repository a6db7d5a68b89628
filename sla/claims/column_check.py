"""Check each claim against the other rows of its table column or list.

If most figures of a column do not follow from the availabilities, the column is probably not allowed downtime, and none
of its figures is wrong. If all other rows use one length of the year, a row that needs another length is wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.known_mistakes import Kind, Slip, slips
from sla.claims.model import Bound, Claim, Statement, Verdict
from sla.claims.period_fit import conventions, fits
from sla.claims.row_groups import grouped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_HOLDING = frozenset({Verdict.RIGHT, Verdict.ROUNDED})
_PLAIN_SLIPS = frozenset({Kind.UNIT, Kind.PERIOD, Kind.NINES, Kind.SWAPPED, Kind.DECIMALS, Kind.BOTH, Kind.ROW})
_SURE_DIGITS = 3
_MIN_ROWS = 3
_FIXED = frozenset({"week", "day", "hour"})
_ROUNDING, _LENGTHS = Fraction(3, 1000), Fraction(1, 100)
_OTHER_YEAR = re.compile(r"leap|schaltjahr|bissextil|bisiest|\b36[046]\b|\b52 ?w|working|business", re.IGNORECASE)


class Judged(NamedTuple):
    """A statement with its claim."""

    statement: Statement
    claim: Claim

    @property
    def holds(self) -> bool:
        """Whether the figure is right or rounded."""
        return self.claim.verdict in _HOLDING

    @property
    def wrong(self) -> bool:
        """Whether the figure alone was judged wrong."""
        return self.claim.verdict is Verdict.WRONG


def reconsider(judged: Iterable[Judged]) -> Iterator[Judged]:
    """Yield the claims in order, each checked against the others of its column or list."""
    for column in grouped(judged, lambda each: each.statement.group):
        for member in column:
            if member.wrong and member.statement.tabled and (doubt := _doubt(member, column)):
                yield member._replace(claim=replace(member.claim, verdict=Verdict.UNCLEAR, diagnosis=doubt))
            else:
                yield _by_another_length(member, column) or member


def _doubt(member: Judged, column: Sequence[Judged]) -> str | None:
    """Return why a figure that does not fit may still be right; None if its column is allowed downtime."""
    holding = sum(each.holds for each in column)
    if _one_level_many_durations(column):
        return "one availability with several durations: perhaps a record"
    if not holding and all(_fits_another_row(each, column) for each in column):
        return "each figure is right for another row: perhaps in another order"
    sure = {slip.diagnosis for each in column if each.wrong and (slip := _slip(each)) and _is_sharp_figure(each)}
    explained = holding + sum(each.wrong and _says(each) in sure for each in column)
    if explained * 2 <= len(column):
        return "most figures of the column do not follow from the availabilities: perhaps not the downtime allowed"
    if _says(member) not in sure and holding < 2:
        return "too few figures of the column hold to call this one wrong"
    return None


def _one_level_many_durations(column: Sequence[Judged]) -> bool:
    asked = {(each.statement.level.ratio, each.statement.period) for each in column}
    return len(asked) < len(
        {(each.statement.level.ratio, each.statement.period, each.claim.claimed) for each in column}
    )


def _fits_another_row(each: Judged, column: Sequence[Judged]) -> bool:
    return any(fits(each.statement, other.statement.level) for other in column)


def _slip(each: Judged) -> Slip | None:
    return next((slip for slip in slips(each.statement) if slip.kind in _PLAIN_SLIPS), None)


def _says(each: Judged) -> str | None:
    slip = _slip(each)
    return slip.diagnosis if slip else None


def _is_sharp_figure(each: Judged) -> bool:
    return each.statement.amount.digits >= _SURE_DIGITS


def _by_another_length(member: Judged, column: Sequence[Judged]) -> Judged | None:
    """Return the claim as wrong if it alone needs an unusual length of the period, against 3 or more other rows.

    8.73 h for 99.9 % is right with 52 weeks, but not in a table whose other rows require 365 days. 8.72 h is right with
    no length.
    """
    statement = member.statement
    if member.wrong or not _is_sharp(statement) or conventions(statement, usual=True):
        return None
    others = [each for each in column if each is not member and each.claim.period == member.claim.period]
    common = _common(others)
    needed = conventions(statement, usual=False)
    against = [each for each in others if not needed & conventions(each.statement, usual=False)]
    if not common or not against or not (needed or _is_off(member)):
        return None
    length = min(needed) if needed else f"{member.claim.period} of another length"
    diagnosis = f"needs a {length}; the {len(others)} other rows use a {min(common)}"
    return member._replace(claim=replace(member.claim, verdict=Verdict.WRONG, diagnosis=diagnosis))


def _common(others: Sequence[Judged]) -> frozenset[str]:
    """Return the usual lengths with which all others are right; empty if they are few or differ."""
    if len(others) < _MIN_ROWS or not all(each.holds for each in others):
        return frozenset()
    return frozenset.intersection(*(conventions(each.statement, usual=True) for each in others))


def _is_off(member: Judged) -> bool:
    """Return whether a figure that no length explains is too far off for rounding, but close enough for a length."""
    factor = member.claim.factor
    return factor is not None and _ROUNDING < abs(factor - 1) <= _LENGTHS


def _is_sharp(statement: Statement) -> bool:
    amount = statement.amount
    sharp = amount.bound is Bound.EXACT and amount.digits >= _SURE_DIGITS and statement.level.nominal
    sharp = sharp and statement.period is not None and statement.period.name not in _FIXED
    return sharp and not statement.remark and not statement.others and not _OTHER_YEAR.search(statement.text)
