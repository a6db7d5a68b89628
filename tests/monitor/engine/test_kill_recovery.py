"""No stored observation is lost by kills and by starts without a check, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import SystemClock
from monitor.engine.recorder import Recorder, restore
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.timeline import Timeline
from tests.support.ledgers import BAD, GOOD, NOW, UNKNOWN, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import pytest

    from monitor.ledger.ledger import Ledger
    from sla.observation import Outcome

ALL = Interval(NOW - DAY, NOW + 40 * DAY)
KEY = "chefs/health"
RESULTS = {GOOD: ProbeResult(GOOD), BAD: ProbeResult(BAD, "deadline"), UNKNOWN: ProbeResult(UNKNOWN, "no_route")}


def run_until_killed(path: Path, products: Iterable[str], play: Callable[[Ledger, Recorder], None]) -> None:
    """Run a daemon from its start until it is killed: queued writes are stored, nothing is written at the end."""
    ledger, store, health = ledger_of(*map(product, products)), SqliteStore(path, NOW), Health()
    writer = Writer(store, health, SystemClock())
    writer.put_folded(restore(ledger, store), None)
    recorder = Recorder(ledger, writer, health)
    writer.start()
    try:
        play(ledger, recorder)
        assert writer.close(30.0)
    finally:
        store.close()


def outcome_player(key: str, at: int, outcomes: Iterable[Outcome]) -> Callable[[Ledger, Recorder], None]:
    """Return a function that records the outcomes once a minute."""

    def play(ledger: Ledger, recorder: Recorder) -> None:
        for n, outcome in enumerate(outcomes):
            recorder.record(ledger.entries[key], RESULTS[outcome], at + n * MINUTE, 0.1)

    return play


def restored_figures(path: Path, key: str) -> tuple[object, ...]:
    """Return the states and counts of a check after a restart."""
    store, ledger = SqliteStore(path, NOW), ledger_of(product(key.partition("/")[0]))
    restore(ledger, store)
    store.close()
    timeline = ledger.entries[key].timeline
    return list(timeline.pieces(ALL)), timeline.counts(ALL)


def expected_figures(observations: Iterable[tuple[int, Outcome]]) -> tuple[object, ...]:
    timeline = Timeline.of_pairs(observations, 130_000_000)
    return list(timeline.pieces(ALL)), timeline.counts(ALL)


def test_raw_observations_survive_a_start_without_their_check(tmp_path: Path) -> None:
    """The other check is recorded for an hour, so that the fold mark passes these observations.

    Then they are pruned.
    """
    path = tmp_path / "record.db"
    run_until_killed(path, ["chefs"], outcome_player(KEY, NOW, [GOOD] * 8))
    run_until_killed(path, ["css"], outcome_player("css/health", NOW + 9 * MINUTE, [GOOD] * 60))
    observations = [(NOW + n * MINUTE, GOOD) for n in range(8)]
    assert restored_figures(path, KEY) == expected_figures(observations)
    store = SqliteStore(path, NOW)
    assert store.prune(NOW + 30 * MINUTE)
    store.close()
    assert restored_figures(path, KEY) == expected_figures(observations)


def test_heartbeat_missed_hours_ago_survives_a_kill(tmp_path: Path) -> None:
    """Its observation has the instant at which the heartbeat was due, which is before the folded observations."""
    path = tmp_path / "record.db"

    def play(ledger: Ledger, recorder: Recorder) -> None:
        outcome_player("css/health", NOW, [GOOD] * 200)(ledger, recorder)
        for due in (NOW + 60 * MINUTE, NOW + 61 * MINUTE, NOW + 62 * MINUTE):
            recorder.record(ledger.entries[KEY], RESULTS[BAD], due, 0.0)

    run_until_killed(path, ["chefs", "css"], play)
    assert restored_figures(path, KEY) == expected_figures([(NOW + n * MINUTE, BAD) for n in (60, 61, 62)])


DAEMON_RUNS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["chefs", "css"]), min_size=1),
        st.lists(st.sampled_from([GOOD, BAD, UNKNOWN]), min_size=1, max_size=30),
        st.sampled_from([2, 12, 60]),
    ),
    min_size=1,
    max_size=5,
)


@given(DAEMON_RUNS)
@settings(max_examples=40, deadline=None)
def test_any_sequence_of_kills_and_configurations_keeps_all_observations(
    tmp_path_factory: pytest.TempPathFactory, daemon_runs: list[tuple[set[str], list[Outcome], int]]
) -> None:
    path = tmp_path_factory.mktemp("record") / "record.db"
    observations: dict[str, list[tuple[int, Outcome]]] = {"chefs": [], "css": []}
    at = NOW
    for products, outcomes, pause in daemon_runs:
        for name in sorted(products):
            observations[name] += [(at + n * MINUTE, outcome) for n, outcome in enumerate(outcomes)]

        def play(
            ledger: Ledger,
            recorder: Recorder,
            at: int = at,
            outcomes: list[Outcome] = outcomes,
            products: set[str] = products,
        ) -> None:
            for n, outcome in enumerate(outcomes):
                for name in sorted(products):
                    key = f"{name}/health"
                    recorder.record(ledger.entries[key], RESULTS[outcome], at + n * MINUTE, 0.1)

        run_until_killed(path, sorted(products), play)
        at += (len(outcomes) + pause) * MINUTE
    store = SqliteStore(path, NOW)
    store.prune(at + HOUR)
    store.close()
    for check, check_observations in observations.items():
        assert restored_figures(path, f"{check}/health") == expected_figures(check_observations)
