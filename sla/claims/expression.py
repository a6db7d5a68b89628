"""Parse and evaluate printed arithmetic exactly: numbers, percentages, `+ - * / ^` and brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.claims.number_format import decimal

if TYPE_CHECKING:
    from fractions import Fraction

_MAX_CHARACTERS, _MAX_DEPTH = 400, 20
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,18}(?:\.\d{1,18})?|\.\d{1,18})\s*(?P<percent>%)?|(?P<sign>[-+*/^()]))"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A printed number: its value (a percentage as a ratio), the unit of its last place, and whether it has a `%`."""

    value: Fraction
    ulp: Fraction
    percent: bool

    @property
    def may_be_availability(self) -> bool:
        """Whether the number may be an availability or a failure probability: a percentage, or a fraction of 1."""
        return self.percent or (0 < self.value < 1)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its value, its numbers in order, and its terms if it is a sum of products."""

    value: Fraction
    numbers: tuple[Number, ...]
    operators: str
    terms: tuple[tuple[Number, ...], ...]


def parse(text: str) -> Expression | None:
    """Return the parsed expression. None if the text is not an expression, divides by zero, or is too long."""
    if len(text) > _MAX_CHARACTERS or text.count("(") > _MAX_DEPTH:
        return None
    tokens = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        tokens.append(_token(match))
        position = match.end()
    try:
        parser = _Parser(tokens)
        value = parser.sum()
    except (IndexError, ValueError, ZeroDivisionError):
        return None
    if parser.position != len(tokens):
        return None
    numbers = tuple(t for t in tokens if isinstance(t, Number))
    return Expression(value, numbers, "".join(t for t in tokens if isinstance(t, str)), _terms(tokens))


def _token(match: re.Match[str]) -> Number | str:
    if match["sign"]:
        return match["sign"]
    value, ulp = decimal(match["number"])
    scale = 100 if match["percent"] else 1
    return Number(value / scale, ulp / scale, bool(match["percent"]))


def _terms(tokens: list[Number | str]) -> tuple[tuple[Number, ...], ...]:
    """Return the factors of each term of `a * b + c * d`, empty for any other form."""
    terms: list[list[Number]] = [[]]
    for piece in tokens:
        if isinstance(piece, Number):
            terms[-1].append(piece)
        elif piece == "+":
            terms.append([])
        elif piece not in "*()":
            return ()
    return tuple(tuple(term) for term in terms)


class _Parser:
    """A recursive descent parser. Raises IndexError or ValueError if the tokens are not an expression."""

    def __init__(self, tokens: list[Number | str]) -> None:
        self._tokens = tokens
        self.position = 0

    def _peek(self) -> Number | str | None:
        return self._tokens[self.position] if self.position < len(self._tokens) else None

    def _next(self) -> Number | str:
        self.position += 1
        return self._tokens[self.position - 1]

    def sum(self) -> Fraction:
        value = self._product()
        while self._peek() in {"+", "-"}:
            value = value + self._product() if self._next() == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._power()
        while self._peek() in {"*", "/", "("}:
            if self._peek() == "(":
                value *= self._power()
            else:
                value = value * self._power() if self._next() == "*" else value / self._power()
        return value

    def _power(self) -> Fraction:
        base = self._atom()
        if self._peek() != "^":
            return base
        self._next()
        exponent = self._atom()
        if exponent.denominator != 1 or not 0 <= exponent <= 64:
            raise ValueError("only small integer powers are supported")
        return base ** int(exponent)

    def _atom(self) -> Fraction:
        piece = self._next()
        if isinstance(piece, Number):
            return piece.value
        if piece != "(":
            raise ValueError(piece)
        value = self.sum()
        if self._next() != ")":
            raise ValueError("unclosed bracket")
        return value
