"""The ledger: state that a reload keeps, state that a restart rebuilds, and the visible incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.health import Health
from monitor.ledger.check_history import CheckHistory
from monitor.ledger.ledger import Ledger
from sla.incident import Failure, Incident
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Run
from sla.states import State
from tests.support.ledgers import BAD, GOOD, NOW, UNKNOWN, FakeCheck, ledger_of, product, run
from tests.support.recorded_outcomes import ALL, HOLD, KEY, portfolio, record_outcomes, record_result, recorded_runs


def test_new_ledger_has_no_history() -> None:
    ledger = ledger_of(product("chefs", 2))
    assert list(ledger.entries) == [KEY, "chefs/check-1"]
    assert ledger.state("chefs", NOW) is State.UNKNOWN
    assert (ledger.last_observation_at, ledger.seeded_until, ledger.incidents) == (None, None, [])


def test_observation_changes_timeline_totals_and_version() -> None:
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries[KEY]
    record_outcomes(ledger, [GOOD, GOOD, UNKNOWN])
    assert entry.timeline.durations(ALL).up == MINUTE
    assert entry.totals == {GOOD: 2, BAD: 0, UNKNOWN: 1}
    assert entry.version == 3
    assert ledger.last_observation_at == NOW + 2 * MINUTE


def test_observation_before_the_last_is_rejected() -> None:
    """It changes neither figures nor runs."""
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries[KEY]
    record_outcomes(ledger, [GOOD, GOOD])
    before = (entry.version, entry.open_run.run() if entry.open_run else None, entry.timeline.durations(ALL))
    with pytest.raises(ValueError, match="not later"):
        entry.observe(Observation(KEY, NOW + MINUTE, BAD, "deadline"))
    assert (entry.version, entry.open_run.run() if entry.open_run else None, entry.timeline.durations(ALL)) == before


def test_runs_are_returned_when_they_end_and_begin() -> None:
    entry = ledger_of(product("chefs")).entries[KEY]
    first, same = Observation(KEY, NOW, GOOD), Observation(KEY, NOW + MINUTE, GOOD)
    other = Observation(KEY, NOW + 2 * MINUTE, BAD, "deadline")
    assert entry.observe(first) == (Run.of(first, HOLD),)
    assert entry.observe(same) == ()
    assert entry.observe(other) == (Run.of(first, HOLD).with_observation(same), Run.of(other, HOLD))


def test_product_is_measured_over_named_and_own_windows() -> None:
    ledger = ledger_of(product("chefs"))
    record_outcomes(ledger, [GOOD] * 61)
    by_name = ledger.measured("chefs", "1h", NOW + HOUR)
    assert by_name == ledger.measured("chefs", Interval(NOW, NOW + HOUR), NOW)
    assert (by_name.durations.up, by_name.interval) == (HOUR, MINUTE)
    with pytest.raises(KeyError):
        ledger.measured("chefs", "2h", NOW)
    with pytest.raises(KeyError):
        ledger.measured("nobody", "1h", NOW)


def test_reload_keeps_the_history_of_unchanged_and_changed_checks() -> None:
    """The history belongs to the check's key.

    A new interval changes the hold from then on; a new target changes nothing.
    """
    ledger = ledger_of(product("chefs"))
    record_outcomes(ledger, [GOOD, BAD, BAD])
    entry, composition = ledger.entries[KEY], ledger.compositions["chefs"]
    changed = FakeCheck(id="health", http="https://elsewhere.test", interval="5m", timeout="10s", fall=3, rise=4)
    ledger.reload(portfolio(product("chefs")))
    assert ledger.compositions["chefs"] is composition
    ledger.reload(portfolio({**product("chefs"), "checks": (changed,)}))
    assert ledger.entries[KEY] is entry
    assert entry.last is not None
    assert entry.timeline.hold == 610 * SECOND
    assert (entry.tracker.fall, entry.tracker.rise) == (3, 4)
    assert ledger.open_incidents("chefs") == [entry.tracker.open]


def test_changed_rule_recomputes_the_product() -> None:
    ledger = ledger_of(product("chefs", 2))
    record_outcomes(ledger, [GOOD, GOOD])
    assert ledger.state("chefs", NOW).point is State.UNKNOWN
    ledger.reload(portfolio(product("chefs", 2, rule="any")))
    assert ledger.state("chefs", NOW) is State.UP


def test_removed_check_and_its_incidents_are_hidden_and_continue_when_it_returns() -> None:
    """Its recovery was not observed, so no incident is resolved.

    The same incident continues when the check is added again.
    """
    ledger = ledger_of(product("chefs"), product("css"))
    record_outcomes(ledger, [GOOD, BAD, BAD])
    (incident,) = ledger.incidents
    ledger.reload(portfolio(product("css")))
    assert (list(ledger.entries), ledger.incidents, ledger.open_incidents()) == (["css/health"], [], [])
    assert [entry.key for entry in ledger.all_histories()] == ["css/health", KEY]
    ledger.reload(portfolio(product("chefs"), product("css")))
    assert ledger.open_incidents("chefs") == [incident]
    assert ledger.entries[KEY].timeline.durations(ALL).down == MINUTE


def test_incidents_are_newest_first_with_their_downtime() -> None:
    ledger = ledger_of(product("chefs"), product("css"))
    record_outcomes(ledger, [GOOD, BAD, BAD, GOOD, GOOD, BAD, BAD])
    record_outcomes(ledger, [BAD, BAD], NOW + 90 * SECOND, "css/health")
    assert [i.check for i in ledger.incidents] == [KEY, "css/health", KEY]
    assert [i.opened for i in ledger.incidents] == [NOW + 5 * MINUTE, NOW + 90 * SECOND, NOW + MINUTE]
    assert ledger.incidents[2].downtime == 2 * MINUTE
    assert [i.check for i in ledger.open_incidents()] == [KEY, "css/health"]
    assert [i.check for i in ledger.open_incidents("css")] == ["css/health"]


def test_runs_keep_the_hold_with_which_they_were_recorded() -> None:
    """A shorter interval today does not make past known time unknown."""
    ledger = ledger_of(product("chefs"))
    wide = [
        Run(KEY, GOOD, "", NOW, NOW + HOUR, 3, HOUR),
        Run(KEY, BAD, "deadline", NOW + 90 * MINUTE, NOW + 2 * HOUR, 2, HOUR),
    ]
    ledger.restore(wide, [], [])
    assert ledger.entries[KEY].timeline.durations(Interval(NOW, NOW + 2 * HOUR)).unknown == 0
    assert ledger.entries[KEY].timeline.hold == HOLD


def test_incident_has_its_first_and_last_failing_probe() -> None:
    """The first is the first probe of the opening streak. A single good probe does not end the incident."""
    ledger = ledger_of(product("chefs"))
    record_result(ledger, NOW - 2 * MINUTE, BAD, 500, "a blip")
    record_result(ledger, NOW - MINUTE, GOOD, 200, "")
    for n, (outcome, status, detail) in enumerate(
        [(BAD, 503, "no pod is ready"), (BAD, 502, "bad gateway"), (GOOD, 200, ""), (BAD, 504, "gateway timeout")]
    ):
        record_result(ledger, NOW + n * MINUTE, outcome, status, detail)
    (incident,) = ledger.incidents
    first = Failure(NOW, "http_status", 503, "no pod is ready", {"connect": 0.01})
    assert incident.first == first
    last = Failure(NOW + 3 * MINUTE, "http_status", 504, "gateway timeout", {"connect": 0.01})
    assert ledger.with_last_failure(incident).last == last
    record_result(ledger, NOW + 4 * MINUTE, GOOD, 200, "")
    record_result(ledger, NOW + 5 * MINUTE, GOOD, 200, "")
    (resolved,) = ledger.incidents
    assert (resolved.first, resolved.last) == (first, last)
    assert ledger.with_last_failure(resolved) is resolved
    record_result(ledger, NOW + 6 * MINUTE, BAD, 500, "again")
    record_result(ledger, NOW + 7 * MINUTE, BAD, 500, "and again")
    newest = ledger.incidents[0]
    assert newest.first == Failure(NOW + 6 * MINUTE, "http_status", 500, "again", {"connect": 0.01})
    assert ledger.incidents[1] == resolved


def test_record_of_unconfigured_checks_is_hidden() -> None:
    ledger = ledger_of(product("chefs"))
    unconfigured = Incident.open("old", "old/health", NOW, "deadline")
    ledger.restore(
        [run("old/health", BAD, NOW, NOW + HOUR)], [Observation("old/health", NOW + 2 * HOUR, GOOD)], [unconfigured]
    )
    assert ledger.incidents == []
    assert ledger.last_observation_at is None


def test_seeded_history_is_marked() -> None:
    ledger = ledger_of(product("chefs"))
    ledger.restore([run(KEY, GOOD, NOW - DAY, NOW, seeded=True), run(KEY, GOOD, NOW + MINUTE, NOW + HOUR)], [], [])
    assert ledger.seeded_until == NOW


def test_observation_is_not_folded_into_a_seeded_run() -> None:
    ledger = ledger_of(product("chefs"))
    ledger.restore([run(KEY, GOOD, NOW - DAY, NOW, seeded=True)], [], [])
    record_outcomes(ledger, [GOOD], NOW + MINUTE)
    assert [(run.first, run.seeded) for run in recorded_runs(ledger)] == [(NOW + MINUTE, False)]


def test_health_reports_the_age_of_queued_writes() -> None:
    health = Health()
    assert (health.queue_age(NOW), health.unrecorded(NOW)) == (0, 0)
    health.queue_since, health.unrecorded_since = NOW - 5, NOW + 7
    assert (health.queue_age(NOW), health.unrecorded(NOW)) == (5, 0)


def test_health_keeps_the_maximum() -> None:
    health = Health()
    for late in (2, 7, 3):
        health.record_start(late * SECOND)
        health.record_tick(float(late), late / 100)
    assert (health.lateness, health.lateness_max) == (3.0, 7.0)
    assert (health.last_tick, health.loop_lag, health.loop_lag_max) == (3.0, 0.03, 0.07)


def test_runs_and_observations_of_another_vantage_are_ignored() -> None:
    ledger = ledger_of(product("chefs"))
    elsewhere = replace(run(KEY, BAD, NOW - HOUR, NOW - MINUTE, "deadline"), vantage="elsewhere")
    tail = [Observation(KEY, NOW + n * MINUTE, BAD, "deadline", vantage="elsewhere") for n in range(3)]
    assert ledger.restore([elsewhere], tail, []) == []
    assert (ledger.last_observation_at, ledger.state("chefs", NOW - 30 * MINUTE)) == (None, State.UNKNOWN)
    local_run = run(KEY, GOOD, NOW - HOUR, NOW - MINUTE)
    ledger.restore([elsewhere, local_run], tail, [])
    assert (ledger.last_observation_at, ledger.state("chefs", NOW - 30 * MINUTE)) == (local_run.last, State.UP)


def test_reload_adds_and_removes_members_immediately() -> None:
    """The product needs all checks: it is down when the second one is down, and up without the second one."""
    one, two = portfolio(product("chefs")), portfolio(product("chefs", 2))
    ledger = Ledger(one)
    record_outcomes(ledger, [GOOD] * 61, NOW - HOUR)
    for loaded, state in ((two, State.DOWN), (one, State.UP), (two, State.DOWN)):
        ledger.reload(loaded)
        if loaded is two and ledger.entries["chefs/check-1"].timeline.last_at is None:
            record_outcomes(ledger, [BAD] * 61, NOW - HOUR, "chefs/check-1")
        assert ledger.state("chefs", NOW - 30 * MINUTE) is state


def test_resolved_incident_of_a_removed_check_is_listed_for_its_time() -> None:
    ledger = ledger_of(product("chefs", 2))
    removed, present = ledger.entries
    record_outcomes(ledger, [BAD, BAD, GOOD, GOOD], key=removed)
    (incident,) = ledger.incidents
    checks = tuple(check for check in ledger.products["chefs"].checks if f"chefs/{check.id}" == present)
    changed = ledger.products["chefs"].model_copy(update={"checks": checks})
    ledger.reload(ledger.portfolio.model_copy(update={"products": (changed,)}))
    assert ledger.incidents_of("chefs", ALL) == [incident]


def test_incident_of_an_unknown_check_may_be_open_until_its_hold_expires() -> None:
    ledger = ledger_of(product("chefs"))
    record_outcomes(ledger, [BAD, BAD])
    (incident,) = ledger.incidents
    assert CheckHistory(KEY).may_be_open_at(incident, NOW + DAY), "nothing is known of when it ended"
    assert ledger.history(KEY).may_be_open_at(incident, NOW + MINUTE)
    assert not ledger.history(KEY).may_be_open_at(incident, NOW + DAY)


def test_expired_open_incident_is_listed_only_while_its_check_is_configured() -> None:
    """A removed check is no longer probed, so its incident ends when its last observation expires."""
    ledger = ledger_of(product("chefs", 2))
    record_outcomes(ledger, [BAD, BAD])
    (incident,) = ledger.incidents
    long_after = Interval(NOW + DAY, NOW + 2 * DAY)
    assert ledger.incidents_of("chefs", long_after) == [incident]
    checks = tuple(check for check in ledger.products["chefs"].checks if check.id != "health")
    changed = ledger.products["chefs"].model_copy(update={"checks": checks})
    ledger.reload(ledger.portfolio.model_copy(update={"products": (changed,)}))
    assert ledger.incidents_of("chefs", long_after) == []
    assert ledger.incidents_of("chefs", Interval(NOW, NOW + DAY)) == [incident]


def test_forecast_uses_the_last_day() -> None:
    ledger = ledger_of(product("chefs", window="30d"))
    record_outcomes(ledger, [GOOD] * 61)
    assert ledger.forecast("chefs", NOW + HOUR).lookback == DAY
