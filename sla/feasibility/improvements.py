"""Find improvements of a design: single changes, with the downtime that they save and, if known, their cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from sla.feasibility.design import Coupling, Design, Failover, Part, Site, Standby
from sla.feasibility.failure_process import Planned
from sla.feasibility.prediction import YEAR, expected_unavailability
from sla.interval import HOUR, MINUTE

# Assumed effects of changes, which the texts of the changes state. Users can enter other values in their plan.
RETRY_TIME = 15 * MINUTE
_WARM_STANDBY = Failover(Standby.WARM, 15 * MINUTE, Fraction(9, 10))
_HOT_STANDBY = Failover(Standby.HOT, MINUTE, Fraction(99, 100))
_SECOND_SITE = "second site"  # cannot clash: ids in plans have no spaces


@dataclass(frozen=True, slots=True)
class Change:
    """A possible change. `id` is its key in the plan's `costs`; `text` is an imperative sentence."""

    id: str
    text: str
    apply: Callable[[], Design]


@dataclass(frozen=True, slots=True)
class Step:
    """A change and its result: unavailability, downtime saved (microseconds per year) and cost per year."""

    change: Change
    design: Design
    unavailability: float
    downtime_saved: float
    cost: Fraction | None

    @property
    def cost_per_hour(self) -> float | None:
        """The cost per avoided hour of downtime. None if the cost is unknown."""
        return None if self.cost is None else float(self.cost) / (self.downtime_saved / HOUR)


def changes(design: Design) -> Iterator[Change]:
    """Yield all single changes that the design allows."""
    for part in design.parts:
        if part.external:
            yield from _coupling_changes(design, part)
        else:
            yield from _replica_changes(design, part)
            yield from _deployment_changes(design, part)
    yield from _maintenance_changes(design)
    yield from _standby_changes(design)


def next_steps(design: Design, costs: Mapping[str, Fraction], min_share: float = 0.005) -> tuple[Step, ...]:
    """Return the changes that save at least the share `min_share` of the downtime, best first.

    Changes with a known cost come first, by cost per avoided hour of downtime; then the others, by downtime saved.

    Raises:
        TooManySharedPartsError: the design or a changed design has too many shared parts.
    """
    now = expected_unavailability(design)
    steps = []
    for change in changes(design):
        changed = change.apply()
        unavailability = expected_unavailability(changed)
        if now - unavailability > min_share * now:
            steps.append(Step(change, changed, unavailability, (now - unavailability) * YEAR, costs.get(change.id)))
    return tuple(sorted(steps, key=_rank))


def _rank(step: Step) -> tuple[bool, float, float, str]:
    price = step.cost_per_hour
    return (price is None, 0.0 if price is None else price, -step.downtime_saved, step.change.id)


def _with_part(design: Design, changed: Part) -> Design:
    return replace(design, parts=tuple(changed if part.id == changed.id else part for part in design.parts))


def _replica_changes(design: Design, part: Part) -> Iterator[Change]:
    if not part.replicable:
        return
    replicas, needed = part.failures.replicas + 1, part.failures.needed
    changed = replace(part, failures=replace(part.failures, replicas=replicas))
    text = f"Run one more replica of {part.name}: {replicas}, of which {needed} must be up"
    yield Change(f"replica/{part.id}", text, lambda: _with_part(design, changed))


def _deployment_changes(design: Design, part: Part) -> Iterator[Change]:
    planned = part.deployments
    if planned is None:
        return
    changed = replace(part, deployments=Planned(2 * planned.every, planned.duration))
    yield Change(f"fewer/{part.id}", f"Deploy {part.name} half as often", lambda: _with_part(design, changed))
    without_downtime = replace(part, deployments=None)
    yield Change(
        f"zero-downtime/{part.id}", f"Deploy {part.name} without downtime", lambda: _with_part(design, without_downtime)
    )


def _coupling_changes(design: Design, part: Part) -> Iterator[Change]:
    if part.coupling is Coupling.HARD:
        retried = replace(part, coupling=Coupling.RETRIED, retry_period=RETRY_TIME)
        text = f"Retry {part.name} for 15 minutes before a user sees an error"
        yield Change(f"retry/{part.id}", text, lambda: _with_part(design, retried))
    if part.coupling is not Coupling.DECOUPLED:
        decoupled = replace(part, coupling=Coupling.DECOUPLED)
        text = f"Decouple from {part.name}: queue work while it is down and retry later"
        yield Change(f"decouple/{part.id}", text, lambda: _with_part(design, decoupled))


def _maintenance_changes(design: Design) -> Iterator[Change]:
    if design.maintenance is not None and design.maintenance.counted:
        text = "Do maintenance without downtime"
        yield Change("zero-downtime/maintenance", text, lambda: replace(design, maintenance=None))


def _standby_changes(design: Design) -> Iterator[Change]:
    if not design.sites:
        return
    if design.standby in (Standby.NONE, Standby.COLD):
        text = "Add a warm standby in another data centre (takes over in 15 minutes, works 9 of 10 times)"
        yield Change("standby/warm", text, lambda: _with_standby(design, _WARM_STANDBY))
    if design.standby is not Standby.HOT:
        text = "Serve from 2 data centres at once (takes over in 1 minute, works 99 of 100 times)"
        yield Change("standby/hot", text, lambda: _with_standby(design, _HOT_STANDBY))
    if design.failover is not None and design.standby is not Standby.NONE and design.failover.success < 1:
        rehearsed = replace(design.failover, success=1 - (1 - design.failover.success) / 2)
        text = "Rehearse the failover to halve its failures"
        yield Change("rehearse", text, lambda: replace(design, failover=rehearsed))


def _with_standby(design: Design, failover: Failover) -> Design:
    """Return the design with the failover. If a second site is added, it is as reliable as the first."""
    covers = design.failover.covers if design.failover is not None else ()
    first = design.sites[0]
    second = Site(_SECOND_SITE, "a second data centre", first.failures)
    sites = design.sites if len(design.sites) > 1 else (first, second)
    return replace(design, sites=sites, failover=replace(failover, covers=covers))
