"""Maintenance plans: the planned maintenance that is valid at each instant.

See measurement.md, sections 1 and 4. Plans are part of the record. A change of the configuration appends a new plan;
plans are never edited, so past time stays excluded by the plan of that time. A plan does not exclude time before it was
loaded; use a correction for that.
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
    """The maintenance planned from `made` on (microseconds since the epoch). An empty `product` means all products.

    `blocks` is canonical JSON: the list of entries under `maintenance` in the configuration, each with its time zone.
    `supersedes` has the ids of plans that a wrong clock dated later than this one; they are ignored. `seen` is the
    instant at which the plan was loaded, if later than `made` (the first plan starts with the record).
    `id` is the id of the fact that contains the plan.
    """

    product: str
    made: int
    blocks: str = NONE
    supersedes: tuple[str, ...] = ()
    seen: int | None = field(default=None, compare=False)
    id: str = field(default="", compare=False)

    @property
    def announced(self) -> int:
        """The instant at which the plan became known."""
        return self.made if self.seen is None else self.seen

    def fact(self, source: str) -> Fact:
        """Return the plan as a fact. `source` is the path of the configuration file or folder."""
        body: dict[str, Any] = {"blocks": json.loads(self.blocks), "source": source}
        body |= {"supersedes": list(self.supersedes)} if self.supersedes else {}
        body |= {} if self.seen is None else {"seen": self.seen}
        return Fact.of(self.made, AUTHOR, MAINTENANCE, self.product, body)

    @classmethod
    def read(cls, fact: Fact) -> MaintenancePlan:
        """Return the plan of a fact. Unknown keys are ignored.

        Raises:
            ValueError: a part is missing or invalid.
        """
        try:
            body = fact.content()
            blocks = [dict(block) for block in body["blocks"]]
            superseded = tuple(map(str, body.get("supersedes", ())))
            seen = None if body.get("seen") is None else int(body["seen"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"the maintenance {fact.id} lacks a part of its body: {error!r}") from None
        return cls(fact.product, fact.made, canonical(blocks), superseded, seen, fact.id)


def in_force(plans: Sequence[MaintenancePlan], window: Interval) -> Iterator[tuple[MaintenancePlan, Interval]]:
    """Yield the parts of the window, each with the plan that was valid then.

    `plans` are in chronological order. The first plan also applies to earlier time. Of several plans at
    the same time, the last one is valid.
    """
    at = window.start
    for number, plan in enumerate(plans):
        end = window.end if number + 1 == len(plans) else min(plans[number + 1].made, window.end)
        if at < end:
            yield plan, Interval(at, end)
            at = end


def changes(before: MaintenancePlan | None, after: MaintenancePlan) -> list[str]:
    """Return the changes of a plan, one line per change: `planned: 2026-12-06T02:00/2026-12-06T04:00: upgrade`."""
    old, new = _blocks(before), _blocks(after)
    scope = "" if after.product else " for all products"
    removed = [f"no longer planned{scope}: {_block_text(block)}" for block in old if block not in new]
    return removed + [f"planned{scope}: {_block_text(block)}" for block in new if block not in old]


def _blocks(plan: MaintenancePlan | None) -> list[dict[str, Any]]:
    return [] if plan is None else list(json.loads(plan.blocks))


def _block_text(block: dict[str, Any]) -> str:
    """Return a block as text: time, recurrence, zone and reason, without missing parts."""
    if "ics" in block:
        events = str(block["ics"].get("text", "")).count("BEGIN:VEVENT")
        time_text = f"the calendar {block['ics'].get('name')} ({events} {'event' if events == 1 else 'events'})"
    else:
        time_text = f"{block.get('start')}/{block.get('end')}"
    text = " ".join(str(value) for value in (time_text, block.get("rrule"), block.get("zone")) if value)
    return f"{text}: {block['reason']}" if block.get("reason") else text
