"""How values look on a page: bounded text, times in the portfolio's zone, floored percentages, a scale of nines."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sla.duration import format_bounds, format_duration
from sla.interval import DAY, HOUR, SECOND
from sla.objective import format_nines, format_percent
from sla.state_history import State

if TYPE_CHECKING:
    from fractions import Fraction
    from zoneinfo import ZoneInfo

LONGEST = 300  # characters of a target's own words that a page shows
NINES_SHOWN = 6.0  # the scale's right end: six nines and everything beyond


def bounded(text: str, longest: int = LONGEST) -> str:
    """Return a target's words on one line, without characters that are not seen or turn the line round, and cut.

    Escaping is the template's; this is for what HTML escaping lets through: controls, bidirectional overrides, length.
    """
    seen = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[: longest * 4])
    line = " ".join(seen.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def sentence(text: str) -> str:
    """Return the text with a capital at its beginning, the rest as it was."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as a page shows it: in the portfolio's zone, with UTC for machines and for whoever hovers."""

    iso: str
    utc: str
    local: str


def moment(at: int, zone: ZoneInfo) -> Moment:
    """Return the instant (microseconds, UTC) to the second, floored."""
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at // SECOND)
    local = utc.astimezone(zone)
    return Moment(
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        local.strftime("%Y-%m-%d %H:%M:%S %Z"),
    )


@dataclass(frozen=True, slots=True)
class StateBadge:
    """A state by word, by the name of its shape (drawn in macros.html.j2) and by its style class (the colour)."""

    word: str
    shape: str
    style: str


_LOOKS = {
    State.UP: StateBadge("Up", "tick", "up"),
    State.DOWN: StateBadge("Down", "cross", "down"),
    State.UNKNOWN: StateBadge("Unknown", "query", "unknown"),
}


def state_badge(state: State) -> StateBadge:
    """Return the look of a state. At this very moment every state is in doubt until the next probe: the point shows."""
    return _LOOKS[state.point]


def signed(us: Fraction | int) -> str:
    """Return a duration with a true minus sign where it is negative.

    >>> signed(-90_000_000)
    '−1m 30s'
    """
    return format_duration(us).replace("-", "−")


def age(us: int) -> str:
    """Return how long ago something was, to the second."""
    return format_duration(max(0, us) // SECOND * SECOND)


def near(us: int) -> str:
    """Return how long an incident was, to the nearest second from ten seconds on: its probes are no more punctual.

    >>> near(19_997_000), near(9_250_000)
    ('20s', '9.25s')
    """
    return format_duration((us + SECOND // 2) // SECOND * SECOND if us >= 10 * SECOND else us)


def nines_scale(ratio: Fraction | float, width: float) -> float:
    """Return where the ratio stands on a scale of nines from 0 % to six nines and beyond, 0 <= x <= width.

    The same scale for all: 90 % stands at a sixth, 99 % at two sixths, and 100 % at the end.
    """
    left = 1.0 - float(ratio)
    nines = NINES_SHOWN if left <= 10**-NINES_SHOWN else -math.log10(left)
    return round(min(max(nines, 0.0), NINES_SHOWN) / NINES_SHOWN * width, 2)


def days(us: int) -> str:
    """Return a window's length as its name says it.

    >>> days(30 * DAY), days(DAY), days(HOUR)
    ('30 days', '24 hours', '1 hour')
    """
    for unit, word in ((DAY, "day"), (HOUR, "hour")):
        if us % unit == 0 and us > unit:
            return f"{us // unit} {word}s"
    return "1 hour" if us == HOUR else format_duration(us)


FILTERS = {
    "bounded": bounded,
    "sentence": sentence,
    "percent": format_percent,
    "nines": format_nines,
    "duration": format_duration,
    "durations": lambda bounds: format_bounds(*bounds),
    "signed": signed,
    "age": age,
    "near": near,
    "days": days,
}
