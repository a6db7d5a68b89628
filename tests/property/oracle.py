"""A literal, slow implementation of the definitions of measurement.md, one cell at a time.

A cell x is the time from x to x + 1. This module uses no code of `sla`.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

GOOD, BAD, UNKNOWN = "good", "bad", "unknown"
Seen = list[tuple[int, str]]


def worst_outcomes(observations: Seen) -> dict[int, str]:
    """Return the worst outcome per instant (section 1): bad before good before unknown."""
    at: dict[int, set[str]] = {}
    for instant, outcome in observations:
        at.setdefault(instant, set()).add(outcome)
    return {i: BAD if BAD in outcomes else GOOD if GOOD in outcomes else UNKNOWN for i, outcomes in at.items()}


def cell(observations: Seen, hold: int, x: int) -> str:
    """Return the state of a cell (section 2): `up`, `down`, `doubt_up`, `doubt_down` or `unknown`."""
    known = {i: o for i, o in worst_outcomes(observations).items() if o != UNKNOWN}
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
    """Return the state of a product in one cell (section 3)."""
    up = [s for s in states if s == "up"]
    not_down = [s for s in states if s != "down"]
    if len(up) >= k:
        return "up"
    if len(not_down) < k:
        return "down"
    if any(s in ("unknown", "guess_up", "guess_down") for s in states):
        return guess(states, k)
    return "doubt_up" if len([s for s in states if s in ("up", "doubt_up")]) >= k else "doubt_down"


def guess(states: list[str], k: int) -> str:
    """Return the guess for one cell of an unknown product (section 3, "Guess")."""
    n = len(states)
    known_states = [s for s in states if s != "unknown"]
    m = len(known_states)
    if m == 0:
        return "unknown"
    up = len([s for s in known_states if s in ("up", "doubt_up", "guess_up")])
    lower, upper = max(1, math.floor(Fraction(k * m, n))), math.ceil(Fraction(k * m, n))
    verdicts = {up >= lower, up >= upper}
    if len(verdicts) > 1:
        return "unknown"
    return "guess_up" if verdicts == {True} else "guess_down"


def joined_state(members: list[tuple[Seen, int]], x: int, rule: str) -> str:
    """Return the state with members that count from their first observation on (section 3, "Eras")."""
    counting = [
        (observations, hold)
        for observations, hold in members
        if observations and min(at for at, _ in observations) <= x
    ]
    if not counting:
        return "unknown"
    n = len(counting)
    k = {"all": n, "any": 1}.get(rule) or min(int(rule), n)
    return compose([cell(observations, hold, x) for observations, hold in counting], k)


def durations(cells: list[str]) -> tuple[int, int, int, int, int, int, int]:
    """Return the numbers of cells in the order of `Durations`. Guesses are parts of unknown."""
    count = Counter(cells)
    guesses = (count["guess_up"], count["guess_down"])
    known = (count["up"], count["down"], count["doubt_up"], count["doubt_down"])
    return (*known, count["unknown"] + sum(guesses), *guesses)


def figures(cells: list[str], policy: str) -> dict[str, Fraction | int | None]:
    """Return low, point and high availability from cells (section 5)."""
    return table(durations(cells), policy)


def table(duration: tuple[int, int, int, int, int, int, int], policy: str) -> dict[str, Fraction | int | None]:
    """Return low, point and high availability from durations (section 5). Guesses are parts of unknown."""
    up, down, doubt_up, doubt_down, unknown, guess_up, guess_down = duration
    known, total = up + down + doubt_up + doubt_down, up + down + doubt_up + doubt_down + unknown
    as_up = {"exclude": guess_up, "up": unknown, "down": 0}[policy]
    as_down = {"exclude": guess_down, "up": 0, "down": unknown}[policy]
    divisor = known + guess_up + guess_down if policy == "exclude" else total
    return {
        "coverage": Fraction(known, total) if total else None,
        "low": Fraction(up, total) if total else None,
        "point": Fraction(up + doubt_up + as_up, divisor) if divisor else None,
        "high": Fraction(total - down, total) if total else None,
        "downtime_low": down,
        "downtime_point": down + doubt_down + as_down,
        "downtime_high": down + doubt_up + doubt_down + unknown,
    }
