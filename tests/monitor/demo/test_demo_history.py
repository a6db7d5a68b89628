"""The seeded history: reproducible, marked, plausible, and shown like recorded history."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.config.loader import load
from monitor.demo import history
from monitor.demo.history import HISTORY_LENGTH, HOLD, PROBE_INTERVAL
from monitor.ledger.ledger import Ledger
from monitor.probes.registry import CHECK_TYPES
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Outcome, Run
from sla.timeline import State, Timeline
from sla.vantage import BLIND_REASON

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.incident import Incident

SHIPPED = Path(__file__).parents[3] / "config" / "demo.yaml"
NOW = 1_795_000_000 * SECOND
# A day in summer, the hours around both clock changes in Vancouver, and a leap day.
INSTANTS = [
    int(datetime.fromisoformat(at).timestamp()) * SECOND
    for at in ("2026-07-14T17:00:00Z", "2026-11-01T09:30:00Z", "2027-03-14T10:30:00Z", "2028-02-29T07:59:59Z")
]


def shipped_portfolio() -> Portfolio:
    return load(SHIPPED, CHECK_TYPES)


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return shipped_portfolio()


@pytest.fixture(scope="module")
def seeded_runs(portfolio: Portfolio) -> tuple[list[Run], list[Incident]]:
    return history.history(portfolio, NOW)


def by_check(runs: list[Run]) -> list[list[Run]]:
    return [list(group) for _, group in groupby(runs, lambda run: run.check)]


def test_same_instant_and_portfolio_give_the_same_history(portfolio: Portfolio) -> None:
    assert history.history(portfolio, NOW) == history.history(shipped_portfolio(), NOW)


def test_every_run_is_marked_seeded_with_one_probe_per_minute(seeded_runs: tuple[list[Run], list[Incident]]) -> None:
    for run in seeded_runs[0]:
        assert run.seeded
        assert (run.last - run.first, run.hold) == ((run.count - 1) * PROBE_INTERVAL, HOLD)


@pytest.mark.parametrize("now", [NOW, *INSTANTS])
def test_every_check_has_ninety_days_without_overlap(portfolio: Portfolio, now: int) -> None:
    runs, _ = history.history(portfolio, now)
    checks = by_check(runs)
    assert [group[0].check for group in checks] == [f"{p.id}/{c.id}" for p, c in portfolio.checks()]
    for group in checks:
        assert now - HISTORY_LENGTH <= group[0].first < now - HISTORY_LENGTH + PROBE_INTERVAL
        assert now - PROBE_INTERVAL <= group[-1].last < now
        assert all(earlier.last < later.first for earlier, later in pairwise(group))


def test_adjacent_runs_differ_unless_there_is_a_gap(
    seeded_runs: tuple[list[Run], list[Incident]],
) -> None:
    """So each new run is a change of state, and each gap is unknown time."""
    gaps = 0
    for group in by_check(seeded_runs[0]):
        for earlier, later in pairwise(group):
            if later.first - earlier.last > HOLD:
                gaps += 1
            else:
                assert later.first - earlier.last == PROBE_INTERVAL
                assert (earlier.outcome, earlier.reason) != (later.outcome, later.reason)
    assert gaps == len(history.MONITOR_GAPS) * len(by_check(seeded_runs[0]))


@pytest.mark.parametrize("now", [NOW, *INSTANTS])
def test_availabilities_are_plausible(portfolio: Portfolio, now: int) -> None:
    ledger = Ledger(portfolio)
    runs, incidents = history.history(portfolio, now)
    ledger.restore(runs, [], incidents)
    for product in portfolio.products:
        durations = ledger.compositions[product.id].durations(Interval(now - HISTORY_LENGTH, now))
        down = durations.down + durations.doubt_down
        assert Fraction(99, 100) < 1 - Fraction(down, durations.known) < Fraction(9999, 10_000), product.id
        assert 0 < durations.unknown < 2 * HOUR


def test_a_cut_connection_of_the_monitor_is_unknown_and_opens_no_incident(
    seeded_runs: tuple[list[Run], list[Incident]], portfolio: Portfolio
) -> None:
    blind = [run for run in seeded_runs[0] if run.reason == BLIND_REASON]
    assert {run.check for run in blind} == {f"{product.id}/{check.id}" for product, check in portfolio.checks()}
    assert {(run.outcome, run.count) for run in blind} == {(Outcome.UNKNOWN, 18)}
    ledger = Ledger(portfolio)
    ledger.restore(seeded_runs[0], [], [])
    within = Interval(max(run.first for run in blind), min(run.last for run in blind))
    for product in portfolio.products:
        assert ledger.compositions[product.id].durations(within).unknown == within.length
    assert not [incident for incident in seeded_runs[1] if within.start <= incident.opened < within.end]


def test_chefs_has_overspent_its_budget_and_drop_has_not(portfolio: Portfolio) -> None:
    """The demo shows a missed and a met objective."""
    ledger = Ledger(portfolio)
    ledger.restore(*history.history(portfolio, NOW)[:1], [], [])
    month = Interval(NOW - 30 * DAY, NOW)
    remaining = {}
    for product in portfolio.products:
        durations = ledger.compositions[product.id].durations(month)
        remaining[product.id] = product.objective.allowed(month.length) - durations.down - durations.doubt_down
    assert remaining["chefs"] < 0 < remaining["drop"]


def test_every_part_of_the_history_uses_existing_checks(portfolio: Portfolio) -> None:
    known = {f"{product.id}/{check.id}" for product, check in portfolio.checks()}
    assert {key for chapter in history.SCRIPTED_OUTAGES for key in chapter.checks} <= known


def test_lost_data_centre_takes_down_keycloak_and_its_dependents(
    seeded_runs: tuple[list[Run], list[Incident]],
) -> None:
    """Gold fails over after the maintenance page, CSS waits for the failback, and CHEFS has no second site."""
    lost = [i for i in seeded_runs[1] if i.reason == "connect_timeout" and i.downtime and i.downtime > 10 * MINUTE]
    assert {incident.product for incident in lost} == {"keycloak", "css", "chefs"}
    assert max(i.opened for i in lost) - min(i.opened for i in lost) < PROBE_INTERVAL
    keycloak = [run for run in seeded_runs[0] if run.check == "keycloak/discovery" and run.reason == "header_mismatch"]
    assert [run.count for run in keycloak] == [9]


def test_incidents_match_the_runs(seeded_runs: tuple[list[Run], list[Incident]]) -> None:
    """Each begins with the first bad probe and ends with the next good one. Its downtime equals the timeline's."""
    runs, incidents = seeded_runs
    for incident in incidents:
        group = [run for run in runs if run.check == incident.check]
        within = [run for run in group if incident.opened <= run.first < (incident.resolved or 0)]
        assert within
        assert all(run.outcome is Outcome.BAD for run in within)
        timeline = Timeline(HOLD)
        for run in group:
            timeline.append_run(run)
        durations = timeline.durations(Interval(incident.opened - MINUTE, incident.resolved or 0))
        assert incident.downtime == durations.down + durations.doubt_down
    bad = sum(run.outcome is Outcome.BAD for run in runs)
    assert 0.9 * bad < len(incidents) <= bad  # an outage with two reasons is two runs and one incident


