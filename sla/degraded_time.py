"""The time in which a product was degraded, of an agreement that counts it as downtime.

The contractual history is down whenever the raw history is, and also while the product is up but degraded. So the
degraded time is the time in which only the contractual history is down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.availability import Bounds
from sla.downtime_split import joint_pieces
from sla.interval import Interval, subtract
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sla.state_history import History


def degraded_time(raw: History, contractual: History, window: Interval, excluded: Iterable[Interval]) -> Bounds[int]:
    """Return how long the product was degraded within the window after exclusions, microseconds.

    low: certainly up, and certainly degraded. high: possibly up, and possibly degraded. point: the difference of the
    point downtimes of both histories.
    """
    low = point = high = 0
    for part in subtract(window, excluded):
        for start, end, (state, strict) in joint_pieces((raw, contractual), part):
            length = end - start
            low += length * (state is State.UP and strict is State.DOWN)
            point += length * (strict.estimate is State.DOWN and state.estimate is not State.DOWN)
            high += length * (state is not State.DOWN and strict is not State.UP)
    return Bounds(low, point, high)
