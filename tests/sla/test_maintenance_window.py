"""Maintenance windows: the time in force, early ends, and invalid facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla.exclusion import Cause, Exclusion
from sla.fact import Fact
from sla.interval import HOUR, Interval
from sla.maintenance_window import (
    MAINTENANCE_WINDOW,
    MaintenanceWindow,
    maintenance_window_end,
    maintenance_windows,
)

NOW = 1_790_000_000_000_000
WINDOW = MaintenanceWindow("forms", Interval(NOW + HOUR, NOW + 3 * HOUR), "Ana", "upgrade", NOW)


def test_window_is_read_from_its_fact() -> None:
    assert maintenance_windows([WINDOW.fact()]) == [WINDOW]
    assert WINDOW.exclusion() == Exclusion(WINDOW.interval, Cause.MAINTENANCE, WINDOW.id, "Ana", "upgrade", NOW)


def test_window_excludes_no_time_before_it_was_stated() -> None:
    late = replace(WINDOW, made=NOW + 2 * HOUR)
    assert late.in_force == Interval(NOW + 2 * HOUR, NOW + 3 * HOUR)
    past = replace(WINDOW, made=NOW + 4 * HOUR)
    assert past.in_force.length == 0


@pytest.mark.parametrize(
    ("ends", "length"), [([2 * HOUR], HOUR), ([2 * HOUR + 1, 2 * HOUR], HOUR), ([5 * HOUR], 2 * HOUR), ([1], 0)]
)
def test_earliest_end_counts(ends: list[int], length: int) -> None:
    facts = [maintenance_window_end(WINDOW, NOW + end, "Ben", "done") for end in ends]
    (window,) = maintenance_windows([WINDOW.fact(), *facts])
    assert (window.id, window.in_force.length) == (WINDOW.id, length)


@pytest.mark.parametrize("body", [[], {}, {"start": 1}, {"start": 5, "end": 5}, {"start": "1", "end": 5}])
def test_invalid_fact_is_ignored(body: object) -> None:
    assert maintenance_windows([Fact.of(NOW, "Ana", MAINTENANCE_WINDOW, "forms", body)]) == []
    assert maintenance_windows([Fact.of(NOW, "Ana", "note", "forms", {})]) == []
