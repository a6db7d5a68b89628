"""The content of /metrics for a ledger, and its cost."""

from __future__ import annotations

import subprocess
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor.exporters import downtime_causes, prometheus
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.facts.known_facts import Facts
from monitor.health import Health
from monitor.probe_result import ProbeResult
from sla.downtime_split import DowntimeSplit, split_downtime
from sla.gate_override import GateOverride
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.silence import Silence, silence_end
from tests.support.clocks import ManualClock
from tests.support.ledgers import (
    BAD_RESULT,
    GOOD_RESULT,
    NOW,
    UNKNOWN,
    history,
    large_ledger,
    ledger_of,
    observe,
    probe_all,
    product,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.ledger.ledger import Ledger
    from sla.state_history import History

PROMTOOL = Path("/usr/bin/promtool")
Samples = dict[tuple[str, frozenset[str]], float]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def rendered(exporter: Exporter, dialect: Dialect = Dialect.OPENMETRICS) -> str:
    return b"".join(exporter.render(dialect)).decode()


def samples(exporter: Exporter) -> Samples:
    """Return the page as `(name, label values) -> value`, parsed by the client library."""
    families = text_string_to_metric_families(rendered(exporter))
    return {(s.name, frozenset(s.labels.values())): s.value for f in families for s in f.samples}


def exporter_of(ledger: Ledger, clock: ManualClock) -> Exporter:
    return Exporter(ledger, Health(sqlite_version="3.40.1", config_reload_at=clock.now()), clock)


def names(page: Samples) -> set[str]:
    return {name for name, _ in page}


def test_good_probe_has_blackbox_exporters_metrics(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"))
    observe(ledger, ledger.entries["chefs/health"], NOW, GOOD_RESULT, duration=0.25)
    page = samples(exporter_of(ledger, clock))
    labels = frozenset({"chefs", "health", "http"})
    assert page["probe_success", labels] == 1
    assert page["probe_duration_seconds", labels] == 0.25
    assert page["probe_http_status_code", labels] == 200
    assert page["probe_ssl_earliest_cert_expiry", labels] == 1_800_000_000
    assert page["probe_phase_duration_seconds", labels | {"tls"}] == 0.0187
    assert page["ninewatch_probes_total", frozenset({"chefs", "health", "good"})] == 1


def test_a_product_is_up_or_down_and_without_a_sample_while_that_is_unknown(clock: ManualClock) -> None:
    ledger = ledger_of(product("well"), product("ill"), product("dark"))
    observe(ledger, ledger.entries["well/health"], NOW, GOOD_RESULT)
    observe(ledger, ledger.entries["ill/health"], NOW, BAD_RESULT)
    exporter = exporter_of(ledger, clock)
    page = samples(exporter)
    found = {name: page.get(("ninewatch_product_up", frozenset({name}))) for name in ledger.products}
    assert found == {"well": 1, "ill": 0, "dark": None}
    clock.jump(3600)
    assert "ninewatch_product_up" not in names(samples(exporter))


def test_the_newest_incident_is_the_exemplar_of_their_count_in_openmetrics_only(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"), product("calm"))
    entry = ledger.entries["chefs/health"]
    for result in (*[BAD_RESULT] * 4, *[GOOD_RESULT] * 4, *[BAD_RESULT] * 4):
        clock.jump(60)
        observe(ledger, entry, clock.now(), result)
    exporter = exporter_of(ledger, clock)
    newest = ledger.incidents[0]
    families = text_string_to_metric_families(rendered(exporter))
    found = {s.labels["product"]: s for f in families if f.name == "ninewatch_incidents" for s in f.samples}
    assert found["chefs"].value == 2
    assert found["chefs"].exemplar is not None
    assert found["chefs"].exemplar.labels == {"incident": newest.id}
    assert float(found["chefs"].exemplar.timestamp) == newest.opened / SECOND
    assert found["calm"].exemplar is None
    assert 'ninewatch_incidents_total{product="chefs"} 2\n' in rendered(exporter, Dialect.TEXT)


def test_samples_with_the_text_of_a_failing_probe_are_limited_and_the_rest_is_counted(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the network of the monitor, ten thousand checks fail at once."""
    monkeypatch.setattr(prometheus, "MOST_INCIDENTS", 3)
    ledger = large_ledger(4, 2)
    exporter = exporter_of(ledger, clock)
    assert samples(exporter)["ninewatch_samples_omitted", frozenset()] == 0
    for _ in range(5):
        clock.jump(60)
        probe_all(ledger, ledger.entries.values(), clock.now(), clock.now(), BAD_RESULT)
    page = samples(exporter)
    assert sum(name == "ninewatch_open_incident_info" for name, _ in page) == 3
    assert page["ninewatch_samples_omitted", frozenset()] == 5
    assert page["ninewatch_incidents_open", frozenset({"product-0003"})] == 2


def test_slow_probes_are_counted_if_slow_after_is_set(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs", checks=2))
    entry = ledger.entries["chefs/health"]
    entry.check = entry.check.model_copy(update={"slow_after": SECOND})
    page, labels = exporter_of(ledger, clock), frozenset({"chefs", "health"})
    assert samples(page)["ninewatch_slow_probes_total", labels] == 0
    observe(ledger, entry, NOW - MINUTE, ProbeResult(GOOD_RESULT.outcome, "slow"))
    observe(ledger, entry, NOW, GOOD_RESULT)
    found = samples(page)
    assert found["ninewatch_slow_probes_total", labels] == found["probe_success", labels | {"http"}] == 1
    assert sum(name == "ninewatch_slow_probes_total" for name in (each for each, _ in found)) == 1


def test_unknown_outcome_removes_probe_success_and_keeps_the_held_state(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    observe(ledger, entry, NOW - MINUTE, GOOD_RESULT)
    observe(ledger, entry, NOW, ProbeResult(UNKNOWN, "own_descriptors"))
    page = samples(exporter_of(ledger, clock))
    assert "probe_success" not in names(page)
    assert page["ninewatch_check_up", frozenset({"chefs", "health"})] == 1
    assert page["ninewatch_probes_total", frozenset({"chefs", "health", "unknown"})] == 1


def test_check_without_new_probes_becomes_unknown_without_values(clock: ManualClock) -> None:
    """The lines are cached, and must change as time passes: an expired 1 would be wrong."""
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    observe(ledger, entry, NOW, GOOD_RESULT)
    exporter = exporter_of(ledger, clock)
    assert "probe_success" in names(samples(exporter))
    clock.jump(entry.hold / SECOND)
    assert "probe_success" in names(samples(exporter))
    clock.jump(1)
    page = samples(exporter)
    assert not names(page) & {"probe_success", "probe_duration_seconds", "ninewatch_check_up"}
    assert page["ninewatch_check_unknown", frozenset({"chefs", "health"})] == 1
    assert page["ninewatch_product_state", frozenset({"chefs", "unknown"})] == 1
    assert page["ninewatch_product_state", frozenset({"chefs", "up"})] == 0


def test_product_without_observations_has_no_point_and_bounds_of_0_and_1(clock: ManualClock) -> None:
    page = samples(exporter_of(ledger_of(product("chefs")), clock))
    assert ("ninewatch_availability_ratio", frozenset({"chefs", "30d", "point"})) not in page
    assert page["ninewatch_availability_ratio", frozenset({"chefs", "30d", "low"})] == 0
    assert page["ninewatch_availability_ratio", frozenset({"chefs", "30d", "high"})] == 1
    assert "ninewatch_burn_rate" not in names(page)


def test_every_figure_equals_the_ledgers(clock: ManualClock) -> None:
    ledger = large_ledger(2, 3)
    page = samples(exporter_of(ledger, clock))
    for window in ("1h", "6h", "24h", "7d", "30d", "90d", "365d"):
        measured = ledger.measured("product-0001", window, clock.now())
        of = {"product-0001", window}
        for bound, ratio in measured.availability._asdict().items():
            assert page["ninewatch_availability_ratio", frozenset({*of, bound})] == float(ratio)
        for bound, us in measured.downtime._asdict().items():
            assert page["ninewatch_downtime_seconds", frozenset({*of, bound})] == us / SECOND
        assert page["ninewatch_coverage_ratio", frozenset(of)] == float(measured.coverage)
        assert page["ninewatch_burn_rate", frozenset(of)] == float(measured.burn_rate)
    held = ledger.measured("product-0001", "30d", clock.now()).budget
    own = frozenset({"product-0001", "30d"})
    assert page["ninewatch_budget_remaining_seconds", own] == float(held.remaining / SECOND)
    assert page["ninewatch_budget_allowed_seconds", own] == float(held.allowed / SECOND)


def test_products_own_window_is_exported_with_the_standard_ones(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs", window="45d"))
    page = samples(exporter_of(ledger, clock))
    assert page["ninewatch_budget_allowed_seconds", frozenset({"chefs", "45d"})] == pytest.approx(45 * 86.4)
    assert page["ninewatch_coverage_ratio", frozenset({"chefs", "45d"})] == 0


def test_opened_and_resolved_incidents_are_counted(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"))
    entries = [ledger.entries["chefs/health"]]
    exporter = exporter_of(ledger, clock)
    probe_all(ledger, entries, NOW - 5 * MINUTE, NOW - 4 * MINUTE, BAD_RESULT)
    page = samples(exporter)
    of = frozenset({"chefs"})
    assert (page["ninewatch_incidents_total", of], page["ninewatch_incidents_open", of]) == (1, 1)
    (info,) = [labels for name, labels in page if name == "ninewatch_open_incident_info"]
    assert info == {"chefs", "health", ledger.incidents[0].id, "http_status", "503", "503 Service Unavailable"}
    probe_all(ledger, entries, NOW - 3 * MINUTE, NOW - 2 * MINUTE, GOOD_RESULT)
    page = samples(exporter)
    assert (page["ninewatch_incidents_total", of], page["ninewatch_incidents_open", of]) == (1, 0)
    assert "ninewatch_open_incident_info" not in names(page)


def test_incident_count_does_not_decrease_when_a_check_is_removed_and_returns(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs", 2))
    exporter, both = exporter_of(ledger, clock), ledger.portfolio
    probe_all(ledger, ledger.entries_of("chefs"), NOW - 5 * MINUTE, NOW - 4 * MINUTE, BAD_RESULT)
    probe_all(ledger, ledger.entries_of("chefs"), NOW - 3 * MINUTE, NOW - 2 * MINUTE, GOOD_RESULT)
    counted = []
    for portfolio in (both, ledger_of(product("chefs")).portfolio, both):
        ledger.reload(portfolio)
        page = samples(exporter)
        counted.append(page["ninewatch_incidents_total", frozenset({"chefs"})])
        assert page["ninewatch_incidents_open", frozenset({"chefs"})] == 0
    assert counted == [2, 2, 2]


def test_reload_changes_new_pages_and_not_a_page_in_progress(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"), product("css"))
    exporter = exporter_of(ledger, clock)
    rendered(exporter)
    old = exporter.render(Dialect.OPENMETRICS)
    begun = next(old)
    ledger.reload(ledger_of(product("drop", objective="99.5%")).portfolio)
    assert 'product="css"' in (begun + b"".join(old)).decode()
    page = samples(exporter)
    assert page["ninewatch_objective_ratio", frozenset({"drop"})] == 0.995
    assert ("ninewatch_objective_ratio", frozenset({"css"})) not in page


def test_concurrent_pages_are_independent(clock: ManualClock) -> None:
    ledger = large_ledger(3, 2)
    exporter = exporter_of(ledger, clock)
    one, other = exporter.render(Dialect.OPENMETRICS), exporter.render(Dialect.OPENMETRICS)
    pages: list[bytes] = [next(one), next(other)]
    pages[0] += b"".join(one)
    pages[1] += b"".join(other)
    assert pages[0].count(b"ninewatch_objective_ratio{") == pages[1].count(b"ninewatch_objective_ratio{") == 3


def test_unchanged_products_are_recomputed_in_turn_and_the_maximum_age_is_exported(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All observations since the last scrape are good: two of six products are recomputed per scrape, so each at least
    every third time.
    """
    monkeypatch.setattr(prometheus, "QUIET", 2)
    ledger = large_ledger(6, 1)
    exporter = exporter_of(ledger, clock)
    ages = []
    for _ in range(5):
        probe_all(ledger, ledger.entries.values(), clock.now() - SECOND, clock.now() - SECOND)
        ages.append(samples(exporter)["ninewatch_figures_age_seconds", frozenset()])
        clock.jump(15)
    assert ages == [0, 15, 30, 30, 30]


def test_product_with_recent_downtime_is_recomputed_at_each_scrape(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown time at the start of a short record alone causes no recomputation."""
    monkeypatch.setattr(prometheus, "QUIET", 0)
    ledger = ledger_of(product("shaken"), product("young"), product("quiet"))
    outage = (NOW - 2 * HOUR, NOW - 2 * HOUR + 5 * MINUTE, "deadline")
    begun = {"quiet/health": (DAY, []), "shaken/health": (DAY, [outage]), "young/health": (HOUR, [])}
    ledger.restore([run for key, (age, bad) in begun.items() for run in history(key, NOW - age, NOW, bad)], [], [])
    exporter = exporter_of(ledger, clock)
    known: list[dict[str, float]] = []
    for _ in range(4):
        clock.jump(15)
        probe_all(ledger, ledger.entries.values(), clock.now(), clock.now())
        page = samples(exporter)
        coverage = {name: page["ninewatch_coverage_ratio", frozenset({name, "365d"})] for name in ledger.products}
        known.append(coverage)
    before, after = known[-2:]
    assert {name for name in ledger.products if after[name] > before[name]} == {"shaken"}


def test_changed_product_is_recomputed_immediately(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "QUIET", 0)
    monkeypatch.setattr(prometheus, "TROUBLED", 0)
    ledger = large_ledger(3, 1)
    exporter = exporter_of(ledger, clock)
    rendered(exporter)
    rendered(exporter)
    clock.jump(60)
    observe(ledger, ledger.entries["product-0001/health"], clock.now(), BAD_RESULT)
    page = samples(exporter)
    assert page["ninewatch_product_state", frozenset({"product-0001", "down"})] == 1
    low = float(ledger.measured("product-0001", "1h", clock.now()).availability.low)
    assert page["ninewatch_availability_ratio", frozenset({"product-0001", "1h", "low"})] == low


@pytest.mark.parametrize("dialect", Dialect)
def test_special_characters_in_names_are_escaped(clock: ManualClock, dialect: Dialect) -> None:
    """The configuration validates ids, but the exporter does not depend on that."""
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    evil = 'a"} 1\n# EOF\nup{x="\\'
    entry.product = entry.product.model_copy(update={"id": evil})
    ledger.compositions[evil] = ledger.compositions.pop("chefs")
    ledger.products[evil] = entry.product
    ledger.entries[f"{evil}/health"] = entry
    page = rendered(exporter_of(ledger, clock), dialect)
    assert page.count("\n# EOF\n") == (dialect is Dialect.OPENMETRICS)
    assert not [line for line in page.splitlines() if line.startswith("up{")]


@pytest.mark.needs_prometheus
@pytest.mark.skipif(not PROMTOOL.exists(), reason="promtool (Debian: prometheus) is not installed")
def test_promtool_accepts_the_page(clock: ManualClock) -> None:
    ledger = large_ledger(2, 2)
    probe_all(ledger, [ledger.entries["product-0000/health"]], NOW, NOW, BAD_RESULT)
    page = rendered(exporter_of(ledger, clock), Dialect.TEXT)
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("products", "checks"), [(1000, 1), (10, 100)])
def test_page_of_a_large_portfolio_is_rendered_in_many_small_steps(products: int, checks: int) -> None:
    """No step is more than a fraction of the whole, which is what leaves the event loop its turns.

    Counted in work, not in seconds: a clock that says a slice is over each time it is asked makes each check and each
    product a step of its own. What that takes on a machine is measured by `bench/`.
    """

    class Hasty(ManualClock):
        def monotonic(self) -> float:
            self.ticks = getattr(self, "ticks", 0.0) + 1.0
            return self.ticks

    exporter = exporter_of(large_ledger(products, checks), Hasty(NOW))
    blocks = list(exporter.render(Dialect.OPENMETRICS))
    assert sum(not block for block in blocks) >= products + 2 * products * checks
    largest = 256 * 21 * 110  # the texts of one join, at a line's length
    assert max(map(len, blocks)) <= largest


def test_second_scrape_reuses_unchanged_lines(clock: ManualClock) -> None:
    """Cached lines are identical objects, so they were not rendered again."""
    ledger = large_ledger(4, 1)
    exporter = exporter_of(ledger, clock)
    rendered(exporter)
    before = [check.texts for check in exporter._view.checks]
    probe_all(ledger, [ledger.entries["product-0002/health"]], clock.now(), clock.now())
    rendered(exporter)
    after = [check.texts for check in exporter._view.checks]
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, True, False, True]


def test_page_contains_the_daemons_own_metrics(clock: ManualClock) -> None:
    health = Health(missed_ticks=7, lateness=0.5, unrecorded_since=NOW - HOUR, config_reload_at=NOW - DAY)
    health.config_reload_success, health.sqlite_version = False, "3.40.1"
    page = samples(Exporter(ledger_of(product("chefs")), health, clock))
    assert page["ninewatch_missed_ticks_total", frozenset()] == 7
    assert page["ninewatch_schedule_lateness_seconds", frozenset()] == 0.5
    assert page["ninewatch_store_unrecorded_seconds", frozenset()] == 3600
    assert page["ninewatch_config_reload_success", frozenset()] == 0
    assert page["ninewatch_config_reload_timestamp_seconds", frozenset()] == (NOW - DAY) / SECOND
    assert ("ninewatch_build_info", frozenset({"0.1.0", "3.40.1"})) in page


def test_contractual_availability_uses_the_products_own_window(clock: ManualClock) -> None:
    planned = {"start": "2026-01-01T00:00:00Z", "end": "2036-01-01T00:00:00Z", "reason": "closed"}
    ledger = ledger_of(product("chefs"), product("css", maintenance=[planned], window="7d"))
    probe_all(ledger, ledger.entries.values(), NOW - HOUR, NOW)
    page = samples(exporter_of(ledger, clock))
    own = frozenset({"chefs", "30d", "low"})
    assert page["ninewatch_contractual_availability_ratio", own] == page["ninewatch_availability_ratio", own]
    assert not [key for key in page if key[0] == "ninewatch_contractual_availability_ratio" and "css" in key[1]]


def test_outage_limits_are_exported_with_the_measured_values(clock: ManualClock) -> None:
    limits = {"longest_outage": "10m", "total_outage": {"limit": "4h", "per": "30d"}}
    ledger = ledger_of(product("chefs", agreement=limits), product("css"))
    outage = [(NOW - DAY, NOW - DAY + 9 * MINUTE, "deadline")]
    for name in ("chefs", "css"):
        ledger.restore(history(f"{name}/health", NOW - 31 * DAY, NOW, outage), [], [])
    page = samples(exporter_of(ledger, clock))
    found = {names - {"chefs"}: v for (name, names), v in page.items() if name == "ninewatch_outage_limit_seconds"}
    assert found == {frozenset({"longest_outage"}): 600, frozenset({"total_outage"}): 14_400}
    measured = {names: v for (name, names), v in page.items() if name == "ninewatch_outage_seconds"}
    lengths = {"low": 540, "point": 600, "high": 660}
    promises = ("longest_outage", "total_outage")
    assert measured == {frozenset({"chefs", p, bound}): us for p in promises for bound, us in lengths.items()}


def test_budget_forecast_is_exported_if_the_budget_does_not_last(clock: ManualClock) -> None:
    """At the last day's pace: chefs fails sometimes, css has not failed for a week, drop has overspent its budget."""
    ledger = ledger_of(product("chefs"), product("css"), product("drop", objective="99.995%"))
    day = [(NOW - HOUR, NOW - 57 * MINUTE, "deadline")]
    outages = {"chefs": day, "css": [(NOW - 7 * DAY, NOW - 7 * DAY + 3 * MINUTE, "deadline")], "drop": day}
    runs = [history(f"{name}/health", NOW - 31 * DAY, NOW, found) for name, found in outages.items()]
    ledger.restore(chain.from_iterable(runs), [], [])
    page = samples(exporter_of(ledger, clock))
    told = {of: at for (name, of), at in page.items() if name == "ninewatch_budget_exhaustion_timestamp_seconds"}
    chefs, css, drop = (ledger.forecast(each, NOW) for each in ("chefs", "css", "drop"))
    assert (css.burn, css.exhausted_at) == (0, None)
    assert drop.exhausted_at == NOW
    assert chefs.exhausted_at is not None
    assert told == {
        frozenset({"chefs", "30d"}): chefs.exhausted_at / SECOND,
        frozenset({"drop", "30d"}): NOW / SECOND,
    }


def test_burn_alert_metric_exists_while_it_fires_and_outage_metric_while_blind(clock: ManualClock) -> None:
    """The metrics show the decisions of `sla.alerting`. A product without observations has neither metric."""
    ledger = ledger_of(product("chefs"), product("unseen"))
    entry = ledger.entries["chefs/health"]
    probe_all(ledger, [entry], NOW - 60 * MINUTE, NOW - 11 * MINUTE)
    exporter = exporter_of(ledger, clock)
    page, fast = samples(exporter), frozenset({"chefs", "1h"})
    assert page["ninewatch_alerting_burn_rate", fast] == page["ninewatch_product_outage", frozenset({"chefs"})] == 0
    assert not {key for key in page if "unseen" in key[1]} & {
        *(
            (name, frozenset({"unseen", window}))
            for name in ["ninewatch_alerting_burn_rate"]
            for window in ("1h", "6h")
        ),
        ("ninewatch_product_outage", frozenset({"unseen"})),
        ("ninewatch_check_outage", frozenset({"unseen", "health"})),
    }
    probe_all(ledger, [entry], NOW - 10 * MINUTE, NOW, BAD_RESULT)
    for blind in (0, 3 * 3600):
        clock.jump(blind)
        page = samples(exporter)
        expected = float(ledger.burn_alerts("chefs", clock.now())[0].burn)
        assert page["ninewatch_alerting_burn_rate", fast] == expected > 100
        assert page["ninewatch_product_outage", frozenset({"chefs"})] == 1
        assert page["ninewatch_check_outage", frozenset({"chefs", "health"})] == 1
    assert page["ninewatch_product_state", frozenset({"chefs", "unknown"})] == 1
    probe_all(ledger, [entry], clock.now() - MINUTE, clock.now(), GOOD_RESULT)
    page = samples(exporter)
    assert page["ninewatch_alerting_burn_rate", fast] == page["ninewatch_product_outage", frozenset({"chefs"})] == 0
    assert page["ninewatch_check_outage", frozenset({"chefs", "health"})] == 0


def test_outage_is_exported_immediately_when_its_incident_resolves(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second good probe resolves the incident without a change of state.

    The figures may be older, but not the outage.
    """
    monkeypatch.setattr(prometheus, "TROUBLED", 0)
    monkeypatch.setattr(prometheus, "QUIET", 0)
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    exporter = exporter_of(ledger, clock)
    of = frozenset({"chefs"})
    for outcome, expected in ((BAD_RESULT, 0), (BAD_RESULT, 1), (GOOD_RESULT, 1), (GOOD_RESULT, 0)):
        clock.jump(60)
        observe(ledger, entry, clock.now(), outcome)
        assert samples(exporter)["ninewatch_product_outage", of] == expected


@pytest.mark.parametrize(("objective", "possible"), [("99.9%", 1), ("90%", 0)])
def test_burn_alert_threshold_and_ability_to_fire_are_exported(
    clock: ManualClock, objective: str, possible: int
) -> None:
    page = samples(exporter_of(ledger_of(product("chefs", objective=objective)), clock))
    fast = frozenset({"chefs", "1h"})
    assert page["ninewatch_burn_alert_possible", fast] == possible
    assert page.get(("ninewatch_burn_alert_threshold", fast)) == (14.4 if possible else None)
    assert page["ninewatch_burn_alert_threshold", frozenset({"chefs", "6h"})] == 6


def test_direct_dependencies_are_published_once_each() -> None:
    ledger = ledger_of(
        product("suite", component="bundle", parts=("forms", "login"), depends_on=("login",)),
        product("forms", depends_on=("login",)),
        product("login"),
    )
    page = samples(Exporter(ledger, Health(), ManualClock(NOW)))
    found = {labels: value for (name, labels), value in page.items() if name == "ninewatch_product_dependency_info"}
    expected = (("suite", "forms"), ("suite", "login"), ("forms", "login"))
    assert found == {frozenset(pair): 1 for pair in expected}


def gate_of(page: Samples, product_id: str) -> list[str]:
    return [
        name for name in ("go", "hold", "unknown") if page["ninewatch_gate_state", frozenset({product_id, name})] == 1
    ]


def test_gate_is_exported_as_the_ledger_decides_it_and_an_override_at_the_next_scrape(clock: ManualClock) -> None:
    ledger = ledger_of(product("calm"), product("young"))
    ledger.restore(history("calm/health", NOW - 40 * DAY, NOW, []), [], [])
    observe(ledger, ledger.entries["young/health"], NOW, GOOD_RESULT)
    exporter = exporter_of(ledger, clock)
    page = samples(exporter)
    assert (gate_of(page, "calm"), gate_of(page, "young")) == (["go"], ["unknown"])
    made = GateOverride(NOW, "Ana", "freeze", "calm", "hold", NOW + MINUTE)
    ledger.facts = Facts([made.fact()])
    clock.jump(1)
    assert gate_of(samples(exporter), "calm") == ["hold"]
    clock.jump(60)
    assert gate_of(samples(exporter), "calm") == ["go"]


def test_override_does_not_wait_until_its_product_is_measured_again(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "QUIET", 0)
    ledger = large_ledger(2, 1)
    exporter = exporter_of(ledger, clock)
    samples(exporter)
    ledger.facts = Facts([GateOverride(NOW, "Ana", "freeze", "product-0001", "hold", NOW + HOUR).fact()])
    assert gate_of(samples(exporter), "product-0001") == ["hold"]


def test_silences_in_force_are_counted_by_what_they_cover(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"))
    exporter = exporter_of(ledger, clock)
    made = [
        Silence(NOW, "Ana", "move", NOW + MINUTE),
        Silence(NOW, "Ben", "test", NOW + HOUR, "chefs"),
        Silence(NOW, "Ben", "known", NOW + HOUR, "", "4f0c"),
        Silence(NOW, "Ben", "known too", NOW + HOUR, "", "5a1d"),
    ]
    found = []
    for ended in ([], [silence_end(made[1].id, NOW + 1, "Ben")]):
        ledger.facts = Facts([*(each.fact() for each in made), *ended])
        page = samples(exporter)
        found.append([page["ninewatch_silences", frozenset({name})] for name in ("all", "product", "alert")])
        clock.jump(60)
    assert found == [[1, 1, 2], [0, 0, 2]]


def causes(page: Samples, product_id: str) -> dict[str, float]:
    names = ("own", "dependency", "unclear")
    return {n: page["ninewatch_downtime_cause_seconds", frozenset({product_id, "30d", n})] for n in names}


def test_downtime_by_cause_equals_the_split_of_the_page_and_adds_up(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[Interval] = []

    def counted(own: History, dependencies: Mapping[str, History], part: Interval) -> DowntimeSplit:
        parts.append(part)
        return split_downtime(own, dependencies, part)

    monkeypatch.setattr(downtime_causes, "split_downtime", counted)
    ledger = ledger_of(product("forms", depends_on=("sso",)), product("sso"))
    at = NOW - 20 * DAY
    mine = [(at, at + HOUR, "x"), (at + 5 * DAY, at + 5 * DAY + 30 * MINUTE, "x"), (NOW - DAY, NOW - DAY + HOUR, "x")]
    theirs = [(at + 10 * MINUTE, at + 20 * MINUTE, "x"), (NOW - DAY - HOUR, NOW - DAY + 2 * HOUR, "x")]
    ledger.restore(history("forms/health", NOW - 40 * DAY, NOW, mine), [], [])
    ledger.restore(history("sso/health", NOW - 40 * DAY, NOW, theirs), [], [])
    exporter = exporter_of(ledger, clock)
    for _ in range(3):
        page = samples(exporter)
        now = clock.now()
        window = Interval(now - 30 * DAY, now)
        split = split_downtime(ledger.compositions["forms"], {"sso": ledger.compositions["sso"]}, window)
        found = causes(page, "forms")
        assert found["own"] * SECOND == split.alone > 0
        assert found["dependency"] * SECOND == split.with_down("sso") > 0
        assert sum(found.values()) == page["ninewatch_downtime_seconds", frozenset({"forms", "30d", "point"})]
        clock.jump(HOUR / SECOND)
        for key in ledger.entries:
            observe(ledger, ledger.entries[key], clock.now(), GOOD_RESULT)
    assert ("ninewatch_downtime_cause_seconds", frozenset({"sso", "30d", "own"})) not in page
    assert len([part for part in parts if part.end < NOW - 4 * DAY]) == 2, "a day that is over is split once"
