"""Sites of a product from the ledger: recorded changes and failovers, alerts, drills, evidence, API and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.alerting.conditions import Conditions
from monitor.alerting.product_incidents import ProductIncidents
from monitor.engine.drill_manager import DrillManager
from monitor.engine.site_observer import SiteObserver
from monitor.exporters.exposition import Dialect
from monitor.exporters.sites import SiteLines
from monitor.facts.fact_index import Facts
from monitor.ledger.product_drills import measured_drill, recorded_drills
from monitor.ledger.product_readiness import readiness_of
from monitor.ledger.product_sites import recorded_failovers
from monitor.views.sites import active_text, duration_text, site_rows, sites_json, sites_lines
from sla.availability import Bounds
from sla.interval import HOUR, MINUTE, SECOND
from sla.readiness import ItemState
from sla.sites import ActiveSite, SiteState
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, FakeCheck, ledger_of, observe, product

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.alerting.alert import Alert
    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact

MINUTES = 20  # a history: 5 minutes at gold, then a failover to dr with 6 minutes of downtime
UP_AND_DOWN = {"health": "+++++------+++++++++", "gold": "++++++--------------", "dr": "------++++++++++++++"}


class RecordingFacts:
    """Add facts to the ledger, as `FactRecorder` does, without a store."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add(self, facts: Iterable[Fact]) -> None:
        self._ledger.facts = Facts(self._ledger.facts.all, facts, former_ids=self._ledger.former_ids)


def site(name: str, *, direct: bool = True) -> dict[str, object]:
    checks = {"active": f"{name}-active"} | ({"direct": f"{name}-direct"} if direct else {})
    checks_by_key = {key: FakeCheck(id=check, interval="1m", timeout="10s") for key, check in checks.items()}
    return {"id": name, "name": name.upper(), **checks_by_key}


class World:
    """A product with two sites, whose daemon updates its parts once per minute."""

    def __init__(self, **fields: object) -> None:
        configured = {"sites": [site("gold"), site("dr")], "failover": {"within": "15m", "settle": "2m"}, **fields}
        self.ledger = ledger_of(product("sso", **configured))
        self.clock = ManualClock()
        facts = RecordingFacts(self.ledger)
        self.drills = DrillManager(self.ledger, facts, self.clock, lambda _intervals: None)  # type: ignore[arg-type]
        self.observer = SiteObserver(
            self.ledger,
            facts,  # type: ignore[arg-type]
            self.clock,
            self.drills.on_site_change,
            self.drills.on_failover_end,
        )
        self.conditions = Conditions(self.ledger, ProductIncidents(self.ledger))

    def restart(self, sites: list[dict[str, object]]) -> None:
        """Configure other sites and observe them as a new process does: from the recorded facts and histories."""
        self.ledger.reload(ledger_of(product("sso", sites=sites, failover={"settle": "2m"})).portfolio)
        SiteObserver(self.ledger, RecordingFacts(self.ledger), self.clock).update()  # type: ignore[arg-type]

    def changes(self) -> list[tuple[str, str]]:
        """Return source and target of each recorded change."""
        records = recorded_failovers(self.ledger, self.now, "sso")
        return [(record.change.source, record.change.target) for record in records]

    def play(self, marks: dict[str, str], direct: str = "+") -> list[list[Alert]]:
        """Observe the marks, one per minute: + good, - bad. Return the resolved alerts of each minute."""
        resolved = []
        for minute in range(len(marks["health"])):
            for name, text in marks.items():
                key = "sso/health" if name == "health" else f"sso/{name}-active"
                self.observe(key, text[minute])
            for name in ("gold", "dr"):
                self.observe(f"sso/{name}-direct", direct)
            self.clock.jump(10)
            self.observer.update()
            self.drills.update()
            batches = list(self.conditions.step(self.clock.now()))
            resolved.append([alert for batch in batches[:-1] for alert in batch])
            self.clock.jump(50)
        return resolved

    def observe(self, key: str, mark: str) -> None:
        entry = self.ledger.entry(key)
        if entry is not None:
            observe(self.ledger, entry, self.clock.now(), GOOD_RESULT if mark == "+" else BAD_RESULT)

    @property
    def now(self) -> int:
        return self.clock.now()


def test_failover_and_its_figures_become_facts() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    (failover,) = recorded_failovers(world.ledger, world.now, "sso")
    assert (failover.change.source, failover.change.target) == ("gold", "dr")
    assert (failover.change.left, failover.change.arrived) == (NOW + 5 * MINUTE, NOW + 6 * MINUTE)
    assert failover.result is not None
    assert failover.result.duration == Bounds(5 * MINUTE, 6 * MINUTE, 7 * MINUTE)
    assert failover.result.met is True
    kinds = [fact.kind for fact in world.ledger.facts.all]
    assert kinds == ["site_change", "failover_end"]


