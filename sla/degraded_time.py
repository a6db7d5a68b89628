"""Degraded time of a product, for agreements that count it as downtime.

The contractual history is down while the raw history is down and while the product is degraded. So degraded time is the
time in which only the contractual history is down.
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
    """Return the time that the product was degraded within the window after exclusions, microseconds.

    low: certainly up, and certainly degraded. high: possibly up, and possibly degraded. point: the difference of the
    point downtimes of both histories.
    """
    low = point = high = 0
    for part in subtract(window, excluded):
        for start, end, (raw_state, state) in joint_pieces((raw, contractual), part):
            length = end - start
            low += length * (raw_state is State.UP and state is State.DOWN)
            point += length * (state.estimate is State.DOWN and raw_state.estimate is not State.DOWN)
            high += length * (raw_state is not State.DOWN and state is not State.UP)
    return Bounds(low, point, high)
