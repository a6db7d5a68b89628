"""A simple second implementation of measurement.md, sections 2 and 5, for one check."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from sla.observation import Outcome

# Seconds of a window by state, and the point estimate of the downtime.
Figures = dict[str, float]


def expected_spans(
    observations: Iterable[tuple[int, Outcome]], hold: int, end: int
) -> Iterator[tuple[int, int, str, str]]:
    """Yield (start, end, state, point state) from the first known observation on."""
    known = [(at, outcome) for at, outcome in observations if outcome is not Outcome.UNKNOWN and at <= end]
    states = {Outcome.GOOD: "up", Outcome.BAD: "down"}
    for (t, a), (u, b) in itertools.pairwise(known):
        if u - t > hold:
            yield t, u, "unknown", "unknown"
        elif a is b:
            yield t, u, states[a], states[a]
        else:
            middle = (t + u) // 2
            yield t, middle, "doubt", states[a]
            yield middle, u, "doubt", states[b]
    if known:
        t, a = known[-1]
        yield t, min(end, t + hold), "doubt", states[a]
        yield min(end, t + hold), end, "unknown", "unknown"


def expected_figures(observations: Iterable[tuple[int, Outcome]], hold: int, start: int, end: int) -> Figures:
    """Return the seconds of (start, end] that are up, down, in doubt and unknown, and the downtime's point estimate."""
    length: dict[str, int] = dict.fromkeys(("up", "down", "doubt", "unknown", "point"), 0)
    covered = 0
    for a, b, known, point in expected_spans(observations, hold, end):
        inside = max(0, min(b, end) - max(a, start))
        covered += inside
        length[known] += inside
        length["point"] += inside if point == "down" else 0
    length["unknown"] += end - start - covered
    return {name: us / 1_000_000 for name, us in length.items()}
