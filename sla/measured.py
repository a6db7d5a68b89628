"""A measured window, and all figures derived from it, in one shape. measurement.md, section 11."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla import availability as figures
from sla.after_exclusions import AfterExclusions, ExcludedSums
from sla.availability import Bounds, UnknownPolicy, Verdict
from sla.budget import Budget, burn_rate
from sla.interval import SECOND, Interval
from sla.objective import Objective, nines
from sla.proof import Proof, proven
from sla.watched import Span, Watched, watched
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.observation_counts import Counts
    from sla.state_history import History
    from sla.states import Durations


@dataclass(frozen=True, slots=True)
class Promised:
    """An objective from `start` on; `elapsed` and `whole` are how long it held in the window, after exclusions.

    The window that was measured, and the whole calendar window in progress; microseconds.
    """

    start: int
    objective: Objective
    elapsed: int
    whole: int

    def as_json(self) -> dict[str, Any]:
        """Return the objective with the downtime that it allows."""
        return {
            "from": format_instant(self.start),
            "objective": float(self.objective.ratio),
            "allowed_seconds": _seconds(self.objective.allowed(self.whole)),
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """The durations and counts of a window after exclusions; figures are derived on access.

    `excluded` is the excluded time inside the window; `budget_length` the length that the budget is for, after
    exclusions: longer than what was measured where a calendar window is in progress. All in microseconds.
    `interval` is the check's probing interval, None if not stated. `sampled` is whether the counts are of probes;
    counts of changes of state prove nothing. `provisional` is whether observations of the window may still arrive;
    `watched` is the part of a window that reaches back beyond the record; `promises` are its objectives where they
    changed in it, of which `objective` is the latest.
    """

    window: Interval
    excluded: int
    durations: Durations
    counts: Counts
    budget_length: int
    objective: Objective | None = None
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE
    interval: int | None = None
    sampled: bool = True
    provisional: bool = False
    watched: Watched | None = None
    promises: tuple[Promised, ...] = ()

    @property
    def coverage(self) -> Fraction | None:
        """The share of the time of which anything is known."""
        return figures.coverage(self.durations)

    @property
    def availability(self) -> Bounds[Fraction | None]:
        """Low, point and high."""
        return figures.availability(self.durations, self.unknown)

    @property
    def downtime(self) -> Bounds[int]:
        """Low, point and high, microseconds."""
        return figures.downtime(self.durations, self.unknown)

    @property
    def nines(self) -> float | None:
        """The observed nines; None where there is no point estimate, and where it is 1."""
        point = self.availability.point
        return None if point is None else nines(point)

    @property
    def proof(self) -> Proof | None:
        """What the observations prove at 95 %; None without probes."""
        return None if not self.sampled else proven(self.counts.good, self.counts.known)

    @property
    def allowed(self) -> Fraction | None:
        """The downtime that the objectives allow in the whole window, microseconds; None without an objective."""
        if self.objective is None:
            return None
        parts = (each.objective.allowed(each.whole) for each in self.promises)
        return sum(parts, Fraction(0)) if self.promises else self.objective.allowed(self.budget_length)

    @property
    def goal(self) -> Objective | None:
        """The objective; where it changed in the window, the one that allows as much in what was measured."""
        total = self.durations.total
        if not self.promises or not total:
            return self.objective
        allowed = sum((each.objective.allowed(each.elapsed) for each in self.promises), Fraction(0))
        return Objective(1 - allowed / total)

    @property
    def budget(self) -> Budget | None:
        """Allowed, spent and remaining; None without an objective."""
        return None if self.allowed is None else Budget(self.allowed, Fraction(self.downtime.point))

    @property
    def burn_rate(self) -> Fraction | None:
        """How many times faster than allowed the budget was spent; None without an objective or any known time."""
        return None if self.goal is None else burn_rate(self.goal, self.durations, self.unknown)

    @property
    def verdict(self) -> Verdict | None:
        """Whether the bounds decide the objective; None without one."""
        return None if self.goal is None else figures.verdict(self.durations, self.goal, self.allowed)

    @property
    def point_meets_objective(self) -> bool | None:
        """Whether the point estimate reaches the objective; None where either is missing."""
        point = self.availability.point
        return None if self.goal is None or point is None else point >= self.goal.ratio

    @property
    def resolvable(self) -> bool | None:
        """Whether the interval can see an outage that uses up the budget; None without objective or interval."""
        if self.allowed is None or self.interval is None:
            return None
        return figures.resolvable(self.allowed, self.interval)

    def as_json(self, *, check: str | None = None, product: str | None = None) -> dict[str, Any]:
        """Return the object of section 11, of a check or of a product: durations in seconds, null where no figure is.

        Without an objective the budget has nulls but for what was spent.
        """
        subject = {"check": check} if product is None else {"product": product}
        proof = self.proof
        return (
            subject
            | {
                "window": {"start": format_instant(self.window.start), "end": format_instant(self.window.end)},
                "excluded_seconds": _seconds(self.excluded),
                "up_seconds": _seconds(self.durations.up),
                "down_seconds": _seconds(self.durations.down),
                "doubt_seconds": _seconds(self.durations.doubt),
                "unknown_seconds": _seconds(self.durations.unknown),
                "guessed_seconds": {
                    "up": _seconds(self.durations.guessed_up),
                    "down": _seconds(self.durations.guessed_down),
                },
                "coverage": _number(self.coverage),
                "availability": {name: _number(v) for name, v in self.availability._asdict().items()},
                "downtime_seconds": {name: _seconds(v) for name, v in self.downtime._asdict().items()},
                "observations": self.counts._asdict(),
                "nines": {"observed": self.nines, "proven": proof and proof.nines},
                "proven_availability": proof and proof.availability,
                "objective": self.objective and float(self.objective.ratio),
                "budget": self._budget_json(),
                "verdict": self.verdict and self.verdict.value,
                "point_meets_objective": self.point_meets_objective,
                "resolvable": self.resolvable,
                "provisional": self.provisional,
            }
            | self._conditional_json()
        )

    def _conditional_json(self) -> dict[str, Any]:
        """Return what only some windows have: a watched part, and objectives that changed in them."""
        found: dict[str, Any] = {} if self.watched is None else {"watched": self.watched.as_json()}
        return found | ({"objectives": [each.as_json() for each in self.promises]} if self.promises else {})

    def _budget_json(self) -> dict[str, float | None]:
        held = self.budget
        return {
            "allowed_seconds": None if held is None else _seconds(held.allowed),
            "spent_seconds": _seconds(self.downtime.point),
            "remaining_seconds": None if held is None else _seconds(held.remaining),
        }


def measure(
    history: History,
    window: Interval,
    objective: Objective | None = None,
    *,
    excluded: Iterable[Interval] | AfterExclusions = (),
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE,
    interval: int | None = None,
    whole: Interval | None = None,
    rolling: bool = False,
) -> Measured:
    """Measure the history over the window, without the excluded time.

    `rolling` is whether the window moves with time, which decides when a young record can decide its objective. `whole`
    is the calendar window in progress of which `window` is the part that has elapsed; the budget is that of the whole.
    Excluded intervals may overlap, repeat and reach beyond the window; sums of them have to cover both windows.
    """
    reach = window if whole is None else Interval(min(window.start, whole.start), max(window.end, whole.end))
    if not isinstance(excluded, AfterExclusions):
        excluded = AfterExclusions(history, [ExcludedSums.of(history, reach, excluded)])
    promised = () if objective is None else history.promises(window if whole is None else whole)
    objective = promised[-1][1] if promised else objective
    durations, counts = excluded.durations(window), excluded.counts(window)
    return Measured(
        window,
        window.length - durations.total,
        durations,
        counts,
        durations.total if whole is None else excluded.length(whole),
        objective,
        unknown,
        interval,
        watched=watched(history, Span(window, rolling, whole), objective, excluded, (durations, counts), unknown),
        promises=tuple(_promised(promised, window, excluded)) if len(promised) > 1 else (),
    )


def _promised(
    promised: Iterable[tuple[Interval, Objective]], window: Interval, left: AfterExclusions
) -> Iterator[Promised]:
    for span, objective in promised:
        elapsed = Interval(max(span.start, window.start), max(min(span.end, window.end), span.start, window.start))
        yield Promised(span.start, objective, left.length(elapsed), left.length(span))


def _seconds(microseconds: int | Fraction) -> float:
    return float(Fraction(microseconds, SECOND))


def _number(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
