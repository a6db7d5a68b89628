"""Judges a statement: is that the downtime which the availability leaves, and if not, what slip gives the figure?

`wrong` is said only of what no convention, no rounding and no way of reading explains. Doubt is `unclear`.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from sla.claims.fitting import Fit, fits, lengths
from sla.claims.model import Bound, Claim, Statement, Strength, Verdict
from sla.claims.periods import PERIODS
from sla.claims.saying import of_year, percent, say, times
from sla.claims.slips import Kind, Slip, sixty_slips, slips, units

# Deviations from the truth that are forgiven: any figure, two digits, "about", the last digit of a very coarse one.
_CLOSE = Fraction(1, 100)
_COARSE = Fraction(5, 100)
_HEDGED = Fraction(15, 100)
_LOOSE = Fraction(25, 100)
_SURE_DIGITS = 3


def judge(statement: Statement) -> Claim:
    """Return the statement with what is true, the factor, a verdict and the reason for it."""
    for level in (statement.level, *statement.others):
        if fit := fits(statement, level):
            return _fitting(replace(statement, level=level), fit)
    if _limit_holds(statement):
        return _claim(statement, Verdict.RIGHT, f"true as a limit: {_truth(statement)}")
    if statement.period is None:
        return _without_period(statement)
    slip = next(slips(statement), None)
    if excuse := _excuse(statement, slip):
        return _claim(statement, Verdict.ROUNDED if excuse.startswith("roughly") else Verdict.UNCLEAR, excuse)
    return _claim(statement, Verdict.WRONG, slip.says if slip else "no common slip gives this figure")


def _fitting(statement: Statement, fit: Fit) -> Claim:
    truth = f"{say(fit.expected, statement.amount.unit)}, by a {fit.label}"
    coarse = abs(fit.claimed / fit.expected - 1) > _LOOSE and statement.level.nominal
    if coarse and statement.amount.bound is Bound.EXACT:
        return _claim(statement, Verdict.UNCLEAR, f"too coarse to judge: {truth}")
    verdict = Verdict.RIGHT if fit.exact else Verdict.ROUNDED
    says = f"exact, by a {fit.label}" if fit.exact else f"rounding only, from {truth}"
    claim = _claim(statement, verdict, says)
    return replace(claim, claimed=fit.claimed, expected=fit.expected, period=fit.period)


def _limit_holds(statement: Statement) -> bool:
    """Whether "less than X" or "more than X" is literally true, and X is not the figure itself in a wrong unit."""
    amount = statement.amount
    if statement.period is None or amount.bound not in {Bound.BELOW, Bound.ABOVE}:
        return False
    below = amount.bound is Bound.BELOW
    true = any(t <= r.high if below else t >= r.low for t in _truths(statement) for r in amount.readings)
    return true and not (amount.digits >= _SURE_DIGITS and any(units(statement)))


def _without_period(statement: Statement) -> Claim:
    """A figure without a period is wrong only if three digits and more agree with a plain slip of 60: no chance hit."""
    sure = statement.amount.digits >= _SURE_DIGITS and statement.amount.bound is not Bound.ABOUT
    slip = next(iter(sixty_slips(statement)), None) if sure and not statement.remark else None
    if slip is None:
        return _claim(statement, Verdict.UNCLEAR, "no period is stated, and none of year, month, week or day fits")
    meant = replace(statement, period=PERIODS[slip.period])
    return _claim(meant, Verdict.WRONG, f"{slip.says} (the figure of {of_year(slip.period)}; no period is stated)")


def _excuse(statement: Statement, slip: Slip | None) -> str | None:
    """Return why the statement may be honest after all; None if it cannot be. Roughly right is no doubt at all."""
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
        return "several availabilities stand near"
    if statement.strength is not Strength.PLAIN and (not certain or (slip and slip.kind is Kind.UPTIME)):
        return "perhaps not a downtime"
    return None if statement.level.nominal or slip else "a measured or computed availability"


def _rounded_up(statement: Statement) -> bool:
    """Whether the figure is the truth with its last digit raised, by a quarter of it at most."""
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


def _claim(statement: Statement, verdict: Verdict, says: str) -> Claim:
    period = statement.period
    expected = statement.level.lost * period.lengths[0][1] if period else None
    name = period.name if period else None
    claimed = statement.amount.seconds
    return Claim(statement.line, statement.text, statement.level.ratio, claimed, name, expected, verdict, says)
