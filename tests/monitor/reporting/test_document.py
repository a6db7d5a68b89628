"""Cells of a report."""

from __future__ import annotations

from monitor.reporting import document as doc
from sla.availability import Bounds
from sla.interval import HOUR, MINUTE


def test_different_bounds_give_different_cells() -> None:
    """The value is exact; the text is rounded outwards."""
    cells = doc.durations(Bounds(25 * HOUR + 10 * MINUTE, 25 * HOUR + 30 * MINUTE, 25 * HOUR + 50 * MINUTE))
    assert [cell.text for cell in cells] == ["1d 1h 10m", "1d 1h 30m", "1d 1h 50m"]
    assert [cell.value for cell in cells] == [90600, 91800, 93000]
