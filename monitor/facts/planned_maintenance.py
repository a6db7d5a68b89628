"""Planned maintenance: the plans that a load of the configuration adds, and the exclusions of all plans."""

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
    from monitor.facts.fact_index import Facts
    from sla.exclusion import Exclusion

MAX_LATE_SHOWN: Final = 5  # maximum number of late maintenance times that one load reports per plan
TOO_LATE: Final = "is not excluded: it was planned after that time; add it with `ninewatch correct`"


def added_plans(
    portfolio: Portfolio, facts: Facts, began: Callable[[str], int | None], now: int
) -> Iterator[MaintenancePlan]:
    """Yield the plans that a load of the portfolio at `now` adds: one per changed plan of a product or of all products.

    The first plan of a product begins with its record: `began` returns the record's first instant. A product that was
    removed from the portfolio gets an empty plan. Plans that a wrong clock dated later than `now` are superseded.
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
            made = now if first is None else min(now, first)
            new_plan = replace(new_plan, made=made, seen=now if made < now else None)
        if ahead or current is None or current.blocks != new_plan.blocks:
            yield replace(new_plan, supersedes=ahead)


def maintenance_exclusions(
    facts: Facts, portfolio: Portfolio, product_id: str, configured: Sequence[Maintenance], window: Interval
) -> Iterator[Exclusion]:
    """Yield the exclusions of the product's maintenance in the window. Each instant uses the plan that was valid then.

    A record of an earlier version without plans uses the present configuration.
    """
    for name, blocks in (("", portfolio.maintenance), (product_id, configured)):
        if plans := facts.maintenance(name):
            yield from _by_plans(plans, window)
        else:
            yield from planned_exclusions(blocks, window, portfolio.time_zone)
    for exclusion in facts.windows(product_id):
        if exclusion.interval.start < window.end and window.start < exclusion.interval.end:
            yield exclusion


def planned_exclusions(blocks: Iterable[Maintenance], window: Interval, zone: str = "UTC") -> Iterator[Exclusion]:
    """Yield the maintenance of the blocks that overlaps the window, in full length."""
    for block in blocks:
        yield from block.exclusions(window, zone)


def _by_plans(plans: Sequence[MaintenancePlan], window: Interval) -> Iterator[Exclusion]:
    """Yield the exclusions of the plans. Maintenance that continues across a change of the plan is one exclusion."""
    continuing: dict[Exclusion, Exclusion] = {}  # keyed by the exclusion with an empty interval
    for plan, part in in_force(plans, window):
        before, continuing = continuing, {}
        for planned in planned_exclusions(maintenance_of(plan.blocks), part):
            name = replace(planned, interval=Interval(planned.interval.start, planned.interval.start))
            earlier = before.pop(name, None)
            start = max(planned.interval.start, part.start) if earlier is None else earlier.interval.start
            exclusion = replace(planned, interval=Interval(start, min(planned.interval.end, part.end)))
            if planned.interval.end > part.end and name not in continuing:
                continuing[name] = exclusion
            else:
                yield exclusion
        yield from before.values()
    yield from continuing.values()


def planned_too_late(plan: MaintenancePlan, plans: Sequence[MaintenancePlan], since: int) -> list[Interval]:
    """Return the maintenance of the plan between `since` and the instant of the plan, which is not excluded.

    Time that the previous plans exclude and blocks that the last plan already had are not returned.
    """
    if plan.made <= since or plan.blocks == NONE:
        return []
    past = Interval(since, plan.made)
    known = json.loads(plans[-1].blocks) if plans else []
    new = canonical([block for block in json.loads(plan.blocks) if block not in known])
    late = [exclusion.interval for exclusion in planned_exclusions(maintenance_of(new), past)]
    exclusions = [exclusion.interval for exclusion in _by_plans(plans, past)] if plans else []
    inside = subtract(past, subtract(past, union(late)))
    return [piece for part in inside for piece in subtract(part, exclusions)]


def late_maintenance(portfolio: Portfolio, facts: Facts, since: int, now: int) -> list[str]:
    """Return a warning per maintenance that a load at `now` would plan too late, at most `MAX_LATE_SHOWN` per plan."""
    texts = []
    for plan in added_plans(portfolio, facts, lambda _: since, now):
        plans = facts.maintenance(plan.product)
        for span in planned_too_late(plan, plans, since)[:MAX_LATE_SHOWN] if plans else ():
            scope = f"of {plan.product}" if plan.product else "of all products"
            span_text = f"{format_instant(span.start)}/{format_instant(span.end)} ({format_duration(span.length)})"
            texts.append(f"the maintenance {scope} {span_text} {TOO_LATE}")
    return texts
