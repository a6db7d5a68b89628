"""Measure a window and compute all its figures (measurement.md, section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from sla import availability as figures
from sla.after_exclusions import AfterExclusions, ExcludedSums
from sla.availability import Bounds, UnknownPolicy, Verdict
from sla.budget import Budget, burn_rate
from sla.confidence_bound import ConfidenceBound, lower_confidence_bound
from sla.interval import SECOND, Interval
from sla.objective import Objective, nines
from sla.observation_counts import Counts
from sla.observed_part import ObservedPart, Span, observed_part
from sla.promised_objective import PromisedObjective, promised_objectives
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sla.calendar import Window
    from sla.state_history import History
    from sla.states import Durations


@dataclass(frozen=True, slots=True)
class Measured:
    """The durations and counts of a window after exclusions. Figures are computed on access.

    Durations are in microseconds. `excluded` is the excluded time in the window. `budget_length` is the length of the
    budget's window after exclusions, longer than the measured time for a calendar window in progress. `interval` is the
    check's probe interval, None if unknown. `counts_are_of_probes` is False for counts of state changes, which allow no
    confidence bound. `provisional`: observations of the window may still arrive. `observed_part` has the figures of a
    window that begins before the record. `objectives` has the objectives of the window if they changed in it;
    `objective` is the latest. `degraded` is the degraded time that counts as downtime; None if it does not count.
    """

    window: Interval
    excluded: int
    durations: Durations
    counts: Counts
    budget_length: int
    objective: Objective | None = None
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE
    interval: int | None = None
    counts_are_of_probes: bool = True
    provisional: bool = False
    observed_part: ObservedPart | None = None
    objectives: tuple[PromisedObjective, ...] = ()
    degraded: Bounds[int] | None = None

    @property
    def coverage(self) -> Fraction | None:
        """The known share of the time."""
        return figures.coverage(self.durations)

    @property
    def availability(self) -> Bounds[Fraction | None]:
        """The availability: low, point and high."""
        return figures.availability(self.durations, self.unknown)

    @property
    def downtime(self) -> Bounds[int]:
        """The downtime: low, point and high, microseconds."""
        return figures.downtime(self.durations, self.unknown)

    @property
    def nines(self) -> float | None:
        """The observed nines. None without a point estimate, or if it is 1."""
        point = self.availability.point
        return None if point is None else nines(point)

    @property
    def confidence_bound(self) -> ConfidenceBound | None:
        """The availability that the observations prove at 95 %. None without probes."""
        return None if not self.counts_are_of_probes else lower_confidence_bound(self.counts.good, self.counts.known)

    @property
    def allowed(self) -> Fraction | None:
        """The downtime that the objectives allow in the complete window, microseconds. None without an objective."""
        return None if self.objective is None else _allowed(self, self.objective)

    @property
    def effective_objective(self) -> Objective | None:
        """The objective; if it changed in the window, one that allows the same downtime in the measured time."""
        total = self.durations.total
        if not self.objectives or not total:
            return self.objective
        allowed = sum((objective.objective.allowed(objective.elapsed) for objective in self.objectives), Fraction(0))
        return Objective(1 - allowed / total)

    @property
    def budget(self) -> Budget | None:
        """The error budget. None without an objective."""
        return None if self.allowed is None else Budget(self.allowed, Fraction(self.downtime.point))

    @property
    def burn_rate(self) -> Fraction | None:
        """The burn rate of the budget. None without an objective or known time."""
        return (
            None
            if self.effective_objective is None
            else burn_rate(self.effective_objective, self.durations, self.unknown)
        )

    @property
    def verdict(self) -> Verdict | None:
        """Whether the objective was met. None without an objective."""
        return (
            None
            if self.effective_objective is None
            else figures.verdict(self.durations, self.effective_objective, self.allowed)
        )

    @property
    def point_meets_objective(self) -> bool | None:
        """Whether the point estimate reaches the objective. None if one of them is missing."""
        point = self.availability.point
        return None if self.effective_objective is None or point is None else point >= self.effective_objective.ratio

    @property
    def resolvable(self) -> bool | None:
        """Whether probes detect an outage as long as the budget. None without an objective or interval."""
        if self.allowed is None or self.interval is None:
            return None
        return figures.resolvable(self.allowed, self.interval)

    def as_json(self, *, check: str | None = None, product: str | None = None) -> dict[str, Any]:
        """Return the object of measurement.md, section 11: durations in seconds, null if there is no figure.

        Without an objective, the budget has only the spent time.
        """
        subject = {"check": check} if product is None else {"product": product}
        bound = self.confidence_bound
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
                "nines": {"observed": self.nines, "proven": bound and bound.nines},
                "proven_availability": bound and bound.availability,
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
        """Return the optional fields: observed part, counted degraded time, objectives that changed in the window."""
        fields: dict[str, Any] = {} if self.observed_part is None else {"watched": self.observed_part.as_json()}
        if self.degraded is not None:
            fields["degraded_seconds"] = {name: _seconds(us) for name, us in self.degraded._asdict().items()}
        return fields | (
            {"objectives": [objective.as_json() for objective in self.objectives]} if self.objectives else {}
        )

    def _budget_json(self) -> dict[str, float | None]:
        budget = self.budget
        return {
            "allowed_seconds": None if budget is None else _seconds(budget.allowed),
            "spent_seconds": _seconds(self.downtime.point),
            "remaining_seconds": None if budget is None else _seconds(budget.remaining),
        }


@dataclass(frozen=True, slots=True)
class MeasuredObjective(Measured):
    """The figures of a window with an objective, and so with a budget."""

    objective: Objective

    @property
    def allowed(self) -> Fraction:
        """The downtime that the objectives allow in the complete window, microseconds."""
        return _allowed(self, self.objective)

    @property
    def budget(self) -> Budget:
        """The error budget."""
        return Budget(self.allowed, Fraction(self.downtime.point))


def _allowed(measured: Measured, objective: Objective) -> Fraction:
    parts = (promised.objective.allowed(promised.full) for promised in measured.objectives)
    return sum(parts, Fraction(0)) if measured.objectives else objective.allowed(measured.budget_length)


class _Options(TypedDict, total=False):
    excluded: Iterable[Interval] | AfterExclusions
    unknown: UnknownPolicy
    interval: int | None
    full_window: Interval | None
    rolling: bool


@overload
def measure(
    history: History, window: Interval, objective: Objective, **options: Unpack[_Options]
) -> MeasuredObjective: ...


@overload
def measure(
    history: History, window: Interval, objective: Objective | None = None, **options: Unpack[_Options]
) -> Measured: ...


def measure(
    history: History,
    window: Interval,
    objective: Objective | None = None,
    *,
    excluded: Iterable[Interval] | AfterExclusions = (),
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE,
    interval: int | None = None,
    full_window: Interval | None = None,
    rolling: bool = False,
) -> Measured:
    """Measure the history over the window, without the excluded time.

    `rolling`: the window moves with time, which matters for the observed part. If `window` is the elapsed part of a
    calendar window in progress, `full_window` is the complete one, to which the budget applies. Excluded intervals may
    overlap, repeat and extend beyond the window. `AfterExclusions` must cover both windows.
    """
    required = (
        window
        if full_window is None
        else Interval(min(window.start, full_window.start), max(window.end, full_window.end))
    )
    if not isinstance(excluded, AfterExclusions):
        excluded = AfterExclusions(history, [ExcludedSums.of(history, required, excluded)])
    objectives = () if objective is None else history.objectives(window if full_window is None else full_window)
    objective = objectives[-1][1] if objectives else objective
    durations, counts = excluded.durations(window), excluded.counts(window)
    kind: type[Measured] = Measured if objective is None else MeasuredObjective
    return kind(
        window,
        window.length - durations.total,
        durations,
        counts,
        durations.total if full_window is None else excluded.length(full_window),
        objective,
        unknown,
        interval,
        observed_part=observed_part(
            history, Span(window, rolling, full_window), objective, excluded, (durations, counts), unknown
        ),
        objectives=tuple(promised_objectives(objectives, window, excluded)) if len(objectives) > 1 else (),
    )


def measure_states(history: History, window: Window, objective: Objective, durations: Durations) -> MeasuredObjective:
    """Return the figures of a window without exclusions, from durations that are already computed.

    The figures have no confidence bound, because the probes are not counted.
    """
    objectives = history.objectives(window.full)
    return MeasuredObjective(
        window.measured,
        0,
        durations,
        Counts(),
        window.full.length,
        objectives[-1][1] if objectives else objective,
        counts_are_of_probes=False,
        objectives=tuple(promised_objectives(objectives, window.measured, AfterExclusions(history)))
        if len(objectives) > 1
        else (),
    )


def _seconds(microseconds: int | Fraction) -> float:
    return float(Fraction(microseconds, SECOND))


def _number(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
