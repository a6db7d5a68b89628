"""Latency objectives as parts of a definition, and which objective applies to each day.

Latencies are counted by day, so a changed latency objective applies from the next midnight. Earlier days keep the
objective of that time, so past figures do not change. The first objective also applies to earlier time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.interval import SECOND, Interval
from sla.latency_objective import LatencyObjective
from sla.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, order=True)
class LatencyTerm:
    """A latency objective of a product, or of one check if `check` is not empty (`product/check`).

    `share` is the share of responses that must be faster than `limit`; `limit` and `window` are in microseconds.
    """

    check: str
    share: Fraction
    limit: int
    window: int

    @property
    def objective(self) -> LatencyObjective:
        """The share and the limit."""
        return LatencyObjective(Objective(self.share), self.limit)

    def __str__(self) -> str:
        name = self.check.partition("/")[2]
        return f"{self.objective}{f' of {name}' if name else ''}"

    def as_json(self) -> dict[str, Any]:
        """Return the objective for the body of a definition."""
        durations = {"limit_seconds": self.limit / SECOND, "window_seconds": self.window / SECOND}
        return {"check": self.check, "share": str(self.share), **durations}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LatencyTerm:
        """Read an objective from the body of a definition.

        Raises:
            KeyError, TypeError, ValueError: the data is not from `as_json`.
        """
        limit, window = (round(data[name] * SECOND) for name in ("limit_seconds", "window_seconds"))
        return cls(str(data["check"]), Fraction(data["share"]), limit, window)


def earlier_term(term: LatencyTerm, terms: Iterable[LatencyTerm], earlier: Iterable[LatencyTerm]) -> LatencyTerm | None:
    """Return the objective that `term` replaced, None if `term` is new.

    `terms` are all objectives of the later definition. Unchanged objectives are matched first, then those with only a
    changed window. The other objectives of a check or product are matched in the order of their shares.
    """
    later_terms, earlier_terms = ({other for other in side if other.check == term.check} for side in (terms, earlier))
    for is_same in (lambda a, b: a == b, lambda a, b: (a.share, a.limit) == (b.share, b.limit)):
        for later in sorted(later_terms):
            replaced = next((other for other in sorted(earlier_terms) if is_same(later, other)), None)
            if replaced is not None:
                if later == term:
                    return replaced
                later_terms.discard(later)
                earlier_terms.discard(replaced)
    return dict(zip(sorted(later_terms), sorted(earlier_terms), strict=False)).get(term)


def promised_objectives(
    term: LatencyTerm,
    terms: Sequence[LatencyTerm],
    definitions: Sequence[tuple[int, Sequence[LatencyTerm]]],
    window: Interval,
    next_midnight: Callable[[int], int],
) -> list[tuple[Interval, LatencyObjective]]:
    """Return the parts of the window by objective, in order.

    `term` is one of the configured objectives `terms`. `definitions` has, in order, the instant from which each
    definition applies, with its objectives. `next_midnight` returns the first midnight at or after an instant.
    """
    parts: list[tuple[Interval, LatencyObjective]] = []
    end, objective = window.end, None
    for number, (made, earlier) in reversed([*enumerate(definitions)]):
        replaced = earlier_term(term, terms, earlier)
        if replaced is not None:
            term, terms, objective = replaced, earlier, replaced.objective
        start = max(window.start, next_midnight(made)) if number else window.start
        if start < end and objective is not None:
            parts.append((Interval(start, end), objective))
            end = start
        if end <= window.start:
            break
    return _merged(parts[::-1]) if parts else [(window, term.objective)]


def _merged(parts: Iterable[tuple[Interval, LatencyObjective]]) -> list[tuple[Interval, LatencyObjective]]:
    """Merge adjacent parts with the same objective."""
    merged: list[tuple[Interval, LatencyObjective]] = []
    for part, objective in parts:
        if merged and merged[-1][1] == objective:
            merged[-1] = Interval(merged[-1][0].start, part.end), objective
        else:
            merged.append((part, objective))
    return merged
