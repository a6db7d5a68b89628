"""Latencies by check and day: counted with the results, and after kills neither lost nor counted twice."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.engine.recorder import SAVE_INTERVAL, Recorder, restore
from monitor.health import Health
from monitor.ledger.latencies import Latencies, day_of
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.interval import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from sla.latency_day import KEPT_TIME
from sla.latency_histogram import LatencyHistogram
from sla.latency_objective import Fast
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, PHASES, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from monitor.probe_result import ProbeResult
    from sla.latency_day import LatencyDay

UTC = ZoneInfo("UTC")
KEY = "chefs/health"


def record_until_killed(
    path: Path, results: Iterable[tuple[int, ProbeResult, float]], *, closes: bool = False, **fields: Any
) -> Ledger:
    """Run a recorder from its start until it is killed. Without `closes` the open runs are not saved at the end."""
    ledger, store = ledger_of(product("chefs", **fields), time_zone="UTC"), SqliteStore(path, NOW)
    writer = Writer(store, Health(), SystemClock())
    writer.put_folded(restore(ledger, store), None)
    recorder = Recorder(ledger, writer, Health())
    writer.start()
    for at, result, duration in results:
        recorder.record(ledger.entries[KEY], result, at, duration)
    if closes:
        recorder._save_all_open_runs()
    assert writer.close(30.0)
    store.close()
    return ledger


def by_day(days: Iterable[LatencyDay]) -> dict[int, tuple[int, int]]:
    """Return count and sum of the latencies by the start of the day."""
    return {day.start: (day.histogram.count, day.histogram.total) for day in days}


def test_good_results_are_counted_by_day_in_the_zone() -> None:
    latencies = Latencies(ZoneInfo("America/Vancouver"))
    midnight, end = day_of(NOW, latencies.zone)
    for at in (midnight - 2, midnight - 1, midnight, end - 1):
        latencies.add(KEY, at, 300, {"connect": 0.0001, "tls": 0.0002})
    first, second = latencies.days([KEY])
    assert (first.histogram.count, second.histogram.count, second.start, second.last) == (2, 2, midnight, end - 1)
    assert (second.phase_count, second.phases) == (2, {"connect": 200, "tls": 400})
    assert latencies.days(["other"]) == []
    assert end - midnight in (23 * HOUR, DAY, 25 * HOUR)


def test_only_good_regular_results_are_counted(tmp_path: Path) -> None:
    ledger = record_until_killed(tmp_path / "r.db", [(NOW, GOOD_RESULT, 0.2), (NOW + 1, BAD_RESULT, 0.3)])
    store = SqliteStore(tmp_path / "r.db", NOW)
    recorder = Recorder(ledger, Writer(store, Health(), SystemClock()), Health())
    recorder.record(ledger.entries[KEY], GOOD_RESULT, NOW + 2, 0.4, recheck=True)
    store.close()
    (day,) = ledger.latencies.days([KEY])
    assert (day.histogram.count, day.histogram.total) == (1, 200_000)
    assert day.phases == {name: round(seconds * SECOND) for name, seconds in PHASES.items()}


@pytest.mark.parametrize("killed_at", [1, 5, 12, 25])
def test_days_after_kills_are_those_of_all_results(tmp_path: Path, killed_at: int) -> None:
    """The third process is killed too, and the fourth one counts nothing twice."""
    step = SAVE_INTERVAL // 4
    results = [(NOW + n * step, GOOD_RESULT, 0.05 + n / 1_000) for n in range(40)]
    path = tmp_path / "record.db"
    record_until_killed(path, results[:killed_at])
    record_until_killed(path, results[killed_at:30])
    record_until_killed(path, results[30:], closes=True)
    ledger = record_until_killed(path, [])
    days = ledger.latencies.days([KEY])
    total = LatencyHistogram.merged(day.histogram for day in days)
    exact = LatencyHistogram.of(round(duration * SECOND) for *_, duration in results)
    assert (total.counts, total.total, total.maximum) == (exact.counts, exact.total, exact.maximum)
    with reading(path) as record:
        assert by_day(record.load_latency_days()) == by_day(days)


def test_figures_as_of_an_instant_use_the_observations_until_then(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    results = [(NOW + n * MINUTE, GOOD_RESULT, 0.1) for n in range(30)]
    ledger = record_until_killed(path, results, closes=True)
    past = ledger_at(ledger.portfolio, path, NOW + 9 * MINUTE)
    assert sum(day.histogram.count for day in past.latencies.days([KEY])) == 10
    assert sum(day.histogram.count for day in ledger_at(ledger.portfolio, path, NOW + DAY).latencies.days([KEY])) == 30


def test_renamed_check_keeps_its_days_and_none_counts_twice(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    record_until_killed(path, [(NOW, GOOD_RESULT, 0.1)], closes=True)
    for n in (1, 2):
        ledger, store = ledger_of(product("forms", was="chefs"), time_zone="UTC"), SqliteStore(path, NOW)
        writer = Writer(store, Health(), SystemClock())
        writer.put_folded(restore(ledger, store), None)
        recorder = Recorder(ledger, writer, Health())
        writer.start()
        recorder.record(ledger.entries["forms/health"], GOOD_RESULT, NOW + n * MINUTE, 0.1)
        recorder._save_all_open_runs()
        assert writer.close(30.0)
        store.close()
        assert sum(day.histogram.count for day in ledger.latency_days("forms/health")) == n + 1


def test_days_are_kept_for_a_year() -> None:
    latencies = Latencies(UTC)
    start = day_of(NOW, UTC)[0]
    for n in range(400):
        latencies.add(KEY, start + n * DAY, 250 * MILLISECOND, {})
    days = latencies.days([KEY])
    assert days[0].start == start + 399 * DAY - KEPT_TIME
    assert len(days) == 367
    assert days[5].histogram.percentile(Fraction(1, 2)) == pytest.approx(250 * MILLISECOND, rel=0.01)


def test_fast_answers_of_a_window_follow_every_change_of_its_days() -> None:
    """They are equal to those of the days at each instant: in the open day, after it is closed and after it leaves."""
    latencies = Latencies(UTC)
    start = day_of(NOW, UTC)[0]
    for n in range(8):
        at = start + n * 8 * HOUR
        latencies.add(KEY, at, 100 * MILLISECOND if n % 3 else SECOND, {})
        for since, until in ((start, at + 1), (start + DAY, at + 1), (start, start + DAY), (start + 9 * DAY, at)):
            days = [day for day in latencies.days([KEY]) if since <= day.start < until]
            total = LatencyHistogram.merged(day.histogram for day in days)
            assert latencies.fast_responses([KEY, "other"], 400 * MILLISECOND, since, until) == Fast.of(
                total, 400 * MILLISECOND
            )
    restored = Latencies(UTC)
    for added in latencies.all_days():
        restored.restore([added], [])
        expected = restored.days([KEY])
        counted = restored.fast_responses([KEY], 400 * MILLISECOND, start, NOW + 9 * DAY)
        assert counted.count == sum(day.histogram.count for day in expected)


def test_no_answer_counts_twice_after_a_change_of_the_zone() -> None:
    """The day in the new zone begins before the recorded one in the old zone, and ends after it."""
    vancouver = ZoneInfo("America/Vancouver")
    midnight = day_of(NOW, vancouver)[0]
    first, second = (KEY, midnight + HOUR, 100), (KEY, midnight + 2 * HOUR, 200)
    before = Latencies(vancouver)
    before.restore([], [first])
    after = Latencies(UTC)
    after.restore(before.all_days(), [first, second])
    restarted = Latencies(UTC)
    restarted.restore(after.days([KEY]), [first, second])
    assert by_day(restarted.days([KEY])) == {midnight: (1, 100), day_of(midnight, UTC)[0]: (1, 200)}


def test_only_changed_days_are_unsaved() -> None:
    latencies = Latencies(UTC)
    start = day_of(NOW, UTC)[0]
    latencies.add(KEY, start, 1, {})
    latencies.add("other/check", start, 1, {})
    assert [day.check for day in latencies.unsaved([KEY])] == [KEY]
    assert [day.check for day in latencies.unsaved()] == ["other/check"]
    assert latencies.unsaved() == []
    latencies.add(KEY, start + DAY, 1, {})
    assert [day.start for day in latencies.unsaved()] == [start + DAY]
    latencies.add(KEY, start + DAY + 1, 1, {})
    latencies.add(KEY, start + 2 * DAY, 1, {})
    assert [(day.start, day.last) for day in latencies.unsaved()] == [
        (start + DAY, start + DAY + 1),
        (start + 2 * DAY, start + 2 * DAY),
    ]
    assert len(latencies.all_days()) == 4
