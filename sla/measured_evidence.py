"""Measured evidence: deployments without downtime, survived outages of dependencies, drills, checks.

The functions are pure: they take histories and facts as known at `at`, so that evidence can be computed for a past
instant. Evidence for an item requires that there was no possible downtime, evidence against it certain downtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sla.availability import downtime
from sla.duration import format_duration
from sla.evidence import Evidence, EvidenceKind
from sla.interval import DAY, MINUTE, SECOND, Interval
from sla.readiness import DrillShows
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sla.evidence import Deployment
    from sla.readiness import ChecklistItem
    from sla.state_history import History

MEASURED_BY: Final = "ninewatch"
VALIDITY: Final = 365 * DAY  # default validity of measured evidence
MAX_LISTED: Final = 5  # outages or deployments in the detail


def _validity(item: ChecklistItem) -> int:
    return VALIDITY if item.validity is None else item.validity


def deployments_evidence(
    item: ChecklistItem, deployed: Sequence[Deployment], history: History, at: int, count: int, settle: int
) -> Iterator[Evidence]:
    """Yield the evidence on whether the last `count` deployments until `at` were without downtime.

    Downtime within `settle` after a deployment is attributed to it. Deployments count after this time has passed.
    `deployed` is in chronological order.
    """
    recent = [deployment for deployment in deployed if deployment.at + settle <= at][-count:]
    if not recent:
        return
    spans = [Interval(deployment.at, deployment.at + settle) for deployment in recent]
    lost = [downtime(history.durations(span)) for span in spans]
    failed = [(d, bounds) for d, bounds in zip(recent, lost, strict=True) if bounds.high]
    if any(bounds.low for _, bounds in failed):
        supports: bool | None = False
    else:
        supports = True if len(recent) == count and not failed else None
    texts = [
        f"{d.version} on {_to_the_second(d.at)}: {_range(b.low, b.high)} of downtime" for d, b in failed[-MAX_LISTED:]
    ]
    detail = f"{len(recent) - len(failed)} of the last {count} deployments without downtime"
    on = spans[-1].end
    kind = EvidenceKind.DEPLOYMENTS
    text, listed = "; ".join([detail, *texts]), tuple(texts)
    yield Evidence(item.id, kind, MEASURED_BY, on, on + _validity(item), text, supports, listed=listed)


@dataclass(frozen=True, slots=True)
class SurvivedOutage:
    """The certain part of a dependency's outage, and the bounds of the product's downtime in it, microseconds."""

    dependency: str
    outage: Interval
    low: int
    high: int

    def __str__(self) -> str:
        """Return the outage as text: dependency, start, duration, and the state of the product."""
        lost = f"down for {_range(self.low, self.high)}" if self.high else "up"
        length = format_duration(self.outage.length)
        since = _to_the_second(self.outage.start)
        return f"{self.dependency} was down for {length} from {since}, the product was {lost}"


def outages_of_dependencies(
    product: History, dependencies: Mapping[str, History], window: Interval, shortest: int = MINUTE
) -> list[SurvivedOutage]:
    """Return the outages of dependencies in the window that lasted for at least `shortest`, in chronological order."""
    outages = []
    for name, history in dependencies.items():
        for outage in _certain_outages(history, window):
            if outage.length >= shortest:
                low, _, high = downtime(product.durations(outage))
                outages.append(SurvivedOutage(name, outage, low, high))
    return sorted(outages, key=lambda survived: (survived.outage.end, survived.dependency))


def _certain_outages(history: History, window: Interval) -> Iterator[Interval]:
    start: int | None = None
    for piece in history.pieces(window):
        if piece.state is State.DOWN:
            start = piece.start if start is None else start
        elif start is not None:
            yield Interval(start, piece.start)
            start = None
    if start is not None:
        yield Interval(start, window.end)


def decoupling_evidence(
    item: ChecklistItem, product: History, dependencies: Mapping[str, History], at: int
) -> Iterator[Evidence]:
    """Yield the evidence on whether the product stayed up while its dependencies were down, within the item's validity.

    It supports the item if the product stayed up in an outage of every dependency. Certain downtime of the product
    during any outage of a dependency is evidence against the item.
    """
    outages = outages_of_dependencies(product, dependencies, Interval(at - _validity(item), at))
    if not outages:
        return
    survived_dependencies = {outage.dependency for outage in outages if not outage.high}
    missing = [name for name in dependencies if name not in survived_dependencies]
    supports = False if any(outage.low for outage in outages) else None if missing else True
    survived = [outage for outage in outages if not outage.high]
    detail = f"up in {len(survived)} of {len(outages)} outages of dependencies"
    examples = [str(outage) for outage in outages[-MAX_LISTED:]] + [f"no survived outage of {name}" for name in missing]
    on = outages[-1].outage.end
    text, until = "; ".join([detail, *examples]), on + _validity(item)
    yield Evidence(item.id, EvidenceKind.DECOUPLING, MEASURED_BY, on, until, text, supports, listed=tuple(examples))


@dataclass(frozen=True, slots=True)
class DrillOutcome:
    """The evidence from an ended drill. `met` is None if it proves nothing; `overdue` has its overdue findings.

    `id` is the id of its fact. `timed` is whether an RTO was promised. `lost` is the recovery point actual in
    microseconds, None if it was not measured.
    """

    id: str
    kind: str
    by: str
    ended: int
    met: bool | None
    reason: str
    overdue: tuple[str, ...] = ()
    timed: bool = True
    lost: int | None = None


def drill_evidence(item: ChecklistItem, drills: Iterable[DrillOutcome]) -> Iterator[Evidence]:
    """Yield the evidence of each drill of a kind that the item accepts. A failed drill is evidence against the item.

    An overdue finding of a drill of any kind is evidence against the item.
    """
    for drill in drills:
        if drill.kind in item.drills or drill.overdue:
            supports, reason = _meaning(item, drill)
            texts = (f"overdue finding: {text}" for text in drill.overdue)
            detail = "; ".join([f"{drill.kind} drill {drill.id}: {reason}", *texts])
            supports = False if drill.overdue else supports
            until = drill.ended + _validity(item)
            yield Evidence(item.id, EvidenceKind.DRILL, drill.by, drill.ended, until, detail, supports, drill.id)


def _meaning(item: ChecklistItem, drill: DrillOutcome) -> tuple[bool | None, str]:
    """Return whether the drill supports the item (None if neither for nor against), and the reason.

    A drill that met its objectives is not evidence for figures that it did not measure.
    """
    if DrillShows.NO_LOSS in item.drill_shows and drill.lost:
        return False, "acknowledged data were lost"
    if drill.met is not True:
        return drill.met, drill.reason
    if DrillShows.RECOVERY_TIME in item.drill_shows and not drill.timed:
        return None, "no RTO was stated"
    if DrillShows.NO_LOSS in item.drill_shows and drill.lost is None:
        return None, "the recovery point was not measured"
    return True, drill.reason


@dataclass(frozen=True, slots=True)
class MonitoredCheck:
    """A check whose state is evidence, with its history. `hold`: validity of an observation, microseconds."""

    name: str
    history: History
    hold: int


def checks_evidence(
    item: ChecklistItem, checks: Sequence[MonitoredCheck], at: int, kind: EvidenceKind = EvidenceKind.CHECKS
) -> Iterator[Evidence]:
    """Yield the evidence on whether all checks are up at the instant.

    It is valid until the first of the checks' last observations expires.
    """
    last_known = [(check, check.history.last_known_at) for check in checks]
    observed = [(check, last) for check, last in last_known if last is not None]
    if not observed:
        return
    states = {check.name: check.history.state(at).estimate for check in checks}
    down = [name for name, state in states.items() if state is State.DOWN]
    all_observed = len(observed) == len(last_known)
    was_up = all_observed and all(check.history.state(last).estimate is State.UP for check, last in observed)
    detail = "; ".join(f"{name} is {state.name.lower()}" for name, state in states.items())
    on, until = min(last for _, last in observed), min(last + check.hold for check, last in observed)
    supports = False if down else was_up or None
    yield Evidence(item.id, kind, MEASURED_BY, on, max(until, at + 1) if down else until, detail, supports)


def _to_the_second(at: int) -> str:
    """Return the instant as text, without the fraction of a second."""
    return format_instant(at // SECOND * SECOND)


def _range(low: int, high: int) -> str:
    """Return the bounds of a duration as text, or one text if both are equal."""
    return " to ".join(dict.fromkeys((format_duration(low), format_duration(high))))
