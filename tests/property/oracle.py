"""The definitions of measurement.md once more, as slowly and as literally as they can be written: one cell at a time.

A cell x is the time from x to x + 1. Nothing in here knows how `sla` does it.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

GOOD, BAD, UNKNOWN = "good", "bad", "unknown"
Seen = list[tuple[int, str]]


def standing(seen: Seen) -> dict[int, str]:
    """Section 1: of several observations at one instant one stands, bad over good over unknown."""
    at: dict[int, set[str]] = {}
    for instant, outcome in seen:
        at.setdefault(instant, set()).add(outcome)
    return {i: BAD if BAD in said else GOOD if GOOD in said else UNKNOWN for i, said in at.items()}


def cell(seen: Seen, hold: int, x: int) -> str:
    """Section 2: `up`, `down`, `doubt_up`, `doubt_down` or `unknown`."""
    known = {i: o for i, o in standing(seen).items() if o != UNKNOWN}
    before = max((i for i in known if i <= x), default=None)
    after = min((i for i in known if i > x), default=None)
    if before is None:
        return "unknown"
    side = {GOOD: "up", BAD: "down"}
    if after is None:
        return f"doubt_{side[known[before]]}" if x < before + hold else "unknown"
    if after - before > hold:
        return "unknown"
    if known[before] == known[after]:
        return side[known[before]]
    return f"doubt_{side[known[before] if x < (before + after) // 2 else known[after]]}"


def compose(states: list[str], k: int) -> str:
    """Section 3, for one cell."""
    up = [s for s in states if s == "up"]
    not_down = [s for s in states if s != "down"]
    if len(up) >= k:
        return "up"
    if len(not_down) < k:
        return "down"
    if "unknown" in states:
        return "unknown"
    return "doubt_up" if len([s for s in states if s in ("up", "doubt_up")]) >= k else "doubt_down"


def durations(cells: list[str]) -> tuple[int, int, int, int, int]:
    """Cells in the order of `Durations`."""
    count = Counter(cells)
    return count["up"], count["down"], count["doubt_up"], count["doubt_down"], count["unknown"]


def figures(cells: list[str], policy: str) -> dict[str, Fraction | int | None]:
    """Section 5's table."""
    up, down, doubt_up, doubt_down, unknown = durations(cells)
    known, total = up + down + doubt_up + doubt_down, len(cells)
    as_up, as_down = (unknown if policy == "up" else 0), (unknown if policy == "down" else 0)
    divisor = known if policy == "exclude" else total
    return {
        "coverage": Fraction(known, total) if total else None,
        "low": Fraction(up, total) if total else None,
        "point": Fraction(up + doubt_up + as_up, divisor) if divisor else None,
        "high": Fraction(total - down, total) if total else None,
        "downtime_low": down,
        "downtime_point": down + doubt_down + as_down,
        "downtime_high": down + doubt_up + doubt_down + unknown,
    }