def test_most_outages_are_during_the_day(seeded_runs: tuple[list[Run], list[Incident]], portfolio: Portfolio) -> None:
    hours = [datetime.fromtimestamp(i.opened / SECOND, portfolio.zone).hour for i in seeded_runs[1]]
    assert sum(8 <= hour < 17 for hour in hours) > len(hours) / 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ninewatch.db"


def test_seeding_writes_the_history_once(portfolio: Portfolio, path: Path) -> None:
    """A second start keeps the existing history; the time in between stays unknown."""
    store = SqliteStore(path, NOW)
    assert history.seed(store, portfolio, NOW) is True
    runs, incidents = list(store.load_runs()), store.load_incidents()
    assert sorted(runs, key=repr) == sorted(history.history(portfolio, NOW)[0], key=repr)
    assert sorted(incidents, key=repr) == sorted(history.history(portfolio, NOW)[1], key=repr)
    assert history.seed(store, portfolio, NOW + DAY) is False
    assert list(store.load_runs()) == runs
    store.close()
    ledger = Ledger(portfolio)
    ledger.restore(runs, [], incidents)
    assert ledger.seeded_until == max(run.last for run in runs)
    assert ledger.state("keycloak", NOW + HOUR) is State.UNKNOWN


def test_seeded_history_does_not_overlap_observations(portfolio: Portfolio, path: Path) -> None:
    store = SqliteStore(path, NOW)
    observation = Observation("chefs/status", NOW - DAY, Outcome.BAD, "deadline")
    store.write(Batch(observations=[observation], runs=[Run.of(observation, HOLD)]))
    assert history.seed(store, portfolio, NOW) is True
    assert max(run.last for run in store.load_runs() if run.seeded) < NOW - DAY
    store.close()
