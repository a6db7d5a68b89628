"""A clock that was wrong: new observations are kept, what it stamped is set aside, and its time is unknown."""

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
Seen = list[tuple[int, "Outcome"]]


def minutes(start: int, outcomes: Iterable[Outcome]) -> Seen:
    return [(start + n * MINUTE, outcome) for n, outcome in enumerate(outcomes)]


def live(
    path: Path, now: int, seen: Seen, steps: Sequence[tuple[int, int]] = (), *, killed: bool = False
) -> tuple[SetAside | None, Ledger, Health]:
    """Be a daemon that starts at `now`, records these observations and sees these steps; return what it found."""
    ledger, store, health = ledger_of(product("chefs")), SqliteStore(path, now), Health()
    found = store.reconcile(now)
    writer = Writer(store, health, SystemClock())
    writer.put_folded(restore(ledger, store), None)
    recorder = Recorder(ledger, writer, health)
    writer.start()
    for at, outcome in seen:
        recorder.record(ledger.entries[KEY], RESULTS[outcome], at, 0.1)
    for step in steps:
        writer.put_clock_step(*step)
    if not killed:
        recorder._save_all_open_runs()
    assert writer.close(30.0)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        refuse_damage(connection, path)
    return found, ledger, health


def figures(ledger: Ledger) -> tuple[object, ...]:
    timeline = ledger.entries[KEY].timeline
    return list(timeline.pieces(ALL)), timeline.counts(ALL)


def expected(seen: Seen) -> tuple[object, ...]:
    timeline = Timeline.of_pairs(seen, 130 * SECOND)
    return list(timeline.pieces(ALL)), timeline.counts(ALL)


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("jump", [YEAR, 6 * HOUR])
def test_a_jump_that_was_corrected_costs_only_its_own_time(
    tmp_path: Path, jump: int, known: bool, killed: bool
) -> None:
    """Ten minutes right, ten under a clock that jumped, ten after a restart; whether or not the step was recorded."""
    path = tmp_path / "record.db"
    right = minutes(NOW, [GOOD] * 10)
    wrong = minutes(NOW + 10 * MINUTE + jump, [BAD] * 10)
    live(path, NOW, right + wrong, [(NOW + 10 * MINUTE, jump)] if known else [], killed=killed)
    again = NOW + 21 * MINUTE
    after = minutes(again, [GOOD] * 10)
    found, ledger, health = live(path, again, after, killed=killed)
    assert found is not None
    assert (found.observations, health.late_observations) == (10, 0)
    assert figures(ledger) == expected(right + after)
    found, ledger, _ = live(path, again + HOUR, [])
    assert (found, figures(ledger)) == (None, expected(right + after))
    assert [i for i in ledger.incidents if i.opened > again] == []


def test_a_wrong_span_that_reaches_back_before_now_is_known_from_its_step(tmp_path: Path) -> None:
    """An hour ahead for three hours: two of them lie before the instant of the restart, and are wrong all the same."""
    path = tmp_path / "record.db"
    right = minutes(NOW, [GOOD] * 10)
    wrong = minutes(NOW + 70 * MINUTE, [GOOD] * 180)
    live(path, NOW, right + wrong, [(NOW + 10 * MINUTE, HOUR)])
    again = NOW + 195 * MINUTE
    found, ledger, _ = live(path, again, minutes(again, [BAD] * 10))
    assert found is not None
    assert (found.start, found.observations) == (NOW + 70 * MINUTE, 180)
    assert figures(ledger) == expected(right + minutes(again, [BAD] * 10))


def test_a_run_that_reaches_into_the_future_is_cut_at_its_last_right_observation(tmp_path: Path) -> None:
    """No step is known: what is stamped after the restart is wrong, what came before it stands."""
    path = tmp_path / "record.db"
    live(path, NOW, minutes(NOW, [GOOD] * 60))
    again = NOW + 30 * MINUTE + 30 * SECOND
    found, ledger, _ = live(path, again, [(again, GOOD)])
    assert found is not None
    assert found.observations == 29
    assert figures(ledger) == expected([*minutes(NOW, [GOOD] * 31), (again, GOOD)])


def test_an_incident_of_the_wrong_clock_goes_and_one_that_it_resolved_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    live(path, NOW, minutes(NOW, [GOOD, BAD, BAD]) + minutes(NOW + YEAR, [GOOD, GOOD, BAD, BAD]))
    again = NOW + 10 * MINUTE
    _, ledger, _ = live(path, again, [])
    assert [(i.opened, i.resolved) for i in ledger.incidents] == [(NOW + MINUTE, None)]


def test_a_clock_that_was_behind_at_the_start_costs_nothing_once_it_is_right(tmp_path: Path) -> None:
    """A machine without a battery: it starts in the past, sets the record aside, and steps forward soon after."""
    path = tmp_path / "record.db"
    right = minutes(NOW, [GOOD] * 60)
    live(path, NOW, right)
    boot = NOW + 30 * MINUTE + 7 * SECOND
    wrong = minutes(boot, [BAD] * 2)
    then = minutes(NOW + 70 * MINUTE, [GOOD] * 10)
    found, _, _ = live(path, boot, wrong + then, [(boot + 2 * MINUTE, 37 * MINUTE)])
    assert found is not None
    found, ledger, _ = live(path, NOW + 90 * MINUTE, [])
    assert (found, figures(ledger)) == (None, expected(right + then))


def test_a_record_that_is_a_moment_ahead_is_waited_for(tmp_path: Path) -> None:
    """A correction of seconds: nothing is set aside, and what cannot be taken is counted."""
    path = tmp_path / "record.db"
    live(path, NOW, minutes(NOW, [GOOD] * 10))
    again = NOW + 9 * MINUTE - 30 * SECOND
    found, ledger, health = live(path, again, [(again, BAD), (again + MINUTE, GOOD)])
    assert (found, health.late_observations) == (None, 1)
    assert figures(ledger) == expected([*minutes(NOW, [GOOD] * 10), (again + MINUTE, GOOD)])


def test_what_was_set_aside_stays_in_the_record(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    live(path, NOW, minutes(NOW, [GOOD] * 3) + minutes(NOW + YEAR, [BAD] * 4))
    live(path, NOW + HOUR, [])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM aside_observations").fetchone() == (4,)
        assert connection.execute("SELECT start, end, made FROM clock_marks").fetchone() == (
            NOW + HOUR,
            NOW + YEAR + 3 * MINUTE + 1,
            NOW + HOUR,
        )
