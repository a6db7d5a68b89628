"""Judge a statement: whether the duration is the allowed downtime, and if not, which mistake explains it.

A statement is `wrong` only if no convention, rounding or reading explains it; uncertain cases are `unclear`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.claims.figure_text import of_year, percent, say, times
from sla.claims.known_mistakes import Kind, Slip, sixty_slips, slips, units
from sla.claims.model import Bound, Claim, Statement, Strength, Verdict
from sla.claims.period_fit import Fit, fits, lengths, usual_truths
from sla.claims.periods import PERIODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.claims.model import Amount

# Accepted deviations: any figure, 2 digits, "about", the last digit of a very coarse figure.
_CLOSE = Fraction(1, 100)
_COARSE = Fraction(5, 100)
_HEDGED = Fraction(15, 100)
_LOOSE = Fraction(25, 100)
_SURE_DIGITS = 3


def judge(statement: Statement) -> Claim:
    """Return the claim with the right figure, the verdict and its diagnosis."""
    for level in (statement.level, *statement.others):
        if fit := fits(statement, level):
            return _fitting(replace(statement, level=level), fit)
    if _limit_holds(statement):
        return _claim(statement, Verdict.RIGHT, f"true as a limit: {_truth(statement)}")
    if _limit_fails(statement):
        return _claim(statement, Verdict.WRONG, f"not true as a limit: {_truth(statement)}")
    if statement.period is None:
        return _without_period(statement)
    slip = next(slips(statement), None)
    if excuse := _excuse(statement, slip):
        return _claim(statement, Verdict.ROUNDED if excuse.startswith("roughly") else Verdict.UNCLEAR, excuse)
    return _claim(statement, Verdict.WRONG, slip.diagnosis if slip else "no known mistake explains this figure")


def _fitting(statement: Statement, fit: Fit) -> Claim:
    truth = f"{say(fit.expected, statement.amount.unit)}, by a {fit.label}"
    coarse = abs(fit.claimed / fit.expected - 1) > _LOOSE and statement.level.nominal
    coarse = coarse and statement.level.partner is None  # a range of availabilities has a range of downtimes
    if coarse and statement.amount.bound is Bound.EXACT:
        return _claim(statement, Verdict.UNCLEAR, f"too coarse to judge: {truth}")
    verdict = Verdict.RIGHT if fit.exact else Verdict.ROUNDED
    diagnosis = f"exact, by a {fit.label}" if fit.exact else f"rounding only, from {truth}"
    claim = _claim(statement, verdict, diagnosis)
    return replace(claim, claimed=fit.claimed, expected=fit.expected, period=fit.period)


def _limit_holds(statement: Statement) -> bool:
    """Return whether "less than X" or "more than X" is true, and X is not the figure in a wrong unit."""
    amount = statement.amount
    if statement.period is None or amount.bound not in {Bound.BELOW, Bound.ABOVE}:
        return False
    return (
        _is_true_limit(statement, _truths(statement))
        and not _limit_fails(statement)
        and not (amount.digits >= _SURE_DIGITS and any(units(statement)))
    )


def _limit_fails(statement: Statement) -> bool:
    """Return whether a limit is close to the truth, has 3 or more digits, and is false under every common convention.

    "Less than 5 min 13 s" for five nines: 5 min 15 s are allowed. A limit in round figures may be rounded.
    """
    amount = statement.amount
    if statement.period is None or amount.bound not in {Bound.BELOW, Bound.ABOVE} or amount.digits < _SURE_DIGITS:
        return False
    truths = usual_truths(statement)
    near = any(abs(amount.seconds / truth - 1) <= _COARSE for truth in truths)
    plain = statement.strength is Strength.PLAIN and not statement.remark and not statement.others
    return near and plain and not _is_round(amount) and not _is_true_limit(statement, truths)


def _is_true_limit(statement: Statement, truths: Sequence[Fraction]) -> bool:
    below = statement.amount.bound is Bound.BELOW
    return any(t <= r.high if below else t >= r.low for t in truths for r in statement.amount.readings)


def _is_round(amount: Amount) -> bool:
    """Return whether a compound figure ends in tens or quarters, like "52 min 30 s", and so may be rounded."""
    last = re.findall(r"\d+", amount.text)[-1:]
    return amount.unit is None and bool(last) and (int(last[0]) % 10 == 0 or int(last[0]) % 15 == 0)


def _without_period(statement: Statement) -> Claim:
    """Return WRONG for a figure without a period only if 3 or more digits match a factor of 60, else UNCLEAR."""
    sure = statement.amount.digits >= _SURE_DIGITS and statement.amount.bound is not Bound.ABOUT
    slip = next(iter(sixty_slips(statement)), None) if sure and not statement.remark else None
    if slip is None:
        return _claim(statement, Verdict.UNCLEAR, "no period is stated, and none of year, month, week or day fits")
    meant = replace(statement, period=PERIODS[slip.period])
    return _claim(meant, Verdict.WRONG, f"{slip.diagnosis} (the figure of {of_year(slip.period)}; no period is stated)")


def _excuse(statement: Statement, slip: Slip | None) -> str | None:
    """Return why the statement may be right or unclear, None if it is wrong."""
    amount = statement.amount
    deviation = min(abs(r.seconds / t - 1) for r in amount.readings for t in _truths(statement))
    truth = f"{_truth(statement)}; {_off(deviation)}"
    if amount.bound is not Bound.EXACT and deviation <= _HEDGED:
        return f"roughly right: {truth}"
    if deviation <= _CLOSE:
        swapped = slip is not None and slip.kind is Kind.SWAPPED
        return None if swapped else f"close, but no convention gives these digits: {truth}"
    if amount.digits < _SURE_DIGITS and deviation <= _COARSE:
        return f"a coarse figure: {truth}"
    doubt = _doubt(statement, slip)
    return f"{doubt}: {truth}" if doubt else None


def _doubt(statement: Statement, slip: Slip | None) -> str | None:
    certain = slip is not None and statement.amount.digits >= _SURE_DIGITS
    if statement.amount.seconds == 0:
        return "zero at the digits shown"
    if _rounded_up(statement):
        return "rounded up"
    if statement.remark:
        return statement.remark
    if statement.others:
        return "several availabilities are nearby"
    plain = statement.strength is Strength.PLAIN
    up = slip is not None and slip.kind is Kind.UPTIME
    if (not plain and not certain) or (
        (up or slip is None) and not (plain and (statement.labelled or statement.tabled))
    ):
        return "perhaps not a downtime"
    if up and not statement.labelled:
        return "that is the uptime, perhaps intended"
    explained = statement.level.nominal or (slip is not None and slip.kind in {Kind.UNIT, Kind.SWAPPED, Kind.DECIMALS})
    return None if explained else "a measured or computed availability"


def _rounded_up(statement: Statement) -> bool:
    """Return whether the figure is the true value rounded up in its last digit, by at most 25 %."""
    pairs = [(reading, truth) for reading in statement.amount.readings for truth in _truths(statement)]
    return any(2 * r.seconds - r.high < t <= r.seconds < t * (1 + _LOOSE) for r, t in pairs)


def _truths(statement: Statement) -> list[Fraction]:
    return [statement.level.lost * length for _, _, length in lengths(statement)]


def _truth(statement: Statement) -> str:
    period = statement.period or PERIODS["year"]
    left = say(statement.level.lost * period.lengths[0][1])
    return f"{percent(statement.level.ratio)} leaves {left} {of_year(period.name)}"


def _off(deviation: Fraction) -> str:
    return f"{float(deviation * 100):.2g} % off" if deviation < 1 else f"{times(deviation + 1)} as much"


def _claim(statement: Statement, verdict: Verdict, diagnosis: str) -> Claim:
    period = statement.period
    expected = statement.level.lost * period.lengths[0][1] if period else None
    name = period.name if period else None
    claimed = statement.amount.seconds
    return Claim(statement.line, statement.text, statement.level.ratio, claimed, name, expected, verdict, diagnosis)
