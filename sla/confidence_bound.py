"""Compute the exact lower confidence bound of a proportion, with the standard library only.

See measurement.md, section 6. Clopper and Pearson (1934): the bound is the p with P(X >= good | known, p) = 0.05.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

ALPHA = 0.05  # one-sided 95 %

# Coefficients of Stirling's series for log n! beyond its leading terms: B_2k / (2k (2k - 1)), DLMF 5.11.1.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


@dataclass(frozen=True, slots=True)
class ConfidenceBound:
    """A lower bound of the availability at 95 % confidence, and its nines."""

    availability: float
    nines: float


@lru_cache(maxsize=4096)
def lower_confidence_bound(good: int, known: int) -> ConfidenceBound | None:
    """Return the exact one-sided 95 % Clopper-Pearson lower bound for `good` out of `known`. None if `known` is 0.

    The bound assumes independent observations, which is only approximately true for probes of one target per minute.

    Raises:
        ValueError: good is not within 0 and known.
    """
    if not 0 <= good <= known:
        raise ValueError(f"{good} good observations out of {known}")
    if known == 0:
        return None
    if good == 0:
        return ConfidenceBound(0.0, 0.0)
    if good == known:
        return _confidence_bound(ALPHA ** (1 / known), -math.expm1(math.log(ALPHA) / known))
    return _confidence_bound(*_solve(good, known - good))


def _confidence_bound(up: float, down: float) -> ConfidenceBound:
    """Return the bound. The nines are computed from the smaller share, which has more significant digits."""
    return ConfidenceBound(up, -math.log10(down) if down < 0.5 else -math.log1p(-up) / math.log(10))


def _solve(good: int, bad: int) -> tuple[float, float]:
    """Return the shares (up, down) for which at most `bad` observations are bad with probability ALPHA.

    Uses Newton's method on the logarithm of the probability as a function of the log-odds of down, so that both shares
    have full relative precision. This function is concave (the probability is the tail of a log-concave density), so
    the method converges from any start without a bracket.
    """
    odds = math.log(bad / good)
    step = 1.0
    while abs(step) > 1e-10:  # Newton's method: the next step would be about the square of this one
        up, down = 1 / (1 + math.exp(odds)), 1 / (1 + math.exp(-odds))
        sum_of_ratios = _sum_of_ratios(good, bad, up / down)
        tail = _log_probability(good, bad, up, down) + math.log(sum_of_ratios)
        # d log(tail) / d odds = -good x down x P(bad) / tail
        step = (tail - math.log(ALPHA)) * sum_of_ratios / (good * down)
        odds += step
    return 1 / (1 + math.exp(odds)), 1 / (1 + math.exp(-odds))


def _sum_of_ratios(good: int, bad: int, ratio: float) -> float:
    """Return P(at most `bad`) / P(exactly `bad`), a sum of about sqrt(bad) positive terms and so precise."""
    total = term = 1.0
    for k in range(bad):
        term *= (bad - k) * ratio / (good + k + 1)
        total += term
        if term < 1e-17 * total:
            break
    return total


def _log_probability(good: int, bad: int, up: float, down: float) -> float:
    """Return the log of the binomial probability of exactly `bad`.

    Method of Loader (2000), "Fast and accurate computation of binomial probabilities": near the mean the terms are
    small, while log-gammas of large numbers would cancel. For the same reason the excess is computed for the rarer
    outcome.
    """
    known = good + bad
    excess = known * down - bad if bad < good else good - known * up
    return (
        _stirling_error(known)
        - _stirling_error(good)
        - _stirling_error(bad)
        + bad * math.log1p(excess / bad)
        + good * math.log1p(-excess / good)
        + 0.5 * math.log(known / (2 * math.pi * good * bad))
    )


def _stirling_error(n: int) -> float:
    """Return log n! minus Stirling's approximation n log n - n + log(2 pi n) / 2."""
    if n < 16:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    return math.fsum(c / n ** (2 * k + 1) for k, c in enumerate(_STIRLING))
