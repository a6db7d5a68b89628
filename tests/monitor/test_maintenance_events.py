"""Events of the maintenance calendar: they cover the time that the record excludes, and keep their ids when changed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.facts.fact_index import Facts
from monitor.facts.maintenance_events import MaintenanceEvent, maintenance_events
from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.interval import DAY, HOUR, MINUTE, Interval, subtract
from sla.maintenance_window import MaintenanceWindow, maintenance_window_end
from tests.monitor.test_planned_maintenance import SUNDAYS, block, portfolio, reload, started_ledger
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.config.model import Portfolio
    from monitor.ledger.ledger import Ledger

SPAN = Interval(NOW - 20 * DAY, NOW + 20 * DAY)


def events(ledger: Ledger, span: Interval = SPAN) -> list[MaintenanceEvent]:
    return maintenance_events(ledger.facts, ledger.portfolio, span)


def planned(facts: Facts, loaded: Portfolio) -> list[tuple[int, int, int, bool]]:
    """Return the start and end in hours from now, the sequence, and whether the event is cancelled."""
    rows = maintenance_events(facts, loaded, SPAN)
    return [((e.interval.start - NOW) // HOUR, (e.interval.end - NOW) // HOUR, e.sequence, e.cancelled) for e in rows]


def test_event_with_another_end_or_reason_is_the_same_event_with_a_new_sequence() -> None:
    ledger = started_ledger(portfolio([block(4 * HOUR, 5 * HOUR)]))
    (first,) = events(ledger)
    reload(ledger, portfolio([block(4 * HOUR, 6 * HOUR, "longer upgrade")]), NOW + HOUR)
    (second,) = events(ledger)
    assert second == replace(
        first,
        interval=Interval(NOW + 4 * HOUR, NOW + 6 * HOUR),
        reason="longer upgrade",
        sequence=1,
        changed=NOW + HOUR,
    )
    reload(
        ledger, portfolio([block(4 * HOUR, 6 * HOUR, "longer upgrade")], [block(9 * HOUR, 10 * HOUR)]), NOW + 2 * HOUR
    )
    assert events(ledger)[0] == second  # another plan does not change it


def test_event_with_another_start_is_cancelled_and_planned_anew() -> None:
    ledger = started_ledger(portfolio([block(4 * HOUR, 5 * HOUR)]))
    reload(ledger, portfolio([block(7 * HOUR, 8 * HOUR)]), NOW + HOUR)
    assert planned(ledger.facts, ledger.portfolio) == [(4, 5, 1, True), (7, 8, 0, False)]
    reload(ledger, portfolio([block(4 * HOUR, 5 * HOUR)]), NOW + 2 * HOUR)
    assert planned(ledger.facts, ledger.portfolio) == [(4, 5, 2, False), (7, 8, 1, True)]


def test_event_that_is_removed_while_it_is_in_progress_ends_then() -> None:
    ledger = started_ledger(portfolio([block(4 * HOUR, 8 * HOUR)]))
    reload(ledger, portfolio(), NOW + 5 * HOUR)
    assert planned(ledger.facts, ledger.portfolio) == [(4, 5, 1, False)]
    reload(ledger, portfolio([block(4 * HOUR, 8 * HOUR)]), NOW + 6 * HOUR)
    assert planned(ledger.facts, ledger.portfolio) == [(4, 5, 1, False), (6, 8, 0, False)]
    reload(ledger, portfolio(), NOW + 9 * HOUR)
    assert planned(ledger.facts, ledger.portfolio) == [(4, 5, 1, False), (6, 8, 0, False)]  # the past stays


def test_event_whose_new_end_is_past_ends_when_it_is_changed() -> None:
    ledger = started_ledger(portfolio([block(4 * HOUR, 8 * HOUR)]))
    reload(ledger, portfolio([block(4 * HOUR, 5 * HOUR)]), NOW + 6 * HOUR)
    assert planned(ledger.facts, ledger.portfolio) == [(4, 6, 1, False)]


def test_one_occurrence_of_a_recurrence_is_cancelled() -> None:
    ledger = started_ledger(portfolio([SUNDAYS]))
    before = events(ledger)
    assert len(before) == 6
    assert {event.recurring for event in before} == {True}
    fewer = {**SUNDAYS, "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU"}
    reload(ledger, portfolio([fewer]), NOW + HOUR)
    after = events(ledger)
    assert [event.id for event in after] == [event.id for event in before]
    assert [event.cancelled for event in after if event.interval.start > NOW] in (
        [True, False, True],
        [False, True, False],
    )
    assert not any(event.cancelled for event in after if event.interval.start < NOW)


def window(start: int, end: int, made: int = 0, product: str = "p") -> MaintenanceWindow:
    return MaintenanceWindow(product, Interval(NOW + start, NOW + end), "Ana", "upgrade", NOW + made)


def with_changes(*windows: MaintenanceWindow, ended: int | None = None) -> Facts:
    """Return the facts of a window that was changed to the others in order, and ended."""
    ends = [maintenance_window_end(old, new.made, "Ana", "changed", new.id) for old, new in pairwise(windows)]
    ends += [] if ended is None else [maintenance_window_end(windows[-1], NOW + ended, "Ana", "done")]
    return Facts([planned_window.fact() for planned_window in windows], ends)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (with_changes(window(4 * HOUR, 5 * HOUR)), [(4, 5, 0, False)]),
        (with_changes(window(4 * HOUR, 5 * HOUR), window(6 * HOUR, 8 * HOUR, HOUR)), [(6, 8, 1, False)]),
        (with_changes(window(4 * HOUR, 5 * HOUR), ended=HOUR), [(4, 5, 1, True)]),
        (with_changes(window(4 * HOUR, 9 * HOUR), ended=6 * HOUR), [(4, 6, 1, False)]),
        (with_changes(window(4 * HOUR, 9 * HOUR), window(6 * HOUR, 10 * HOUR, 6 * HOUR)), [(4, 10, 1, False)]),
        (
            with_changes(window(4 * HOUR, 9 * HOUR), window(12 * HOUR, 14 * HOUR, 6 * HOUR)),
            [(4, 6, 0, False), (12, 14, 1, False)],
        ),
        (
            with_changes(window(4 * HOUR, 9 * HOUR), window(12 * HOUR, 14 * HOUR, 6 * HOUR), ended=7 * HOUR),
            [(4, 6, 0, False), (12, 14, 2, True)],
        ),
    ],
    ids=["planned", "moved", "cancelled", "ended", "extended", "postponed", "postponed and cancelled"],
)
def test_changed_window_is_one_event(facts: Facts, expected: list[tuple[int, int, int, bool]]) -> None:
    assert planned(facts, portfolio()) == expected
    first = next(fact.id for fact in facts.all if fact.kind == "maintenance_window")
    assert maintenance_events(facts, portfolio(), SPAN)[-1].id == first


def test_windows_that_were_merged_into_one_window_keep_their_time() -> None:
    """Two windows in progress were replaced by a third. Before, the calendar showed the time of only one of them."""
    first, second = window(4 * HOUR, 9 * HOUR), window(2 * HOUR, 8 * HOUR, made=MINUTE)
    merged = window(6 * HOUR, 12 * HOUR, made=6 * HOUR)
    ends = [maintenance_window_end(old, merged.made, "Ana", "merged", merged.id) for old in (first, second)]
    rows = planned(Facts([row.fact() for row in (first, second, merged)], ends), portfolio())
    assert rows == [(2, 12, 2, False), (4, 6, 0, False)]


def test_record_without_plans_shows_the_configuration() -> None:
    loaded = portfolio([block(4 * HOUR, 5 * HOUR)], [block(-6 * HOUR, -5 * HOUR)])
    assert [(event.product, event.cancelled) for event in maintenance_events(Facts(), loaded, SPAN)] == [
        ("", False),
        ("p", False),
    ]


BLOCKS = st.lists(
    st.one_of(
        st.builds(
            lambda start, length, reason: block(start * HOUR, (start + length) * HOUR, reason),
            st.integers(-4, 10),
            st.integers(1, 6),
            st.sampled_from(["upgrade", "patch"]),
        ),
        st.just(SUNDAYS),
    ),
    max_size=3,
)


TWO_IN_PROGRESS = [(0, []), (1, [block(-1 * HOUR, 2 * HOUR), block(0, 3 * HOUR)])]
EXTENDED_AFTER_ITS_END = [(0, []), (0, [block(0, HOUR)]), (1, [block(0, 2 * HOUR)])]


@settings(max_examples=25, deadline=None)
@example(TWO_IN_PROGRESS)
@example(EXTENDED_AFTER_ITS_END)
@given(st.lists(st.tuples(st.integers(0, 3), BLOCKS), min_size=1, max_size=5))
def test_events_cover_the_excluded_time_and_change_only_with_a_higher_sequence(
    loads: list[tuple[int, list[dict[str, str]]]],
) -> None:
    (_, first), *later = loads
    ledger, at = started_ledger(portfolio(first)), NOW
    before = {event.id: event for event in events(ledger)}
    for hours, blocks in later:
        at += hours * HOUR + 1
        reload(ledger, portfolio(blocks), at)
        shown = events(ledger)
        excluded = maintenance_exclusions(ledger.facts, ledger.portfolio, "p", ledger.products["p"].maintenance, SPAN)
        assert uncovered(e.interval for e in shown if not e.cancelled) == uncovered(e.interval for e in excluded)
        after = {event.id: event for event in shown}
        assert len(after) == len(shown)
        assert before.keys() <= after.keys()
        for name, event in before.items():
            assert after[name] == event or after[name].sequence > event.sequence
        before = after


def uncovered(intervals: Iterable[Interval]) -> list[Interval]:
    return list(subtract(SPAN, intervals))
