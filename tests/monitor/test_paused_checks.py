"""The own figures of a check that is paused: its paused time is unknown and is never charged as downtime."""

from __future__ import annotations

from monitor.engine.pause_manager import PauseManager
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.ledger.latency_objectives import latency_figures
from monitor.probe_result import ProbeResult
from monitor.views.check_line import check_line
from monitor.views.incident_line import downtime_so_far, incident_line
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.pause import Pause
from sla.states import State
from tests.support.alerting import BAD, GOOD, RESULTS, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import GOOD_RESULT, NOW, FakeCheck, ledger_of, observe, product

FAILED = ProbeResult(Outcome.BAD, "http_status", 503)
HOLD = 2 * MINUTE + 10 * SECOND  # of a check that is probed every minute


async def test_downtime_of_an_incident_does_not_contain_the_pause() -> None:
    """Down for a minute before a pause of a minute, and for a minute after it: two minutes, and half of the changes."""
    async with run_alerting(ledger_with_receivers(product("forms"), receivers=[]), deliver=False) as harness:
        clock, ledger = harness.clock, harness.ledger

        def record(outcome: Outcome, after: float) -> None:
            clock.jump(after)
            harness.recorder.record(ledger.entries["forms/health"], RESULTS[outcome], clock.now(), 0.05)

        record(GOOD, 0)
        record(BAD, 60)
        record(BAD, 60)
        start, end = clock.now(), clock.now() + MINUTE
        harness.state(Pause("forms", "forms/health", start, end, "Ana", "moved").fact())
        (incident,) = ledger.incidents
        clock.jump(30)
        assert downtime_so_far(ledger, incident, clock.now()) == 90 * SECOND
        assert incident_line(ledger, incident, clock.now(), {}).downtime == 90 * SECOND
        clock.jump(30)
        record(BAD, 60)
        record(GOOD, 60)
        record(GOOD, 60)
        (resolved,) = ledger.incidents
        assert resolved.resolved is not None
        assert resolved.downtime == (30 + 60 + 60 + 30) * SECOND
    (stored,) = harness.store.load_incidents()
    assert stored.downtime == resolved.downtime


def test_states_of_a_check_are_unknown_during_its_pause() -> None:
    ledger = ledger_of(product("forms", 2))
    for name in ("forms/health", "forms/check-1"):
        observe(ledger, ledger.entries[name], NOW, FAILED)
    assert ledger.states_of("forms/health") is ledger.entries["forms/health"].timeline
    ledger.facts = Facts([Pause("forms", "forms/health", NOW + SECOND, NOW + MINUTE, "Ana", "moved").fact()])
    states = ledger.states_of("forms/health")
    assert states.state(NOW) is State.DOUBT_DOWN
    assert states.state(NOW + SECOND) is State.UNKNOWN
    assert states.state(NOW + MINUTE) is State.DOUBT_DOWN
    assert states is ledger.states_of("forms/health")
    assert ledger.states_of("forms/check-1").state(NOW + SECOND) is State.DOUBT_DOWN


def test_metric_and_page_of_a_paused_check_are_unknown_at_once_and_after_a_reload() -> None:
    ledger, clock = ledger_of(product("forms")), ManualClock(NOW)
    observe(ledger, ledger.entries["forms/health"], NOW, GOOD_RESULT)
    exporter, manager = Exporter(ledger, Health(), clock), PauseManager(ledger, clock, lambda _paused: None)

    def metrics() -> list[str]:
        lines = b"".join(exporter.render(Dialect.TEXT)).decode().splitlines()
        return [line for line in lines if line.startswith(("ninewatch_check_up{", "ninewatch_check_unknown{"))]

    up, unknown = (
        'ninewatch_check_up{product="forms",check="health"}',
        'ninewatch_check_unknown{product="forms",check="health"}',
    )
    assert metrics() == [f"{up} 1", f"{unknown} 0"]
    ledger.facts = Facts([Pause("forms", "", NOW, NOW + MINUTE, "Ana", "moved").fact()])
    manager.update()
    assert metrics() == [f"{unknown} 1"]
    assert check_line(ledger.entries["forms/health"], NOW, "paused").badge.label == "Unknown"
    ledger.reload(ledger_of(product("forms")).portfolio)
    manager.update()
    assert metrics() == [f"{unknown} 1"]
    clock.jump(61)
    manager.update()
    assert metrics() == [f"{up} 1", f"{unknown} 0"]


def test_latency_objective_of_a_check_does_not_know_the_pause() -> None:
    check = FakeCheck(id="api", interval="1m", timeout="10s", objectives=[{"latency": "95% under 1s", "window": "1d"}])
    ledger = ledger_of({"id": "forms", "objective": "99%", "checks": (check,)}, time_zone="UTC")
    entry = ledger.entries["forms/api"]
    for minute in range(61):
        observe(ledger, entry, NOW + minute * MINUTE, GOOD_RESULT)
        ledger.latencies.add(entry.key, NOW + minute * MINUTE, 1000, {})
    (figure,) = latency_figures(ledger, ledger.products["forms"], NOW + HOUR)
    assert figure.measured.durations.up == HOUR
    ledger.facts = Facts([Pause("forms", "", NOW + 10 * MINUTE, NOW + 30 * MINUTE, "Ana", "moved").fact()])
    (figure,) = latency_figures(ledger, ledger.products["forms"], NOW + HOUR)
    assert figure.measured.durations.up == 40 * MINUTE
    assert ledger.states_of("forms/api").durations(Interval(NOW, NOW + HOUR)).unknown == 20 * MINUTE
