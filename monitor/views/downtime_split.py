"""A product's downtime, split by concurrent outages of its dependencies, for its page. Computed in slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.time_slice import day_parts
from sla.downtime_split import DowntimeSplit, split_downtime
from sla.objective import apportion

if TYPE_CHECKING:
    from fractions import Fraction

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.availability import Bounds
    from sla.interval import Interval


async def split_in_slices(ledger: Ledger, product: Product, window: Interval, slices: TimeSlices) -> DowntimeSplit:
    """Return the split of the product's estimated downtime over a window, computed in parts between probes."""
    history = ledger.compositions[product.id]
    dependencies = {name: ledger.compositions[name] for name in product.depends_on}
    total: DowntimeSplit | None = None
    for piece in day_parts(window):
        split = split_downtime(history, dependencies, piece)
        total = split if total is None else total.plus(split)
        await slices.yield_if_spent()
    assert total is not None, "a window has a slice"  # noqa: S101 - for the type checker
    return total


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause, its downtime (microseconds), and its share in whole percent. The share is None without downtime."""

    cause: str
    downtime: int
    share: Fraction | None


@dataclass(frozen=True, slots=True)
class DowntimeSplitView:
    """Downtime per cause, and the availability of the product and its dependencies together.

    `together` is measured. `independent` is computed as if their failures were independent.
    """

    lines: tuple[CauseLine, ...]
    downtime: int
    together: Bounds[Fraction | None]
    independent: Fraction | None


def downtime_split_view(split: DowntimeSplit, names: dict[str, str]) -> DowntimeSplitView | None:
    """Return the view of the split. `names` are the display names by id. None for a product without dependencies."""
    if not split.dependency_durations:
        return None
    causes = [("The product itself (all dependencies were up)", split.alone)]
    causes += [(f"{_names_and_verb(shared, names)} down too", downtime) for shared, downtime in split.shared.items()]
    if split.unclear:
        causes.append(("Unclear: no data for a dependency", split.unclear))
    downtimes = [downtime for _, downtime in causes]
    shares = apportion(downtimes, 0) if split.downtime else [None] * len(causes)
    lines = tuple(CauseLine(*cause, share) for cause, share in zip(causes, shares, strict=True))
    return DowntimeSplitView(lines, split.downtime, split.together, split.independent)


def _names_and_verb(shared: tuple[str, ...], names: dict[str, str]) -> str:
    return " and ".join(names[dependency] for dependency in shared) + (" was" if len(shared) == 1 else " were")
