"""Check whether the duration of a statement is the allowed downtime, and if not, which mistake explains it.

A statement is `wrong` only if no convention, rounding or interpretation explains it. Uncertain cases are `unclear`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.claims.figure_text import duration_text, factor_text, per_period_text, percent_text
from sla.claims.known_mistakes import Mistake, MistakeKind, factor_60_mistakes, find_mistakes, unit_mistakes
from sla.claims.model import Claim, ClaimVerdict, LinkStrength, Qualifier, Statement
from sla.claims.period_fit import Fit, find_fit, period_lengths, usual_true_values
from sla.claims.periods import PERIODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.claims.model import PrintedDuration

# Accepted relative deviations.
_CLOSE = Fraction(1, 100)  # for any figure
_COARSE = Fraction(5, 100)  # for a figure of up to 2 digits
_APPROXIMATE = Fraction(15, 100)  # for "about ..."
_MAX_ROUNDING = Fraction(25, 100)  # for rounding the last digit of a very coarse figure
_MIN_DIGITS = 3  # significant digits


def check_statement(statement: Statement) -> Claim:
    """Return the claim with the right figure, the verdict and its diagnosis."""
    for level in (statement.level, *statement.others):
        if fit := find_fit(statement, level):
            return _claim_that_fits(replace(statement, level=level), fit)
    if _is_plausible_limit(statement):
        return _claim(statement, ClaimVerdict.RIGHT, f"true as a limit: {_true_figure_text(statement)}")
    if _is_refuted_limit(statement):
        return _claim(statement, ClaimVerdict.WRONG, f"not true as a limit: {_true_figure_text(statement)}")
    if statement.period is None:
        return _claim_without_period(statement)
    mistake = next(find_mistakes(statement), None)
    if reason := _reason_not_wrong(statement, mistake):
        return _claim(statement, ClaimVerdict.ROUNDED if reason.startswith("roughly") else ClaimVerdict.UNCLEAR, reason)
    return _claim(
        statement, ClaimVerdict.WRONG, mistake.diagnosis if mistake else "no known mistake explains this figure"
    )


def _claim_that_fits(statement: Statement, fit: Fit) -> Claim:
    truth = f"{duration_text(fit.expected, statement.duration.unit)}, for a {fit.label}"
    is_coarse = abs(fit.claimed / fit.expected - 1) > _MAX_ROUNDING and statement.level.nominal
    is_coarse = is_coarse and statement.level.other_end is None  # a range of availabilities has a range of downtimes
    if is_coarse and statement.duration.qualifier is Qualifier.EXACT:
        return _claim(statement, ClaimVerdict.UNCLEAR, f"too coarse to judge: {truth}")
    verdict = ClaimVerdict.RIGHT if fit.exact else ClaimVerdict.ROUNDED
    diagnosis = f"exact, for a {fit.label}" if fit.exact else f"rounded from {truth}"
    claim = _claim(statement, verdict, diagnosis)
    return replace(claim, claimed=fit.claimed, expected=fit.expected, period=fit.period)


def _is_plausible_limit(statement: Statement) -> bool:
    """Return whether "less than X" or "more than X" is true, and X is not the right figure with a wrong unit."""
    duration = statement.duration
    if statement.period is None or duration.qualifier not in {Qualifier.BELOW, Qualifier.ABOVE}:
        return False
    return (
        _limit_holds(statement, _true_values(statement))
        and not _is_refuted_limit(statement)
        and not (duration.digits >= _MIN_DIGITS and any(unit_mistakes(statement)))
    )


def _is_refuted_limit(statement: Statement) -> bool:
    """Return whether a limit of 3 or more digits is close to the true value but false under each common convention.

    "Less than 5 min 13 s" for five nines: 5 min 15 s are allowed. A limit in round figures may be rounded.
    """
    duration = statement.duration
    if (
        statement.period is None
        or duration.qualifier not in {Qualifier.BELOW, Qualifier.ABOVE}
        or duration.digits < _MIN_DIGITS
    ):
        return False
    true_values = usual_true_values(statement)
    is_near = any(abs(duration.seconds / truth - 1) <= _COARSE for truth in true_values)
    is_unambiguous = statement.strength is LinkStrength.EXPLICIT and not statement.remark and not statement.others
    return is_near and is_unambiguous and not _is_round(duration) and not _limit_holds(statement, true_values)


def _limit_holds(statement: Statement, true_values: Sequence[Fraction]) -> bool:
    below = statement.duration.qualifier is Qualifier.BELOW
    return any(t <= r.high if below else t >= r.low for t in true_values for r in statement.duration.interpretations)


def _is_round(duration: PrintedDuration) -> bool:
    """Return whether a compound figure may be rounded because it ends in tens or quarters, like "52 min 30 s"."""
    last = re.findall(r"\d+", duration.text)[-1:]
    return duration.unit is None and bool(last) and (int(last[0]) % 10 == 0 or int(last[0]) % 15 == 0)


def _claim_without_period(statement: Statement) -> Claim:
    """Return WRONG for a figure without a period only if 3 or more digits match a factor of 60, else UNCLEAR."""
    is_precise = statement.duration.digits >= _MIN_DIGITS and statement.duration.qualifier is not Qualifier.ABOUT
    mistake = next(iter(factor_60_mistakes(statement)), None) if is_precise and not statement.remark else None
    if mistake is None:
        return _claim(statement, ClaimVerdict.UNCLEAR, "no period is stated, and none of year, month, week or day fits")
    inferred = replace(statement, period=PERIODS[mistake.period])
    return _claim(
        inferred,
        ClaimVerdict.WRONG,
        f"{mistake.diagnosis} (the figure of {per_period_text(mistake.period)}; no period is stated)",
    )


def _reason_not_wrong(statement: Statement, mistake: Mistake | None) -> str | None:
    """Return why the statement may be right, or why it is unclear. None if it is wrong."""
    duration = statement.duration
    deviation = min(abs(r.seconds / t - 1) for r in duration.interpretations for t in _true_values(statement))
    truth = f"{_true_figure_text(statement)}; {_deviation_text(deviation)}"
    if duration.qualifier is not Qualifier.EXACT and deviation <= _APPROXIMATE:
        return f"roughly right: {truth}"
    if deviation <= _CLOSE:
        swapped = mistake is not None and mistake.kind is MistakeKind.SWAPPED
        return None if swapped else f"close, but no convention gives these digits: {truth}"
    if duration.digits < _MIN_DIGITS and deviation <= _COARSE:
        return f"a coarse figure: {truth}"
    unclear = _reason_unclear(statement, mistake)
    return f"{unclear}: {truth}" if unclear else None


def _reason_unclear(statement: Statement, mistake: Mistake | None) -> str | None:
    is_certain = mistake is not None and statement.duration.digits >= _MIN_DIGITS
    if statement.duration.seconds == 0:
        return "rounds to zero at the printed precision"
    if _rounded_up(statement):
        return "rounded up"
    if statement.remark:
        return statement.remark
    if statement.others:
        return "the text gives several availabilities for this duration"
    is_explicit = statement.strength is LinkStrength.EXPLICIT
    is_uptime = mistake is not None and mistake.kind is MistakeKind.UPTIME
    if (not is_explicit and not is_certain) or (
        (is_uptime or mistake is None) and not (is_explicit and (statement.has_downtime_label or statement.in_table))
    ):
        return "possibly not a downtime"
    if is_uptime and not statement.has_downtime_label:
        return "the figure is the uptime, which may be intended"
    explained = statement.level.nominal or (
        mistake is not None and mistake.kind in {MistakeKind.UNIT, MistakeKind.SWAPPED, MistakeKind.DECIMALS}
    )
    return None if explained else "the availability is not a usual target; it may be measured or computed"


def _rounded_up(statement: Statement) -> bool:
    """Return whether the figure is the true value rounded up in its last digit, by at most 25 %."""
    pairs = [
        (interpretation, truth)
        for interpretation in statement.duration.interpretations
        for truth in _true_values(statement)
    ]
    return any(2 * r.seconds - r.high < t <= r.seconds < t * (1 + _MAX_ROUNDING) for r, t in pairs)


def _true_values(statement: Statement) -> list[Fraction]:
    return [statement.level.unavailability * length for _, _, length in period_lengths(statement)]


def _true_figure_text(statement: Statement) -> str:
    period = statement.period or PERIODS["year"]
    allowed = duration_text(statement.level.unavailability * period.lengths[0][1])
    return f"{percent_text(statement.level.ratio)} allows {allowed} {per_period_text(period.name)}"


def _deviation_text(deviation: Fraction) -> str:
    return f"{float(deviation * 100):.2g} % off" if deviation < 1 else f"{factor_text(deviation + 1)} as much"


def _claim(statement: Statement, verdict: ClaimVerdict, diagnosis: str) -> Claim:
    period = statement.period
    expected = statement.level.unavailability * period.lengths[0][1] if period else None
    name = period.name if period else None
    claimed = statement.duration.seconds
    return Claim(statement.line, statement.text, statement.level.ratio, claimed, name, expected, verdict, diagnosis)
