"""Maintenance windows: the time in force, early ends, and invalid facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sla.exclusion import Cause, Exclusion
from sla.fact import Fact
from sla.interval import HOUR, Interval
from sla.maintenance_window import (
    MAINTENANCE_WINDOW,
    Approval,
    MaintenanceWindow,
    approval_obstacle,
    maintenance_approval,
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


def test_end_of_a_change_names_the_window_in_its_place() -> None:
    changed = replace(WINDOW, made=NOW + 5, reason="upgrade and restart")
    end = maintenance_window_end(WINDOW, NOW + 5, "Ben", "changed", changed.id)
    first, second = maintenance_windows([WINDOW.fact(), changed.fact(), end])
    assert (first.ended, first.replaced_by) == (NOW + 5, changed.id)
    assert second == changed


@pytest.mark.parametrize("body", [[], {}, {"start": 1}, {"start": 5, "end": 5}, {"start": "1", "end": 5}])
def test_invalid_fact_is_ignored(body: object) -> None:
    assert maintenance_windows([Fact.of(NOW, "Ana", MAINTENANCE_WINDOW, "forms", body)]) == []
    assert maintenance_windows([Fact.of(NOW, "Ana", "note", "forms", {})]) == []


def test_first_approval_by_another_person_counts() -> None:
    approvals = [maintenance_approval(WINDOW, NOW + at, name) for at, name in ((1, " ANA "), (7, "Eve"), (5, "Ben"))]
    (window,) = maintenance_windows([WINDOW.fact(), *approvals])
    assert window.approval == Approval(NOW + 5, "Ben")
    assert maintenance_windows([WINDOW.fact(), approvals[0]])[0].approval is None


@pytest.mark.parametrize(
    ("change", "author", "at", "obstacle"),
    [
        ({}, "Ben", NOW + HOUR, None),
        ({}, "ana", NOW, "the author of a window cannot approve it"),
        ({}, "Ben", NOW + HOUR + 1, "the window has already started"),
        ({"ended": NOW}, "Ben", NOW + 1, "the window was ended"),
        ({"approval": Approval(NOW, "Eve")}, "Ben", NOW + 1, "the window is already approved by Eve"),
    ],
)
def test_obstacle_of_an_approval(change: dict[str, Any], author: str, at: int, obstacle: str | None) -> None:
    actual = approval_obstacle(replace(WINDOW, **change), author, at)
    assert (actual and actual[0]) == obstacle
