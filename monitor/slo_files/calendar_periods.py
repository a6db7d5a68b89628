"""Calendar windows of OpenSLO: a duration, and an instant at which a period begins."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from sla.calendar import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

# Period -> its duration, and the first day of a period. 2024 began on a Monday.
PERIODS: Final[Mapping[Period, tuple[str, date]]] = {
    Period.DAY: ("1d", date(2024, 1, 1)),
    Period.WEEK: ("1w", date(2024, 1, 1)),
    Period.MONTH: ("1M", date(2024, 1, 1)),
    Period.QUARTER: ("1Q", date(2024, 1, 1)),
    Period.YEAR: ("1Y", date(2024, 1, 1)),
    Period.FISCAL_YEAR: ("1Y", date(2024, 4, 1)),
}
_OTHER_NOTATIONS: Final = {"24h": "1d", "7d": "1w", "3M": "1Q", "4Q": "1Y", "12M": "1Y"}


def period_of(duration: str, start: str) -> Period | None:
    """Return the calendar period of this duration that begins at the local time `start`. None if there is none."""
    length, first_day = _OTHER_NOTATIONS.get(duration, duration), _midnight(start)
    matching = (period for period, (notation, _) in PERIODS.items() if notation == length)
    return next((p for p in matching if first_day is not None and p.around(first_day)[0] == first_day), None)


def _midnight(text: str) -> date | None:
    """Return the day that begins at the local time. None if the text is not a midnight."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if instant.tzinfo is not None or instant.time().isoformat() != "00:00:00" else instant.date()
