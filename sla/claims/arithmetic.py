"""Check printed arithmetic over availabilities: `99.95% x 99.99% = 99.94%`, weighted sums, powers."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from sla.claims.expression import Expression, Number, parse
from sla.claims.figure_text import number_text, percent_text
from sla.claims.model import Claim, ClaimVerdict
from sla.claims.vocabulary import AVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Passage

_EQUATION = re.compile(r"[\d.(][\d.,%()*+\-/^ =]*=[\d.,%()*+\-/^ =]*\d\s*%?")
_SIGNS = str.maketrans(
    {
        "×": "*",
        "·": "*",
        "⋅": "*",
        "∙": "*",
        "✕": "*",
        "∗": "*",
        "−": "-",
        "–": "-",
        "÷": "/",
        "≈": "=",
        "≅": "=",
        "\\": " ",
    }
)
_CROSS = re.compile(r"(?<=[\d%)\s])[xX](?=[\s\d(])")
_DECIMAL_COMMA = re.compile(r"(?<=\b\d\d),(?=\d+\s*%)|(?<=\b0),(?=\d)")
_WORDS = re.compile(r"\([^()]*[A-Za-z][^()]*\)|\btimes\b|[²³⁴]")
_MIN_PERCENTAGE, _MIN_RATIO = Fraction(9, 10), Fraction(1, 2)  # smaller figures are not read as availabilities
_POWERS = {"²": "^2", "³": "^3", "⁴": "^4"}


def check(passage: Passage, text_above: str = "") -> Iterator[Claim]:
    """Yield a claim for each equation over availabilities in the passage. `text_above` precedes the passage."""
    if "=" not in passage.text and "≈" not in passage.text:
        return
    mentions_availability = bool(AVAILABILITY.search(f"{text_above} {passage.text}"))
    text = _normalize_signs(passage.text)
    for run in _EQUATION.finditer(text):
        if text[run.end() : run.end() + 1].isalpha() or text[run.end() :].lstrip()[:1] in {"*", "^"}:
            continue
        sides = [(parse(side), side) for side in run[0].split("=")]
        for (left, left_text), (right, right_text) in pairwise(sides):
            if left and right and _is_claim(left, right, mentions_availability):
                claim = _check_equation(
                    left, right, passage.line(run.start()), f"{left_text.strip()} = {right_text.strip()}"
                )
                if claim:
                    yield claim


def _normalize_signs(text: str) -> str:
    """Return the text with one symbol per operator. Offsets do not change, except after powers (`²`)."""
    signs = _DECIMAL_COMMA.sub(".", text.translate(_SIGNS))
    normalized = _WORDS.sub(lambda m: _POWERS.get(m[0]) or ("*" if m[0] == "times" else " ").ljust(len(m[0])), signs)
    return _CROSS.sub("*", normalized)


def _is_claim(left: Expression, right: Expression, mentions_availability: bool) -> bool:
    """Return whether this is an equation over availabilities.

    The left side needs a percentage of 90 or more. If the page mentions availability, it is sufficient that a ratio is
    0.5 or more, or that two failure probabilities result in an availability.
    """
    if len(left.numbers) < 2 or not right.numbers or set(right.operators) - set("+()"):
        return False
    if not (_MIN_RATIO <= right.value <= 1 or 50 <= right.value <= 100 or _weight_sum(left)):
        return False
    if any(n.percent and n.value >= _MIN_PERCENTAGE for n in left.numbers):
        return True
    ratios = [n for n in left.numbers if n.may_be_availability]
    return mentions_availability and (
        any(n.value >= _MIN_RATIO for n in ratios) or (len(ratios) > 1 and right.value > _MIN_RATIO)
    )


def _check_equation(left: Expression, right: Expression, line: int, text: str) -> Claim | None:
    figure = right.numbers[0] if len(right.numbers) == 1 else _sum_as_number(right)
    result = _verdict(left, figure)
    if result is None:
        return None
    ratio = figure.value if figure.value <= 1 else figure.value / 100
    return Claim(line, text, ratio if ratio < 1 else None, None, None, None, *result)


def _sum_as_number(right: Expression) -> Number:
    """Return a sum as one number with the combined uncertainty of its terms."""
    return Number(right.value, sum((n.ulp for n in right.numbers), Fraction(0)), percent=False)


def _verdict(left: Expression, figure: Number) -> tuple[ClaimVerdict, str] | None:
    weights = _weight_sum(left)
    if weights is not None and abs(weights - 1) > _weight_tolerance(left):
        if _agrees(left.value / weights, figure, left):
            return ClaimVerdict.ROUNDED, f"right once the weights are normalised; they sum to {number_text(weights)}"
        return (
            ClaimVerdict.WRONG,
            f"the weights sum to {number_text(weights)}, not 1; as printed the sum is {percent_text(left.value)}",
        )
    if left.value == figure.value:
        return ClaimVerdict.RIGHT, "the arithmetic is right"
    if _agrees(left.value, figure, left):
        return ClaimVerdict.ROUNDED, f"rounded from {percent_text(left.value)}"
    return _mismatch(left, figure)


def _mismatch(left: Expression, figure: Number) -> tuple[ClaimVerdict, str] | None:
    """Return the verdict of an equation whose sides differ. None if a number cannot be an availability or a weight."""
    if "/" in left.operators or not all(_may_be_operand(left, number) for number in left.numbers):
        return None
    diagnosis = f"the {_operation_name(left)} is {percent_text(left.value)}"
    values = [number.value for number in left.numbers]
    if abs(figure.value - sum(values, Fraction(0)) / len(values)) <= figure.ulp / 2:
        return ClaimVerdict.WRONG, f"{diagnosis}; the printed value is the average"
    if figure.value == min(values):
        return ClaimVerdict.WRONG, f"{diagnosis}; the printed value is that of the weakest part"
    if abs(left.value - figure.value) <= figure.ulp:
        return ClaimVerdict.UNCLEAR, f"{diagnosis}; off by less than one in the last digit"
    return ClaimVerdict.WRONG, diagnosis


def _operation_name(left: Expression) -> str:
    if set(left.operators) <= set("*()^"):
        return "product"
    return "sum" if "-" not in left.operators else "result"


def _may_be_operand(left: Expression, number: Number) -> bool:
    return number.may_be_availability or number.value in {0, 1} or _is_exponent(left, number)


def _is_exponent(left: Expression, number: Number) -> bool:
    return "^" in left.operators and number.value.denominator == 1 and not number.percent


def _agrees(value: Fraction, figure: Number, left: Expression) -> bool:
    """Return whether the figure is the rounded value, also without its percent sign. Rounded terms add tolerance."""
    rounded = [n.ulp / 2 for n in left.numbers if n.ulp < Fraction(1, 100) and not n.percent]
    tolerance = sum(rounded, Fraction(0)) if "+" in left.operators else Fraction(0)
    powers = (0,) if all(n.percent for n in (figure, *left.numbers)) else range(-3, 4)
    return any(_is_rounded_or_truncated(value * Fraction(100) ** k, figure, tolerance) for k in powers)


def _is_rounded_or_truncated(value: Fraction, figure: Number, tolerance: Fraction) -> bool:
    """Return whether the figure is the value rounded, or truncated without more than doubling the downtime."""
    if abs(value - figure.value) <= figure.ulp / 2 + tolerance:
        return True
    is_truncated = figure.value <= value < figure.value + figure.ulp + tolerance
    return is_truncated and not 1 - figure.value > 2 * (1 - value) > 0


def _weight_sum(left: Expression) -> Fraction | None:
    """Return the sum of the weights of `w1 * a1 + w2 * a2 ...`: the smaller factors. None for any other form."""
    if len(left.terms) < 2 or any(len(term) != 2 for term in left.terms):
        return None
    weights = [_weight(term) for term in left.terms]
    return sum((w for w in weights if w is not None), Fraction(0)) if all(w is not None for w in weights) else None


def _weight(term: tuple[Number, ...]) -> Fraction | None:
    weight, level = sorted(term, key=lambda number: number.value)
    return weight.value if 0 < weight.value < 1 and (level.value >= Fraction(1, 2)) else None


def _weight_tolerance(left: Expression) -> Fraction:
    return (
        sum((min(n.ulp for n in term) / 2 for term in left.terms), Fraction(0))
        if prod(len(t) for t in left.terms)
        else Fraction(0)
    )
