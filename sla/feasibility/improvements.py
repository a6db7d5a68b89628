"""Possible improvements of a design: single changes with their gain and, if known, their cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from sla.feasibility.design import Coupling, Design, FailOver, Part, Site, Standby
from sla.feasibility.failure_process import Planned
from sla.feasibility.prediction import YEAR, expected_down
from sla.interval import HOUR, MINUTE

# Assumed effects of changes, which are stated in their texts. Users can change them in a plan of their own.
PATIENCE = 15 * MINUTE
_WARM = FailOver(Standby.WARM, 15 * MINUTE, Fraction(9, 10))
_HOT = FailOver(Standby.HOT, MINUTE, Fraction(99, 100))
_SECOND_SITE = "second site"  # no id of a plan has a space


@dataclass(frozen=True, slots=True)
class Change:
    """A possible change. `id` is its key in the plan's `costs`; `text` is an imperative sentence."""

    id: str
    text: str
    apply: Callable[[], Design]


@dataclass(frozen=True, slots=True)
class Step:
    """An evaluated change: unavailability after it, gain in microseconds per year, and cost per year."""

    change: Change
    design: Design
    down: float
    gain: float
    cost: Fraction | None

    @property
    def cost_per_hour(self) -> float | None:
        """Cost per avoided hour of downtime, None if the cost is unknown."""
        return None if self.cost is None else float(self.cost) / (self.gain / HOUR)


def changes(design: Design) -> Iterator[Change]:
    """Yield all single changes that are possible for the design."""
    for part in design.parts:
        if part.outside:
            yield from _loosened(design, part)
        else:
            yield from _replicated(design, part)
            yield from _deployed(design, part)
    yield from _maintained(design)
    yield from _stood_by(design)


def next_steps(design: Design, costs: Mapping[str, Fraction], least: float = 0.005) -> tuple[Step, ...]:
    """Return the changes worth making: those with a known cost first, the cheapest hour of downtime avoided first;
    then the others, the largest gain first. Changes that gain less than the share `least` of the downtime are excluded.

    Raises:
        EntangledError: the design, or a changed one, shares too many parts in too many ways.
    """
    now = expected_down(design)
    found = []
    for change in changes(design):
        changed = change.apply()
        down = expected_down(changed)
        if now - down > least * now:
            found.append(Step(change, changed, down, (now - down) * YEAR, costs.get(change.id)))
    return tuple(sorted(found, key=_rank))


def _rank(step: Step) -> tuple[bool, float, float, str]:
    price = step.cost_per_hour
    return (price is None, 0.0 if price is None else price, -step.gain, step.change.id)


def _with(design: Design, changed: Part) -> Design:
    return replace(design, parts=tuple(changed if part.id == changed.id else part for part in design.parts))


def _replicated(design: Design, part: Part) -> Iterator[Change]:
    if not part.replicable:
        return
    replicas, needed = part.failures.replicas + 1, part.failures.needed
    more = replace(part, failures=replace(part.failures, replicas=replicas))
    text = f"Run one more replica of {part.name}: {replicas}, of which {needed} must be up"
    yield Change(f"replica/{part.id}", text, lambda: _with(design, more))


def _deployed(design: Design, part: Part) -> Iterator[Change]:
    planned = part.deployments
    if planned is None:
        return
    seldom = replace(part, deployments=Planned(2 * planned.every, planned.lasts))
    yield Change(f"fewer/{part.id}", f"Deploy {part.name} half as often", lambda: _with(design, seldom))
    smooth = replace(part, deployments=None)
    yield Change(f"zero-downtime/{part.id}", f"Deploy {part.name} without downtime", lambda: _with(design, smooth))


def _loosened(design: Design, part: Part) -> Iterator[Change]:
    if part.coupling is Coupling.HARD:
        patient = replace(part, coupling=Coupling.RETRIED, patience=PATIENCE)
        text = f"Retry {part.name} for 15 minutes before a user sees an error"
        yield Change(f"retry/{part.id}", text, lambda: _with(design, patient))
    if part.coupling is not Coupling.DECOUPLED:
        loose = replace(part, coupling=Coupling.DECOUPLED)
        text = f"Decouple from {part.name}: queue work while it is down and retry later"
        yield Change(f"decouple/{part.id}", text, lambda: _with(design, loose))


def _maintained(design: Design) -> Iterator[Change]:
    if design.maintenance is not None and design.maintenance.counted:
        text = "Do maintenance without downtime"
        yield Change("zero-downtime/maintenance", text, lambda: replace(design, maintenance=None))


def _stood_by(design: Design) -> Iterator[Change]:
    if not design.sites:
        return
    if design.standby in (Standby.NONE, Standby.COLD):
        text = "Add a warm standby in another data centre (takes over in 15 minutes, works 9 of 10 times)"
        yield Change("standby/warm", text, lambda: _standing_by(design, _WARM))
    if design.standby is not Standby.HOT:
        text = "Serve from 2 data centres at once (takes over in 1 minute, works 99 of 100 times)"
        yield Change("standby/hot", text, lambda: _standing_by(design, _HOT))
    if design.fail_over is not None and design.standby is not Standby.NONE and design.fail_over.success < 1:
        sure = replace(design.fail_over, success=1 - (1 - design.fail_over.success) / 2)
        text = "Rehearse the fail-over to halve its failures"
        yield Change("rehearse", text, lambda: replace(design, fail_over=sure))


def _standing_by(design: Design, handover: FailOver) -> Design:
    """Return the design with the fail-over; an added second site is as reliable as the first."""
    covers = design.fail_over.covers if design.fail_over is not None else ()
    first = design.sites[0]
    second = Site(_SECOND_SITE, "a second data centre", first.failures)
    sites = design.sites if len(design.sites) > 1 else (first, second)
    return replace(design, sites=sites, fail_over=replace(handover, covers=covers))
