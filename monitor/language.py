"""Languages of public pages, messages and the executive summary: texts, dates and numbers.

English texts are in the code and are the keys of the gettext catalogues in `monitor/locales/`, which `make
translations` updates. Babel reads the catalogues and formats dates and numbers; it is imported only for languages other
than English.
"""

from __future__ import annotations

import asyncio
import io
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sla.duration import format_duration
from sla.interval import MINUTE
from sla.localtime import local
from sla.objective import format_percent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from sla.objective import Objective

LOCALES: Final = Path(__file__).parent / "locales"
NAMES: Final = {"en": "English", "fr": "Français"}
"""The languages by code, with their own names."""

_BABEL_LOCALES: Final = {"fr": "fr_CA"}
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_FRENCH_UNITS: Final = {"d": "j", "m": "min"}  # the other units have the same symbol
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([a-zµ]+)")


def translatable(text: str) -> str:
    """Return the text unchanged: a mark for the catalogues, for texts that are translated where they are used."""
    return text


class Language:
    """English: texts from the code, and the formats of private pages. Other languages override both."""

    code = "en"

    def gettext(self, text: str) -> str:
        """Return the translation of a text, or the text itself if the catalogue does not contain it."""
        return text

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the translation of a text in the grammatical number of the count."""
        return one if count == 1 else many

    def percent(self, ratio: Fraction | float | None, digits: int = 3) -> str:
        """Return the ratio as a percentage, rounded down."""
        return format_percent(ratio, digits)

    def objective(self, objective: Objective | None) -> str:
        """Return the percentage of an objective with all its digits; `n/a` for None."""
        return "n/a" if objective is None else str(objective)

    def duration(self, microseconds: int | Fraction) -> str:
        """Return a duration in its largest units, rounded down."""
        return format_duration(microseconds)

    def minute(self, at: int, zone: ZoneInfo) -> str:
        """Return an instant in the zone, rounded down to the minute."""
        return f"{local(at // MINUTE * MINUTE, zone):%Y-%m-%d %H:%M %Z}"

    def day(self, day: date) -> str:
        """Return a date with its day of the week."""
        return f"{day:%a} {day.day} {day:%b %Y}"

    def month(self, day: date) -> str:
        """Return the month of a date."""
        return f"{day:%B %Y}"


class French(Language):
    """Canadian French, with the spaces and symbols of the Office québécois de la langue française."""

    code = "fr"

    def __init__(self) -> None:
        from babel import dates, numbers, support

        self._translations = support.Translations(io.BytesIO(_compiled(self.code)))
        self._dates: Any = dates
        self._numbers: Any = numbers
        self._locale = _BABEL_LOCALES[self.code]

    def gettext(self, text: str) -> str:
        """Return the translation of a text, or the text itself if the catalogue does not contain it."""
        return str(self._translations.gettext(text)) if text else text

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the translation of a text in the grammatical number of the count."""
        return str(self._translations.ngettext(one, many, count))

    def percent(self, ratio: Fraction | float | None, digits: int = 3) -> str:
        """Return the ratio as a percentage, rounded down: `98,5 %`."""
        return self._percentage(format_percent(ratio, digits))

    def objective(self, objective: Objective | None) -> str:
        """Return the percentage of an objective with all its digits; `s. o.` for None."""
        return self._percentage(super().objective(objective))

    def _percentage(self, text: str) -> str:
        if not text.endswith("%"):
            return self.gettext(text)
        return f"{self._decimal(text[:-1])}{_NO_BREAK}%"

    def _decimal(self, text: str) -> str:
        """Return the number with all digits of the text."""
        digits = len(text.partition(".")[2])
        pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
        return str(self._numbers.format_decimal(Decimal(text), format=pattern, locale=self._locale))

    def duration(self, microseconds: int | Fraction) -> str:
        """Return a duration in its largest units, rounded down: `1 h 27 min`."""

        def part(match: re.Match[str]) -> str:
            return f"{self._decimal(match[1])}{_NO_BREAK}{_FRENCH_UNITS.get(match[2], match[2])}"

        return _PART.sub(part, format_duration(microseconds)).replace("-", "−").replace(" ", _NO_BREAK)

    def minute(self, at: int, zone: ZoneInfo) -> str:
        """Return an instant in the zone, rounded down to the minute: `30 novembre 2026, 9 h 05 (UTC-07:00)`.

        An offset is exact; names of zones differ between databases, and `HNP` would be wrong where clocks stay on
        daylight saving time.
        """
        moment = local(at, zone)
        pattern = f"{_day_number(moment)} MMMM y, H{_NO_BREAK}'h'{_NO_BREAK}mm (ZZZZ)"
        return str(self._dates.format_datetime(moment, pattern, tzinfo=zone, locale=self._locale))

    def day(self, day: date) -> str:
        """Return a date with its day of the week: `lun. 30 nov. 2026`."""
        return str(self._dates.format_date(day, f"EEE {_day_number(day)} MMM y", locale=self._locale))

    def month(self, day: date) -> str:
        """Return the month of a date: `novembre 2026`."""
        return str(self._dates.format_date(day, "MMMM y", locale=self._locale))


def _day_number(day: date | datetime) -> str:
    """Return the pattern for the day of the month, which is an ordinal for the first."""
    return "d'er'" if day.day == 1 else "d"


def _compiled(code: str) -> bytes:
    """Return the catalogue of a language in gettext's binary form."""
    from babel.messages import mofile, pofile

    with catalogue_path(code).open("rb") as file:
        catalogue = pofile.read_po(file, locale=_BABEL_LOCALES[code])
    binary = io.BytesIO()
    mofile.write_mo(binary, catalogue)
    return binary.getvalue()


def catalogue_path(code: str) -> Path:
    """Return the path of the catalogue of a language."""
    return LOCALES / f"{code}.po"


ENGLISH: Final = Language()


@cache
def _french() -> French:
    return French()


def language(code: str) -> Language:
    """Return the language with a code of `NAMES`."""
    return _french() if code == "fr" else ENGLISH


async def loaded(codes: Iterable[str]) -> None:
    """Read the catalogues of the languages in a thread, because reading would block the event loop."""
    for code in codes:
        if code != ENGLISH.code:
            await asyncio.to_thread(language, code)
