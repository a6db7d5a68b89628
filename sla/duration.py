"""Format durations in units that people read.

A single figure is truncated, by less than 2 % from a minute on. Bounds are rounded outwards, with enough digits to
distinguish different bounds.
"""

from __future__ import annotations

import math
from fractions import Fraction

from sla.interval import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND

CENTISECOND = 10 * MILLISECOND
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))
_PAIRS = ((0, 1), (1, 2), (0, 2))
_STEPS = (DAY, HOUR, MINUTE, SECOND, CENTISECOND, MILLISECOND, MICROSECOND)


def format_duration(microseconds: int | Fraction, *, up: bool = False) -> str:
    """Return a duration in its two largest units, or three if the third is 1 % of the duration or more.

    Smaller units are truncated (towards 0), or rounded up with `up`.

    >>> [format_duration(us) for us in (5_220_000_000, 93_000_000_000, 25_920_000, 250_000, -90_000_000, 0)]
    ['1h 27m', '1d 1h 50m', '25.92s', '250ms', '-1m 30s', '0s']
    """
    if microseconds < 0:
        return f"-{format_duration(-microseconds, up=up)}"
    rounded = math.ceil(microseconds) if up else math.floor(microseconds)
    return format_exact_duration(_round_to(rounded, _smallest_unit(rounded, up=up), up=up))


def format_bounds(low: int, point: int, high: int) -> tuple[str, str, str]:
    """Return the three durations as text: `low` truncated, `high` rounded up, `point` rounded to the nearest.

    Different durations have different texts, if necessary down to the microsecond. 0 <= low <= point <= high.

    >>> format_bounds(90_600_000_000, 91_500_000_000, 93_000_000_000)
    ('1d 1h 10m', '1d 1h 25m', '1d 1h 50m')
    """
    exact = (low, point, high)
    steps = [_STEPS.index(_smallest_unit(length)) for length in exact]
    while True:
        # Use the smallest unit of all durations that are at least a tenth of this one: 1d 1h 10m next to 1d 1h 50m, but
        # 3d next to 20ms.
        steps = [max(s for s, other in zip(steps, exact, strict=True) if other * 10 >= length) for length in exact]
        texts = _bounds(exact, [_STEPS[step] for step in steps])
        equal_texts = {k for i, j in _PAIRS if exact[i] != exact[j] and texts[i] == texts[j] for k in (i, j)}
        if not equal_texts:
            return texts
        steps = [step + (k in equal_texts) for k, step in enumerate(steps)]


def format_full_duration(microseconds: int | Fraction) -> str:
    """Return a duration in all its units, truncated to hundredths of a second (below a second, to milliseconds).

    >>> [format_full_duration(us) for us in (15_768_000_000, 315_360_000, 864_000)]
    ['4h 22m 48s', '5m 15.36s', '864ms']
    """
    exact = math.floor(microseconds)
    return format_exact_duration(_round_to(exact, CENTISECOND if exact >= SECOND else _smallest_unit(exact)))


def format_exact_duration(microseconds: int) -> str:
    """Return a duration as text with all digits, so that `parse_duration` returns the same duration.

    >>> [format_exact_duration(us) for us in (3_601_000_000, 1_500_000, 40)]
    ['1h 1s', '1.5s', '40µs']
    """
    if 0 < microseconds < MILLISECOND:
        return f"{microseconds}µs"
    if 0 < microseconds < SECOND:
        return f"{_decimal(microseconds, 3)}ms"
    minutes = microseconds // MINUTE * MINUTE
    names = dict(UNITS)
    parts = [f"{count}{names[unit]}" for count, unit in split_units(minutes)]
    rest = microseconds - minutes
    return " ".join([*parts, f"{_decimal(rest, 6)}s"] if rest or not parts else parts)


def split_units(duration: int) -> list[tuple[int, int]]:
    """Split a duration into (count, unit) pairs of `UNITS`, the largest unit first, without counts of 0.

    >>> split_units(93_000_000_000)
    [(1, 86400000000), (1, 3600000000), (50, 60000000)]
    """
    pairs = []
    for unit, _ in UNITS:
        count, duration = divmod(duration, unit)
        pairs += [(count, unit)] if count else []
    return pairs


def _smallest_unit(duration: int, *, up: bool = False) -> int:
    """Return the smallest unit with which a duration is printed."""
    if duration < MINUTE:
        return MICROSECOND if duration < MILLISECOND else MILLISECOND if duration < SECOND else CENTISECOND
    first = next(i for i, (unit, _) in enumerate(UNITS) if duration >= unit)
    second, third = (UNITS[min(first + more, len(UNITS) - 1)][0] for more in (1, 2))
    if up:
        return third if -duration % second * 100 >= duration else second
    rest = _round_to(duration, third) % second
    return third if rest * 100 >= _round_to(duration, third) else second


def _round_to(duration: int, step: int, *, up: bool = False) -> int:
    return (-(-duration // step) if up else duration // step) * step


def _bounds(exact: tuple[int, int, int], steps: list[int]) -> tuple[str, str, str]:
    low, point, high = exact
    nearest = point if point == low else point + steps[1] // 2
    return (
        format_exact_duration(_round_to(low, steps[0])),
        format_exact_duration(_round_to(nearest, steps[1])),
        format_exact_duration(_round_to(high, steps[2], up=True)),
    )


def _decimal(number: int, digits: int) -> str:
    """Return number / 10 ** digits as text, without trailing zeros."""
    units, rest = divmod(number, 10**digits)
    return f"{units}.{rest:0{digits}}".rstrip("0").rstrip(".")
