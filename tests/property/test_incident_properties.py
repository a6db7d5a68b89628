"""Properties of incidents in adjacent windows: the parts of their downtime add up to the microsecond."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sla.incident import Incident, IncidentTracker, Opened, Resolved
from sla.interval import Interval
from sla.observation import Observation, Outcome
from sla.timeline import Timeline
from tests.property.oracle import cell, worst_outcomes
from tests.property.strategies import histories, holds

if TYPE_CHECKING:
    from tests.property.oracle import Seen

START, END = -5, 70
cuts = st.lists(st.integers(START, END), max_size=6)
streaks = st.integers(1, 3)


def timeline_and_incidents(observations: Seen, hold: int, fall: int, rise: int) -> tuple[Timeline, list[Incident]]:
    """Return the timeline and the incidents after the last observation."""
    timeline = Timeline(hold)
    tracker = IncidentTracker("p/c", "p", fall, rise, timeline)
    actual: dict[str, Incident] = {}
    for at, outcome in sorted(worst_outcomes(observations).items()):
        timeline.append(at, Outcome(outcome))
        change = tracker.step(Observation("p/c", at, Outcome(outcome), "x" if outcome == "bad" else ""))
        if isinstance(change, Opened | Resolved):
            actual[change.incident.id] = change.incident
    return timeline, list(actual.values())


def downtime_of_cells(observations: Seen, hold: int, span: range) -> int:
    return sum(cell(observations, hold, x) in ("down", "doubt_down") for x in span)


@given(histories, holds, streaks, streaks, cuts, st.integers(41, END))
def test_parts_of_adjacent_windows_add_up_to_the_downtime(
    observations: Seen, hold: int, fall: int, rise: int, cuts: list[int], at: int
) -> None:
    """The instant is not before the last observation. A window that the incident does not touch has no part."""
    timeline, incidents = timeline_and_incidents(observations, hold, fall, rise)
    windows = [Interval(*pair) for pair in pairwise(sorted({START, END, *cuts}))]
    total = 0
    for incident in incidents:
        parts = [part for window in windows if (part := incident.part(window, at, timeline)) is not None]
        downtime = incident.downtime_until(at if incident.resolved is None else incident.resolved, timeline)
        assert incident.downtime in (None, downtime)
        assert {part.incident.downtime for part in parts} == {downtime}
        assert sum(part.downtime_in_window or 0 for part in parts) == downtime
        assert {part.incident.resolved for part in parts} == {incident.resolved}
        total += downtime
    if fall == rise == 1:
        assert total == downtime_of_cells(observations, hold, range(START, at))


@given(histories, holds, streaks, streaks, st.integers(START, END), st.integers(START, END))
def test_part_equals_the_downtime_of_the_cells_in_the_window(
    observations: Seen, hold: int, fall: int, rise: int, a: int, b: int
) -> None:
    timeline, incidents = timeline_and_incidents(observations, hold, fall, rise)
    window = Interval(min(a, b), max(a, b))
    for incident in incidents:
        end = END if incident.resolved is None else incident.resolved
        began = incident.opened
        while cell(observations, hold, began - 1) == "doubt_down":
            began -= 1
        actual = incident.part(window, END, timeline)
        inside = range(max(began, window.start), min(end, window.end))
        assert (actual is not None) == (began < window.end and end > window.start)
        if actual is not None:
            assert actual.downtime_in_window == downtime_of_cells(observations, hold, inside)


@given(histories, holds, st.integers(START, END), st.integers(START, END))
def test_incident_without_a_history_has_no_part(observations: Seen, hold: int, a: int, b: int) -> None:
    window = Interval(min(a, b), max(a, b))
    _, incidents = timeline_and_incidents(observations, hold, 1, 1)
    for incident in incidents:
        for history in (None, Timeline(hold)):
            actual = incident.part(window, END, history)
            end = END if incident.resolved is None else incident.resolved
            assert (actual is not None) == (incident.opened < window.end and end > window.start)
            if actual is not None:
                assert (actual.incident, actual.downtime_in_window) == (incident, None)


@given(histories, holds, st.integers(START, END))
def test_incident_resolved_later_is_open_at_an_earlier_instant(observations: Seen, hold: int, at: int) -> None:
    timeline, incidents = timeline_and_incidents(observations, hold, 1, 1)
    for incident in incidents:
        actual = incident.part(Interval(START, END), at, timeline)
        if actual is not None and (incident.resolved is None or incident.resolved > at):
            assert actual.incident.resolved is None
            assert actual.downtime_in_window == actual.incident.downtime == incident.downtime_until(at, timeline)
