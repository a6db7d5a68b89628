"""Parse printed numbers: decimal points, decimal commas and thousands separators."""

from __future__ import annotations

import re
from fractions import Fraction

# Markers for a dot or space that groups thousands: private-use characters, which pages do not contain.
GROUP_DOT, GROUP_SPACE = "\ue000", "\ue001"
_RESTORED = str.maketrans({GROUP_DOT: ".", GROUP_SPACE: " "})

_GROUPING = re.compile(rf"(?<=\d)[,\u00a0\u202f\u2009’'{GROUP_DOT}{GROUP_SPACE}](?=\d{{3}}(?:\D|$))")
_AFTER = r"\s*(?:[%％]|[^\W\d_]|$|[|;\"])"
_COMMA = re.compile(rf"(?<![\d.,])\d{{1,3}},(?:\d{{1,2}}(?!\d){_AFTER}|\d+\s*[%％])", re.MULTILINE)
_POINT = re.compile(rf"(?<![\d.,])\d{{1,3}}\.(?:\d{{1,2}}(?![\d.]){_AFTER}|\d+\s*[%％])", re.MULTILINE)
# Words of languages that group thousands with a dot.
_DOT_LANGUAGE = re.compile(
    r"(?<![^\W\d_])(?:minuten|stunden?|sekunden?|tagen?|jahr|monat|minutos|segundos|horas|d[ií]as|a[ñn]o)(?![^\W\d_])",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?![\d.]|\s*[%％])")
_DOT_AND_COMMA = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?=,\d)")
_SPACED = re.compile(r"(?<![\d.,])(?<!\d )\d{1,3}(?: \d{3})+(?=(?:,\d+)?\s*[^\W\d_])(?!\s*[%％])")


def has_decimal_commas(text: str) -> bool:
    """Return whether a page uses decimal commas: more numbers with 1 or 2 decimals have a comma than a point.

    On a tie, for example if there are none, the page's language decides.
    """
    commas, points = len(_COMMA.findall(text)), len(_POINT.findall(text))
    return bool(_DOT_LANGUAGE.search(text)) if commas == points else commas > points


def mark_groups(text: str, *, commas: bool) -> str:
    """Replace thousands separators with marker characters of the same length.

    `8.672,4` is always marked, `5.256` only on a page with decimal commas, `8 760 h` only before a unit.
    """
    marked = _DOT_AND_COMMA.sub(_dots, text)
    if commas:
        marked = _DOTTED.sub(_dots, marked)
    return _SPACED.sub(lambda match: match[0].replace(" ", GROUP_SPACE), marked)


def restore_groups(text: str) -> str:
    """Replace the markers of `mark_groups` with the original separators."""
    return text.translate(_RESTORED)


def _dots(match: re.Match[str]) -> str:
    return match[0].replace(".", GROUP_DOT)


def decimal(text: str) -> tuple[Fraction, Fraction]:
    """Return a number's value and the unit of its last place. A comma is a decimal comma unless it groups thousands."""
    plain = _GROUPING.sub("", text) if not text.startswith("0,") else text
    plain = plain.replace(",", ".")
    places = len(plain.partition(".")[2])
    return Fraction(plain), Fraction(1, 10**places)
