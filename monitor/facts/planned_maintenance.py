"""Planned maintenance: what a load of the configuration adds to the record, and what was in force when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.config.maintenance_meaning import maintenance_meaning, maintenance_of
from sla.duration import format_duration
from sla.fact import canonical
from sla.interval import Interval, subtract, union
from sla.maintenance import NONE, MaintenancePlan, in_force
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from monitor.config.maintenance import Maintenance
    from monitor.config.model import Portfolio
    from monitor.facts.known_facts import Facts
    from sla.exclusion import Exclusion

MOST_LATE: Final = 5  # times of maintenance in the past that one load reports of a product
TOO_LATE: Final = "is not excluded: it was planned after that time; state it with `ninewatch correct`"


def added_plans(
    portfolio: Portfolio, facts: Facts, began: Callable[[str], int | None], now: int
) -> Iterator[MaintenancePlan]:
    """Yield the plans that a load of the portfolio at `now` adds: one for each product whose plan changed, and for all.

    The first plan of a product begins with its record, of which `began` returns the first instant. A product that has
    left the portfolio has no maintenance planned. What a wrong clock stamped later than `now` is superseded.
    """
    planned = {product.id: product.maintenance for product in portfolio.products}
    starts = [at for name in planned if (at := began(name)) is not None]
    for name in dict.fromkeys(("", *planned, *facts.planned)):
        plans = facts.maintenance(name)
        blocks = portfolio.maintenance if not name else planned.get(name, ())
        new_plan = MaintenancePlan(name, now, maintenance_meaning(blocks, portfolio.time_zone))
        ahead = tuple(plan.id for plan in plans if plan.made > now)
        current = next((plan for plan in reversed(plans) if plan.made <= now), None)
        if not plans:
            first = min(starts, default=None) if not name else began(name)
            new_plan = replace(new_plan, made=now if first is None else min(now, first))
        if ahead or current is None or current.blocks != new_plan.blocks:
            yield replace(new_plan, supersedes=ahead)


def maintenance_exclusions(
    facts: Facts, portfolio: Portfolio, product_id: str, configured: Sequence[Maintenance], window: Interval
) -> Iterator[Exclusion]:
    """Yield the maintenance of the product within the window, each time by the plan that was in force then.

    A record without plans, of an earlier version, takes what is configured now.
    """
    for name, blocks in (("", portfolio.maintenance), (product_id, configured)):
        if plans := facts.maintenance(name):
            yield from _by_plans(plans, window)
        else:
            yield from _excluded(blocks, window, portfolio.time_zone)


def _excluded(blocks: Iterable[Maintenance], window: Interval, zone: str = "UTC") -> Iterator[Exclusion]:
    for block in blocks:
        yield from block.exclusions(window, zone)


def _by_plans(plans: Sequence[MaintenancePlan], window: Interval) -> Iterator[Exclusion]:
    """Yield what the plans exclude; maintenance that goes on through a change of plan is one exclusion."""
    going_on: dict[Exclusion, Exclusion] = {}  # by its start and name
    for plan, part in in_force(plans, window):
        before, going_on = going_on, {}
        for planned in _excluded(maintenance_of(plan.blocks), part):
            name = replace(planned, interval=Interval(planned.interval.start, planned.interval.start))
            earlier = before.pop(name, None)
            start = max(planned.interval.start, part.start) if earlier is None else earlier.interval.start
            exclusion = replace(planned, interval=Interval(start, min(planned.interval.end, part.end)))
            if planned.interval.end > part.end and name not in going_on:
                going_on[name] = exclusion
            else:
                yield exclusion
        yield from before.values()
    yield from going_on.values()


def excluded_too_late(plan: MaintenancePlan, plans: Sequence[MaintenancePlan], since: int) -> list[Interval]:
    """Return the time from `since` until the plan was made that it would exclude, had it been in force then.

    Time that the plans before it exclude is not in it, nor is what the plan before planned as well.
    """
    if plan.made <= since or plan.blocks == NONE:
        return []
    past = Interval(since, plan.made)
    known = json.loads(plans[-1].blocks) if plans else []
    new = canonical([block for block in json.loads(plan.blocks) if block not in known])
    late = [exclusion.interval for exclusion in _excluded(maintenance_of(new), past)]
    exclusions = [exclusion.interval for exclusion in _by_plans(plans, past)] if plans else []
    inside = subtract(past, subtract(past, union(late)))
    return [piece for part in inside for piece in subtract(part, exclusions)]


def late_maintenance(portfolio: Portfolio, facts: Facts, since: int, now: int) -> list[str]:
    """Return a warning for each time since the record began that a load at `now` would plan too late, a few a plan."""
    texts = []
    for plan in added_plans(portfolio, facts, lambda _: since, now):
        plans = facts.maintenance(plan.product)
        for span in excluded_too_late(plan, plans, since)[:MOST_LATE] if plans else ():
            whose = f"of {plan.product}" if plan.product else "of all products"
            when = f"{format_instant(span.start)}/{format_instant(span.end)} ({format_duration(span.length)})"
            texts.append(f"the maintenance {whose} {when} {TOO_LATE}")
    return texts
