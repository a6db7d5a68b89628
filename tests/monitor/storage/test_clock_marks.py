"""A wrong clock: new observations are kept, those with wrong instants are set aside, and their time is unknown."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.engine.recorder import Recorder, restore
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.storage.sqlite import SqliteStore
from monitor.storage.validation import refuse_damage
from monitor.storage.writer import Writer
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.timeline import Timeline
from tests.support.ledgers import BAD, GOOD, NOW, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from monitor.storage.clock_marks import SetAside
    from sla.observation import Outcome

KEY = "chefs/health"
YEAR = 365 * DAY
ALL = Interval(NOW - DAY, NOW + 2 * YEAR)
RESULTS = {GOOD: ProbeResult(GOOD), BAD: ProbeResult(BAD, "deadline")}
ObservationPairs = list[tuple[int, "Outcome"]]


def minutes(start: int, outcomes: Iterable[Outcome]) -> ObservationPairs:
    return [(start + n * MINUTE, outcome) for n, outcome in enumerate(outcomes)]


def run_daemon(
    path: Path, now: int, observations: ObservationPairs, steps: Sequence[tuple[int, int]] = (), *, killed: bool = False
) -> tuple[SetAside | None, Ledger, Health]:
    """Run a daemon that starts at `now`, with these observations and clock steps; return its results."""
    ledger, store, health = ledger_of(product("chefs")), SqliteStore(path, now), Health()
    actual = store.reconcile(now)
    writer = Writer(store, health, SystemClock())
    writer.put_folded(restore(ledger, store), None)
    recorder = Recorder(ledger, writer, health)
    writer.start()
    for at, outcome in observations:
        recorder.record(ledger.entries[KEY], RESULTS[outcome], at, 0.1)
    for step in steps:
        writer.put_clock_step(*step)
    if not killed:
        recorder._save_all_open_runs()
    assert writer.close(30.0)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        refuse_damage(connection, path)
    return actual, ledger, health


def figures(ledger: Ledger) -> tuple[object, ...]:
    timeline = ledger.entries[KEY].timeline
    counted = sum(day.histogram.count for day in ledger.latency_days(KEY))
    assert counted == timeline.counts(ALL).good, "no latency is lost, or of a wrong clock"
    return list(timeline.pieces(ALL)), timeline.counts(ALL)


def expected_figures(observations: ObservationPairs) -> tuple[object, ...]:
    timeline = Timeline.of_pairs(observations, 130 * SECOND)
    return list(timeline.pieces(ALL)), timeline.counts(ALL)


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("jump", [YEAR, 6 * HOUR])
@pytest.mark.fault(14)
def test_corrected_clock_step_makes_only_its_own_time_unknown(
    tmp_path: Path, jump: int, known: bool, killed: bool
) -> None:
    """Ten minutes are correct, ten are under a clock that stepped, ten are after a restart.

    The step may or may not be recorded.
    """
    path = tmp_path / "record.db"
    right = minutes(NOW, [GOOD] * 10)
    wrong = minutes(NOW + 10 * MINUTE + jump, [BAD] * 10)
    run_daemon(path, NOW, right + wrong, [(NOW + 10 * MINUTE, jump)] if known else [], killed=killed)
    restart = NOW + 21 * MINUTE
    after = minutes(restart, [GOOD] * 10)
    actual, ledger, health = run_daemon(path, restart, after, killed=killed)
    assert actual is not None
    assert (actual.observations, health.late_observations) == (10, 0)
    assert figures(ledger) == expected_figures(right + after)
    actual, ledger, _ = run_daemon(path, restart + HOUR, [])
    assert (actual, figures(ledger)) == (None, expected_figures(right + after))
    assert [i for i in ledger.incidents if i.opened > restart] == []


def test_wrong_span_that_starts_before_now_is_found_by_its_step(tmp_path: Path) -> None:
    """The clock is an hour ahead for three hours. Two of them are before the restart's instant, but are wrong too."""
    path = tmp_path / "record.db"
    right = minutes(NOW, [GOOD] * 10)
    wrong = minutes(NOW + 70 * MINUTE, [GOOD] * 180)
    run_daemon(path, NOW, right + wrong, [(NOW + 10 * MINUTE, HOUR)])
    restart = NOW + 195 * MINUTE
    actual, ledger, _ = run_daemon(path, restart, minutes(restart, [BAD] * 10))
    assert actual is not None
    assert (actual.start, actual.observations) == (NOW + 70 * MINUTE, 180)
    assert figures(ledger) == expected_figures(right + minutes(restart, [BAD] * 10))


def test_run_into_the_future_is_cut_at_its_last_correct_observation(tmp_path: Path) -> None:
    """No step is recorded: observations with instants after the restart are wrong, earlier ones are kept."""
    path = tmp_path / "record.db"
    run_daemon(path, NOW, minutes(NOW, [GOOD] * 60))
    restart = NOW + 30 * MINUTE + 30 * SECOND
    actual, ledger, _ = run_daemon(path, restart, [(restart, GOOD)])
    assert actual is not None
    assert actual.observations == 29
    assert figures(ledger) == expected_figures([*minutes(NOW, [GOOD] * 31), (restart, GOOD)])


def test_incident_of_the_wrong_clock_is_removed_and_a_resolved_one_continues(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    run_daemon(path, NOW, minutes(NOW, [GOOD, BAD, BAD]) + minutes(NOW + YEAR, [GOOD, GOOD, BAD, BAD]))
    restart = NOW + 10 * MINUTE
    _, ledger, _ = run_daemon(path, restart, [])
    assert [(i.opened, i.resolved) for i in ledger.incidents] == [(NOW + MINUTE, None)]


def test_clock_behind_at_the_start_loses_nothing_after_its_correction(tmp_path: Path) -> None:
    """A machine without a battery starts in the past, sets the record aside, and steps forward soon after."""
    path = tmp_path / "record.db"
    right = minutes(NOW, [GOOD] * 60)
    run_daemon(path, NOW, right)
    boot = NOW + 30 * MINUTE + 7 * SECOND
    wrong = minutes(boot, [BAD] * 2)
    correct = minutes(NOW + 70 * MINUTE, [GOOD] * 10)
    actual, _, _ = run_daemon(path, boot, wrong + correct, [(boot + 2 * MINUTE, 37 * MINUTE)])
    assert actual is not None
    actual, ledger, _ = run_daemon(path, NOW + 90 * MINUTE, [])
    assert (actual, figures(ledger)) == (None, expected_figures(right + correct))


def test_record_that_is_seconds_ahead_is_awaited(tmp_path: Path) -> None:
    """Nothing is set aside, and observations that cannot be added are counted."""
    path = tmp_path / "record.db"
    run_daemon(path, NOW, minutes(NOW, [GOOD] * 10))
    restart = NOW + 9 * MINUTE - 30 * SECOND
    actual, ledger, health = run_daemon(path, restart, [(restart, BAD), (restart + MINUTE, GOOD)])
    assert (actual, health.late_observations) == (None, 1)
    assert figures(ledger) == expected_figures([*minutes(NOW, [GOOD] * 10), (restart + MINUTE, GOOD)])


def test_set_aside_observations_stay_in_the_record(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    run_daemon(path, NOW, minutes(NOW, [GOOD] * 3) + minutes(NOW + YEAR, [BAD] * 4))
    run_daemon(path, NOW + HOUR, [])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM aside_observations").fetchone() == (4,)
        assert connection.execute("SELECT start, end, made FROM clock_marks").fetchone() == (
            NOW + HOUR,
            NOW + YEAR + 3 * MINUTE + 1,
            NOW + HOUR,
        )
