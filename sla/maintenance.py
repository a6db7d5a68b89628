"""Maintenance plans: the planned maintenance in force at each instant.

measurement.md, sections 1 and 4. A plan is part of the record: it is appended when the configuration changes it and is
never edited. Time that has passed stays excluded by the plan that was in force then, and a plan for time that had
already passed when it was loaded excludes nothing: that takes a correction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sla.definition import AUTHOR
from sla.fact import MAINTENANCE, Fact, canonical
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NONE: Final = "[]"


@dataclass(frozen=True, slots=True)
class MaintenancePlan:
    """The maintenance that was planned from `made` on (microseconds since the epoch); of all products if none is named.

    `blocks` is canonical JSON: a list of what the configuration has under `maintenance`, each with its time zone.
    `supersedes` holds the ids of plans that a wrong clock stamped later than this one: they do not count. `id` is that
    of the fact it was read from.
    """

    product: str
    made: int
    blocks: str = NONE
    supersedes: tuple[str, ...] = ()
    id: str = field(default="", compare=False)

    def fact(self, source: str) -> Fact:
        """Return it as the record keeps it; `source` names the configuration's file or folder."""
        body: dict[str, Any] = {"blocks": json.loads(self.blocks), "source": source}
        body |= {"supersedes": list(self.supersedes)} if self.supersedes else {}
        return Fact.of(self.made, AUTHOR, MAINTENANCE, self.product, body)

    @classmethod
    def read(cls, fact: Fact) -> MaintenancePlan:
        """Return the plan that the fact is; keys that this version does not know are ignored.

        Raises:
            ValueError: a part is missing, or is not what this version knows.
        """
        try:
            body = fact.content()
            blocks = [dict(each) for each in body["blocks"]]
            superseded = tuple(map(str, body.get("supersedes", ())))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"the maintenance {fact.id} lacks a part of its body: {error!r}") from None
        return cls(fact.product, fact.made, canonical(blocks), superseded, fact.id)


def in_force(plans: Sequence[MaintenancePlan], window: Interval) -> Iterator[tuple[MaintenancePlan, Interval]]:
    """Yield the parts of the window, each with the plan that was in force then; before the first plan, that one.

    `plans` are in the order in which they were made; of several made at one instant the last is in force.
    """
    at = window.start
    for number, plan in enumerate(plans):
        end = window.end if number + 1 == len(plans) else min(plans[number + 1].made, window.end)
        if at < end:
            yield plan, Interval(at, end)
            at = end


def changes(before: MaintenancePlan | None, after: MaintenancePlan) -> list[str]:
    """Return what a plan changes, one line for each change: `planned: 2026-12-06T02:00/2026-12-06T04:00: upgrade`."""
    old, new = _blocks(before), _blocks(after)
    whose = "" if after.product else " for all products"
    removed = [f"no longer planned{whose}: {_described(each)}" for each in old if each not in new]
    return removed + [f"planned{whose}: {_described(each)}" for each in new if each not in old]


def _blocks(plan: MaintenancePlan | None) -> list[dict[str, Any]]:
    return [] if plan is None else list(json.loads(plan.blocks))


def _described(block: dict[str, Any]) -> str:
    """Return one block in words: when, how it recurs, the zone and the reason, as far as it states them."""
    if "ics" in block:
        events = str(block["ics"].get("text", "")).count("BEGIN:VEVENT")
        when = f"the calendar {block['ics'].get('name')} ({events} {'event' if events == 1 else 'events'})"
    else:
        when = f"{block.get('start')}/{block.get('end')}"
    found = " ".join(str(each) for each in (when, block.get("rrule"), block.get("zone")) if each)
    return f"{found}: {block['reason']}" if block.get("reason") else found
