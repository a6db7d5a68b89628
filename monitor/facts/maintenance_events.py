"""Planned maintenance as the events of a calendar: with ids that stay the same when an event is changed.

An event of the configuration is one occurrence of its `maintenance`. The configuration has no ids, so that the event is
identified by its product and start: an occurrence with another start is another event. An added window keeps the id of
the first window that it was changed from. Events that are no longer planned are cancelled, and stay in the calendar.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from monitor.config.maintenance_meaning import maintenance_meaning, maintenance_of
from monitor.facts.planned_maintenance import planned_exclusions
from sla.interval import DAY, Interval
from sla.maintenance import MaintenancePlan
from sla.maintenance_window import maintenance_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from sla.exclusion import Exclusion
    from sla.maintenance_window import MaintenanceWindow

_ALWAYS: Final = -(1 << 62)
_MARGIN: Final = 8 * DAY  # an occurrence that began before the span may have been shortened to end before it


@dataclass(frozen=True, slots=True)
class MaintenanceEvent:
    """Planned maintenance of a product, or of all products if `product` is empty. Instants are in microseconds.

    `interval` is the time that is planned, or that was maintenance if it was ended early. `sequence` is the number of
    changes, and `changed` the instant of the last one. `window` is the added window, None for the configuration's.
    """

    id: str
    product: str
    interval: Interval
    reason: str
    made: int
    changed: int
    sequence: int = 0
    cancelled: bool = False
    recurring: bool = False
    window: MaintenanceWindow | None = None

    def is_planned_after(self, at: int) -> bool:
        """Return whether a part of the event is planned after the instant."""
        return self.interval.end > at and not self.cancelled

    def withdrawn(self, at: int) -> MaintenanceEvent:
        """Return the event after it was removed from the plan: cancelled, or ended at the instant if it had started."""
        if self.interval.start < at:
            interval = Interval(self.interval.start, at)
            return replace(self, interval=interval, changed=at, sequence=self.sequence + 1)
        return replace(self, cancelled=True, changed=at, sequence=self.sequence + 1)


def maintenance_events(facts: Facts, portfolio: Portfolio, span: Interval) -> list[MaintenanceEvent]:
    """Return the events that overlap the span, by start: of the configuration, past plans and added windows."""
    present = {product.id: product.maintenance for product in portfolio.products}
    events = list(_window_events(maintenance_windows(facts.all), facts))
    for name in dict.fromkeys(("", *present, *facts.planned)):
        plans = facts.maintenance(name)
        if not plans:  # a record of an earlier version, or no record
            blocks = portfolio.maintenance if not name else present.get(name, ())
            plans = [MaintenancePlan(name, 0, maintenance_meaning(blocks, portfolio.time_zone))]
        events += _plan_events(name, plans, Interval(span.start - _MARGIN, span.end))
    shown = (event for event in events if event.interval.start < span.end and span.start < event.interval.end)
    return sorted(shown, key=lambda event: (event.interval.start, event.product, event.id))


class _Key(NamedTuple):
    """The identity of an occurrence within a plan: its start, and its number among occurrences with this start."""

    start: int
    number: int


def _plan_events(product: str, plans: Sequence[MaintenancePlan], span: Interval) -> list[MaintenanceEvent]:
    """Return the events of the plans, which are in order of time. A plan changes nothing that was past at its time."""
    current: dict[_Key, MaintenanceEvent] = {}
    ended: list[MaintenanceEvent] = []
    for plan in plans:
        begin = _ALWAYS if plan is plans[0] else plan.made  # the first plan also applies to the time before it
        planned = {key: row for key, row in _occurrences(plan, span).items() if row.interval.end > begin}
        for key in [key for key, event in current.items() if key not in planned and event.is_planned_after(begin)]:
            event = current.pop(key).withdrawn(begin)
            if event.cancelled:
                current[key] = event
            else:
                ended.append(event)
        for key, exclusion in planned.items():
            before = current.get(key)
            if before is not None and not before.cancelled and before.interval.end < begin:
                ended.append(before)  # it was over when this plan extended it: the time between was not maintenance
                before = None
            current[key] = _event(product, plan, key, exclusion, begin, before)
    return [*ended, *current.values()]


def _occurrences(plan: MaintenancePlan, span: Interval) -> dict[_Key, Exclusion]:
    occurrences: dict[_Key, Exclusion] = {}
    planned = planned_exclusions(maintenance_of(plan.blocks), span)
    for exclusion in sorted(planned, key=lambda row: (row.interval, row.label, row.reason)):
        key = _Key(exclusion.interval.start, 0)
        while key in occurrences:
            key = key._replace(number=key.number + 1)
        occurrences[key] = exclusion
    return occurrences


def _event(
    product: str, plan: MaintenancePlan, key: _Key, planned: Exclusion, begin: int, before: MaintenanceEvent | None
) -> MaintenanceEvent:
    """Return the event of an occurrence in the plan, which applies from `begin` on. `before` is its earlier event."""
    interval = Interval(max(key.start, begin), planned.interval.end)
    if before is None:
        recurring = planned.label != "planned"
        return MaintenanceEvent(
            _id(product, key, interval.start),
            product,
            interval,
            planned.reason,
            plan.announced,
            plan.announced,
            recurring=recurring,
        )
    if not before.cancelled:
        interval = Interval(before.interval.start, interval.end)
    after = replace(before, interval=interval, reason=planned.reason, cancelled=False)
    return before if after == before else replace(after, changed=plan.made, sequence=before.sequence + 1)


def _id(product: str, key: _Key, start: int) -> str:
    """Return the id of an occurrence that is an event from `start` on: its own start, or that of a later plan."""
    parts = [product, str(start), str(key.number), *([] if key.start == start else [str(key.start)])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _window_events(windows: Iterable[MaintenanceWindow], facts: Facts) -> Iterator[MaintenanceEvent]:
    """Yield the events of added windows. A window and those that it was changed from are one event."""
    by_id = {window.id: window for window in windows}
    replaced: defaultdict[str, list[MaintenanceWindow]] = defaultdict(list)
    for window in by_id.values():
        if window.replaced_by in by_id:
            replaced[window.replaced_by].append(window)
    for window in by_id.values():
        if window.replaced_by in by_id:
            continue
        earlier, unread = [], replaced.pop(window.id, [])
        while unread:
            earlier.append(unread.pop())
            unread += replaced.pop(earlier[-1].id, [])  # several, if two windows were merged into one
        changes = [window, *sorted(earlier, key=lambda change: change.made, reverse=True)]
        product = facts.former_ids.product(window.product) if window.product else ""
        yield from _events_of_changes(product, changes)


def _events_of_changes(product: str, changes: Sequence[MaintenanceWindow]) -> Iterator[MaintenanceEvent]:
    """Yield the event of the window, and parts that were in force apart from it. `changes` are the newest first."""
    window, first = changes[0], changes[-1]
    ended = window.ended is not None and window.ended < window.interval.end
    cancelled = not window.in_force.length
    interval = window.interval if cancelled else window.in_force
    for earlier in changes[1:]:
        if not cancelled and earlier.in_force.length and earlier.in_force.end == interval.start:
            interval = Interval(earlier.in_force.start, interval.end)
        elif earlier.in_force.length:
            name, at = f"{earlier.id}.part", earlier.in_force.end
            yield MaintenanceEvent(name, product, earlier.in_force, earlier.reason, earlier.made, at, window=earlier)
    yield MaintenanceEvent(
        id=first.id,
        product=product,
        interval=interval,
        reason=window.reason,
        made=first.made,
        changed=window.ended if ended and window.ended is not None else window.made,
        sequence=len(changes) - 1 + ended,
        cancelled=cancelled,
        window=window,
    )
