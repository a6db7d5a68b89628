"""Planned maintenance with the instants at which it was announced, for agreements with terms for maintenance.

A window of a command or the API is announced when it is added. Maintenance of the configuration is announced when the
daemon first loads it: each part of a window by the first of the plans, without a gap until its start, that contain it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.config.maintenance_meaning import maintenance_of
from monitor.facts.planned_maintenance import planned_exclusions
from sla.interval import Interval, subtract
from sla.maintenance import in_force
from sla.maintenance_terms import AnnouncedMaintenance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.config.maintenance import Maintenance
    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from sla.maintenance import MaintenancePlan
    from sla.maintenance_window import MaintenanceWindow


def announced_maintenance(
    facts: Facts, portfolio: Portfolio, product_id: str, configured: Sequence[Maintenance], window: Interval
) -> Iterator[AnnouncedMaintenance]:
    """Yield the parts of the product's maintenance in the window, each with its announcement.

    Together they cover the time of `maintenance_exclusions`. A record of an earlier version without plans uses the
    present configuration, whose announcement is not recorded.
    """
    for name, blocks in (("", portfolio.maintenance), (product_id, configured)):
        if plans := facts.maintenance(name):
            yield from _of_plans(plans, window)
        else:
            for planned in planned_exclusions(blocks, window, portfolio.time_zone):
                yield AnnouncedMaintenance(planned, planned.interval.start)
    for stated in facts.stated_windows(product_id):
        if stated.in_force.start < window.end and window.start < stated.in_force.end:
            yield _of_window(stated)


def _of_window(stated: MaintenanceWindow) -> AnnouncedMaintenance:
    approved = None if stated.approval is None else stated.approval.made
    return AnnouncedMaintenance(stated.exclusion(), stated.interval.start, stated.made, approved)


def _of_plans(plans: Sequence[MaintenancePlan], window: Interval) -> Iterator[AnnouncedMaintenance]:
    for plan, part in in_force(plans, window):
        former = plans[: plans.index(plan) + 1]
        for planned in planned_exclusions(maintenance_of(plan.blocks), part):
            span = planned.interval
            inside = Interval(max(span.start, part.start), min(span.end, part.end))
            for piece, announced in _announcements(former, inside):
                yield AnnouncedMaintenance(replace(planned, interval=piece), span.start, announced)


def _announcements(plans: Sequence[MaintenancePlan], planned: Interval) -> Iterator[tuple[Interval, int]]:
    """Yield the parts of time that the last plan contains, each with the instant at which it was announced.

    That is the instant of the earliest plan from which on all plans contain the part.
    """
    remaining = [planned]
    for plan, before in zip(reversed(plans), [*reversed(plans[:-1]), None], strict=True):
        contained = [] if before is None else list(_contained(before, planned))
        for part in remaining:
            yield from ((piece, plan.announced) for piece in subtract(part, contained))
        remaining = [piece for part in remaining for piece in subtract(part, list(subtract(part, contained)))]
        if not remaining:
            return


def _contained(plan: MaintenancePlan, window: Interval) -> Iterator[Interval]:
    return (planned.interval for planned in planned_exclusions(maintenance_of(plan.blocks), window))
