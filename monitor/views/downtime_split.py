"""A product's downtime split by dependencies, as its page shows it; computed in slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.downtime_split import DowntimeSplit, split_downtime
from sla.interval import DAY, Interval
from sla.objective import apportion

if TYPE_CHECKING:
    from fractions import Fraction

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.availability import Bounds

_MOST_SLICES = 400


async def split_in_slices(ledger: Ledger, product: Product, window: Interval, slices: TimeSlices) -> DowntimeSplit:
    """Return the split of the product's estimated downtime over a window, computed day by day between yields to probes.

    A long window is cut into fewer, longer slices.
    """
    own = ledger.compositions[product.id]
    dependencies = {name: ledger.compositions[name] for name in product.depends_on}
    size = max(DAY, -(-window.length // _MOST_SLICES))
    found: DowntimeSplit | None = None
    for start in range(window.start, max(window.end, window.start + 1), size):
        piece = Interval(start, min(start + size, window.end))
        split = split_downtime(own, dependencies, piece)
        found = split if found is None else found.plus(split)
        await slices.yield_if_spent()
    assert found is not None, "a window has a slice"  # noqa: S101 - for the type checker
    return found


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause: downtime (microseconds) and its share, rounded to whole percent; None without downtime."""

    cause: str
    downtime: int
    share: Fraction | None


@dataclass(frozen=True, slots=True)
class DowntimeSplitView:
    """Causes, and the availability of product and dependencies together: measured, and if they were independent."""

    lines: tuple[CauseLine, ...]
    downtime: int
    together: Bounds[Fraction | None]
    independent: Fraction | None


def downtime_split_view(found: DowntimeSplit, names: dict[str, str]) -> DowntimeSplitView | None:
    """Return the view of the split, with display names; None for a product without dependencies."""
    if not found.dependency_durations:
        return None
    causes = [("The product itself (all dependencies were up)", found.alone)]
    causes += [(f"{_all(shared, names)} down too", downtime) for shared, downtime in found.shared.items()]
    if found.unclear:
        causes.append(("Unclear: no data for a dependency", found.unclear))
    downtimes = [downtime for _, downtime in causes]
    shares = apportion(downtimes, 0) if found.downtime else [None] * len(causes)
    lines = tuple(CauseLine(*cause, share) for cause, share in zip(causes, shares, strict=True))
    return DowntimeSplitView(lines, found.downtime, found.together, found.independent)


def _all(shared: tuple[str, ...], names: dict[str, str]) -> str:
    return " and ".join(names[each] for each in shared) + (" was" if len(shared) == 1 else " were")
