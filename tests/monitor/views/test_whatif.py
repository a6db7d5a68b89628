"""The text of what would have helped: bounds are rounded outwards."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from monitor.views.whatif import whatif_view
from sla.availability import Bounds
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.states import Durations
from sla.whatif import Effect, WhatIf
from sla.whatif_changes import SecondReplica

DOWN, DOUBT = DAY + HOUR + 50 * MINUTE, 30 * SECOND


def test_maximum_is_rounded_up() -> None:
    before = Durations(up=30 * DAY, down=DOWN, doubt_up=DOUBT)
    effect = Effect(SecondReplica(), before, before, Bounds(0, None, DOWN + DOUBT), 0)
    window = Interval(0, before.total)
    view = whatif_view(WhatIf("forms", window, window, before, (effect,)), ZoneInfo("UTC"))
    assert view.lines[0].saved_bounds == "between 0s and 1d 2h"
    assert view.recorded.endswith("1d 1h 50m of downtime (between 1d 1h 50m and 1d 1h 51m)")