def test_restarted_observer_records_nothing_twice() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    before = len(world.ledger.facts.all)
    again = SiteObserver(world.ledger, RecordingFacts(world.ledger), world.clock)  # type: ignore[arg-type]
    again.update()
    world.observer.update()
    assert len(world.ledger.facts.all) == before


def test_changes_before_a_removed_site_was_active_are_not_recorded_again() -> None:
    world = World(sites=[site("gold"), site("dr"), site("c")])
    world.play({"health": "+" * 16, "gold": "++++----++++----", "dr": "----++++--------", "c": "------------++++"})
    expected = [("gold", "dr"), ("dr", "gold"), ("gold", "c")]
    assert world.changes() == expected
    world.restart([site("gold"), site("dr")])
    assert world.changes() == expected


def test_changes_of_a_renamed_site_are_not_recorded_again() -> None:
    world = World()
    world.play({"health": "+" * 12, "gold": "++++----++++", "dr": "----++++----"})
    world.restart([site("gold") | {"id": "primary"}, site("dr")])
    assert world.changes() == [("gold", "dr"), ("dr", "gold")]


def test_change_recorded_before_the_clock_was_set_back_is_not_recorded_again() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    recorded = len(world.ledger.facts.all)
    world.clock.jump(-MINUTES * MINUTE // SECOND)
    world.restart([site("gold"), site("dr")])
    assert len(world.ledger.facts.all) == recorded


def test_observer_that_starts_later_finds_the_change_in_the_record() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    world.ledger.facts = Facts()
    late = SiteObserver(world.ledger, RecordingFacts(world.ledger), world.clock)  # type: ignore[arg-type]
    late.update()
    assert [fact.kind for fact in world.ledger.facts.all] == ["site_change", "failover_end"]


def test_alerts_follow_the_sites() -> None:
    """Away from the primary site is a ticket; no site and several sites are pages."""
    world = World()
    world.play({"health": "++++", "gold": "++--", "dr": "----"})
    (none,) = world.conditions.open.values()
    assert (none.severity, none.summary) == ("page", "No site of sso is active")
    assert none.key.startswith("sites:sso:none:")
    resolved = world.play({"health": "+++", "gold": "---", "dr": "+++"})
    assert [alert.key for minute in resolved for alert in minute] == [none.key]
    (away,) = world.conditions.open.values()
    assert (away.severity, away.summary) == ("ticket", "sso runs at DR, not at its primary site GOLD")
    world.play({"health": "+++", "gold": "+++", "dr": "+++"})
    (several,) = world.conditions.open.values()
    assert (several.severity, several.summary) == ("page", "More than one site of sso is active")
    assert several.opened > away.opened
    world.play({"health": "+++", "gold": "+++", "dr": "---"})
    assert not world.conditions.open


def test_alert_continues_after_a_restart_and_while_the_active_site_is_unknown() -> None:
    world = World()
    world.play(UP_AND_DOWN | {"health": "+" * MINUTES})
    (key,) = world.conditions.open
    world.conditions.open.clear()
    world.conditions.restore([key], lambda _key: "ticket")
    world.clock.jump(HOUR // SECOND)
    list(world.conditions.step(world.now))
    assert list(world.conditions.open) == [key]
    world.ledger.reload(ledger_of(product("sso")).portfolio)
    resolved = [alert.key for batch in list(world.conditions.step(world.now))[:-1] for alert in batch]
    assert resolved == [key]


EXPECTED = {"start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z", "reason": "switch", "dr_expected": True}


def test_failover_in_a_window_that_expects_it_is_a_drill() -> None:
    world = World(maintenance=[EXPECTED], drills={"stop_at_spent": "9999%"})
    world.play(UP_AND_DOWN)
    (drill,) = recorded_drills(world.ledger, world.now)
    assert (drill.drill.kind, drill.drill.source, drill.drill.rto) == ("failover", "site_change", 15 * MINUTE)
    assert drill.drill.started == NOW + 4 * MINUTE + 30 * SECOND
    assert drill.end is not None
    assert drill.end.reason == "the failover ended"
    result = measured_drill(world.ledger, drill, world.now)
    bounds = Bounds(5 * MINUTE, 6 * MINUTE, 7 * MINUTE)  # as of the failover, which may have begun before the estimate
    assert (result.recovery, result.downtime, result.met) == (bounds, bounds, True)


def test_rto_of_the_products_drills_precedes_the_promised_failover_time() -> None:
    world = World(maintenance=[EXPECTED], drills={"rto": "5m", "stop_at_spent": "9999%"})
    world.play(UP_AND_DOWN)
    assert [drill.drill.rto for drill in recorded_drills(world.ledger, world.now)] == [5 * MINUTE]


def test_drill_without_downtime_is_met_if_the_site_changed() -> None:
    quiet = UP_AND_DOWN | {"health": "+" * MINUTES}
    world = World(maintenance=[EXPECTED], drills={"stop_at_spent": "9999%"})
    world.play(quiet)
    (drill,) = recorded_drills(world.ledger, world.now)
    assert measured_drill(world.ledger, drill, world.now).met is True


def test_unexpected_failover_is_no_drill() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    assert recorded_drills(world.ledger, world.now) == []


@pytest.mark.parametrize(("direct", "expected"), [("+", ItemState.MET), ("-", ItemState.UNMET)])
def test_sites_that_answer_directly_are_evidence(direct: str, expected: ItemState) -> None:
    world = World(readiness={"checklist": "dr-tiers"})
    world.play(UP_AND_DOWN, direct)
    readiness = readiness_of(world.ledger, "sso", world.now)
    assert readiness is not None
    (status,) = [status for status in readiness.statuses if "sites" in status.item.kinds]
    assert status.state is expected


def test_site_without_a_direct_check_is_no_evidence() -> None:
    world = World(readiness={"checklist": "dr-tiers"}, sites=[site("gold"), site("dr", direct=False)])
    world.play(UP_AND_DOWN)
    readiness = readiness_of(world.ledger, "sso", world.now)
    assert readiness is not None
    assert all(not status.evidence for status in readiness.statuses)


def test_sites_are_shown_with_their_failovers() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    sso = world.ledger.products["sso"]
    plain = sites_json(world.ledger, sso, world.now)
    assert (plain["state"], plain["active"], plain["on_primary"]) == ("one", "dr", False)
    assert plain["sites"][0] == {"id": "gold", "name": "GOLD", "direct": "up"}
    (failover,) = plain["failovers"]
    assert failover["duration_seconds"] == {"low": 300.0, "point": 360.0, "high": 420.0}
    assert (failover["kind"], failover["met"], failover["provisional"]) == ("failover", True, False)
    lines = list(sites_lines(world.ledger, sso, world.now))
    assert lines[0] == "sso: DR is active (not the primary site); failover within 15m"
    assert "failover from gold to dr: 6m (5m to 7m), downtime 6m (5m to 7m); met:" in lines[-1]
    rows = site_rows(world.ledger, sso, world.now)
    assert rows is not None
    assert (rows.text, rows.within, len(rows.failovers)) == ("DR is active (not the primary site)", "15m", 1)


def test_product_without_sites_has_no_section() -> None:
    ledger = ledger_of(product("sso"))
    assert site_rows(ledger, ledger.products["sso"], NOW) is None
    assert sites_json(ledger, ledger.products["sso"], NOW)["state"] == "unknown"


def test_metrics_have_the_active_site_and_the_last_failover() -> None:
    world = World()
    world.play(UP_AND_DOWN)
    text = SiteLines(world.ledger).text(world.now, Dialect.TEXT)
    assert 'ninewatch_site_active{product="sso",site="dr"} 1\n' in text
    assert 'ninewatch_site_active{product="sso",site="gold"} 0\n' in text
    assert 'ninewatch_sites_state{product="sso",state="one"} 1\n' in text
    assert 'ninewatch_site_direct_up{product="sso",site="gold"} 1\n' in text
    assert 'ninewatch_failover_duration_seconds{product="sso",kind="failover",bound="high"} 420.0\n' in text
    assert 'ninewatch_failover_met{product="sso",kind="failover"} 1\n' in text


@pytest.mark.parametrize(
    ("active", "text"),
    [
        (ActiveSite(SiteState.ONE, "gold"), "GOLD is active (the primary site)"),
        (ActiveSite(SiteState.NONE), "no site is active"),
        (ActiveSite(SiteState.SEVERAL), "several sites are active"),
        (ActiveSite(SiteState.UNKNOWN), "the active site is unknown"),
    ],
)
def test_state_of_the_sites_is_a_sentence(active: ActiveSite, text: str) -> None:
    assert active_text(World().ledger.products["sso"], active) == text


def test_durations_without_all_bounds_are_at_least_the_known_one() -> None:
    assert duration_text(Bounds(60 * SECOND, None, None)) == "at least 1m"
    assert duration_text(Bounds(None, None, None)) == "unknown"
    assert duration_text(Bounds(60 * SECOND, 60 * SECOND, 60 * SECOND)) == "1m"
