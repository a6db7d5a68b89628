"""Format values for pages: shortened text, times in the portfolio's zone, floored percentages, a scale of nines."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.language import ENGLISH
from sla.duration import format_bounds, format_duration
from sla.interval import DAY, HOUR, SECOND
from sla.objective import format_nines, format_percent
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.language import Language
    from sla.budget_window import BudgetWindow

MAX_TEXT = 300  # characters of a target's text that a page shows
NINES_SHOWN = 6.0  # at the right end of the scale: six nines or more


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Return a target's text on one line, truncated, without control characters and bidirectional overrides.

    The template escapes HTML only, not these characters.
    """
    printable = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[: limit * 4])
    line = re.sub(r"[^\S\u00a0]+", " ", printable).strip()  # French texts have no-break spaces
    return line if len(line) <= limit else line[: limit - 1] + "…"


def sentence(text: str) -> str:
    """Return the text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a text. `href` is the target of its link, empty without a link."""

    text: str
    href: str


def split_links(text: str, links: Mapping[str, str]) -> list[TextPart]:
    """Return the text in parts: each word that is a key of `links` is a part with its link.

    >>> [part.text for part in split_links("open: 4f0c, 51d2", {"4f0c": "#a"}) if part.href]
    ['4f0c']
    """
    pieces = re.split(r"(\w+)", text)
    return [TextPart(piece, links.get(piece, "")) for piece in pieces if piece]


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as a page shows it: in the portfolio's zone, with UTC for machines and the tooltip."""

    at: int
    zone: ZoneInfo
    iso: str
    utc: str
    local: str

    def text(self, language: Language) -> str:
        """Return the instant in a language, in other languages than English to the minute."""
        return self.local if language is ENGLISH else language.minute(self.at, self.zone)


def moment(at: int, zone: ZoneInfo) -> Moment:
    """Return the instant (microseconds, UTC) to the second, floored."""
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at // SECOND)
    local = utc.astimezone(zone)
    return Moment(
        at,
        zone,
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        local.strftime("%Y-%m-%d %H:%M:%S %Z"),
    )


@dataclass(frozen=True, slots=True)
class StateBadge:
    """A state as a label, the name of a shape (drawn in macros.html.j2) and a style class (the colour)."""

    label: str
    shape: str
    style: str


_BADGES = {
    State.UP: StateBadge("Up", "tick", "up"),
    State.DOWN: StateBadge("Down", "cross", "down"),
    State.UNKNOWN: StateBadge("Unknown", "query", "unknown"),
}


DOWN_BY_DESIGN = StateBadge("Down by design", "cross", "by-design")


def state_badge(state: State) -> StateBadge:
    """Return the badge of a state's estimate, because the present is in doubt until the next probe."""
    return _BADGES[state.point]


def signed_duration(us: Fraction | int) -> str:
    """Return a duration, with a minus sign (U+2212) if negative.

    >>> signed_duration(-90_000_000)
    '−1m 30s'
    """
    return format_duration(us).replace("-", "−")


def age(us: int) -> str:
    """Return an age, rounded down to seconds."""
    return format_duration(max(0, us) // SECOND * SECOND)


def rounded_duration(us: int) -> str:
    """Return the duration of an incident, rounded to seconds from 10 s on (the precision of the probes' schedule).

    >>> rounded_duration(19_997_000), rounded_duration(9_250_000)
    ('20s', '9.25s')
    """
    return format_duration((us + SECOND // 2) // SECOND * SECOND if us >= 10 * SECOND else us)


def nines_scale(ratio: Fraction | float, width: float) -> float:
    """Return the position of the ratio on a scale of nines from 0 % to six nines and more, 0 <= x <= width.

    90 % is at one sixth, 99 % at two sixths, and 100 % at the end.
    """
    unavailability = 1.0 - float(ratio)
    nines = NINES_SHOWN if unavailability <= 10**-NINES_SHOWN else -math.log10(unavailability)
    return round(min(max(nines, 0.0), NINES_SHOWN) / NINES_SHOWN * width, 2)


def window_name(us: int) -> str:
    """Return the length of a window in words.

    >>> window_name(30 * DAY), window_name(DAY), window_name(HOUR)
    ('30 days', '24 hours', '1 hour')
    """
    for unit, word in ((DAY, "day"), (HOUR, "hour")):
        if us % unit == 0 and us > unit:
            return f"{us // unit} {word}s"
    return "1 hour" if us == HOUR else format_duration(us)


def own_window(window: BudgetWindow) -> str:
    """Return the present window of an objective in words.

    >>> from sla.budget_window import BudgetWindow
    >>> from sla.calendar import Period
    >>> own_window(BudgetWindow(30 * DAY)), own_window(BudgetWindow.calendar(Period.MONTH))
    ('the last 30 days', 'this month')
    """
    return f"the last {window_name(window.length)}" if window.period is None else f"this {window.period.text}"


def window_of_objective(window: BudgetWindow) -> str:
    """Return the window of an objective in words.

    >>> from sla.budget_window import BudgetWindow
    >>> from sla.calendar import Period
    >>> window_of_objective(BudgetWindow(30 * DAY)), window_of_objective(BudgetWindow.calendar(Period.MONTH))
    ('30 days', 'each month')
    """
    return window_name(window.length) if window.period is None else f"each {window.period.text}"


FILTERS = {
    "shorten": shorten,
    "sentence": sentence,
    "linked": split_links,
    "percent": format_percent,
    "nines": format_nines,
    "duration": format_duration,
    "durations": lambda bounds: format_bounds(*bounds),
    "signed": signed_duration,
    "age": age,
    "rounded": rounded_duration,
    "window_name": window_name,
    "own_window": own_window,
    "window_of_objective": window_of_objective,
}
