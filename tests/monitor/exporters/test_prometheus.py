"""The content of /metrics for a ledger."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor.exporters import prometheus
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.health import Health
from monitor.probe_result import ProbeResult
from sla.interval import DAY, HOUR, MINUTE, SECOND
from tests.support.ledgers import (
    BAD_RESULT,
    GOOD_RESULT,
    NOW,
    UNKNOWN,
    large_ledger,
    ledger_of,
    observe,
    probe_all,
    product,
)
from tests.support.metrics_page import Samples, exporter_of, rendered_page, samples

if TYPE_CHECKING:
    from tests.support.clocks import ManualClock

PROMTOOL = Path("/usr/bin/promtool")


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


def test_product_up_is_1_or_0_and_absent_while_unknown(clock: ManualClock) -> None:
    ledger = ledger_of(product("up"), product("down"), product("unprobed"))
    observe(ledger, ledger.entries["up/health"], NOW, GOOD_RESULT)
    observe(ledger, ledger.entries["down/health"], NOW, BAD_RESULT)
    exporter = exporter_of(ledger, clock)
    page = samples(exporter)
    values = {name: page.get(("ninewatch_product_up", frozenset({name}))) for name in ledger.products}
    assert values == {"up": 1, "down": 0, "unprobed": None}
    clock.jump(3600)
    assert "ninewatch_product_up" not in names(samples(exporter))


def test_degraded_product_is_1_after_the_next_scrape(clock: ManualClock) -> None:
    ledger = ledger_of(*(product(f"p{n:02}") for n in range(40)))
    probe_all(ledger, ledger.entries.values(), NOW, NOW)
    exporter, labels = exporter_of(ledger, clock), frozenset({"p39"})
    assert samples(exporter)["ninewatch_product_degraded", labels] == 0
    clock.jump(60)
    observe(ledger, ledger.entries["p39/health"], clock.now(), ProbeResult(GOOD_RESULT.outcome, "slow"))
    assert samples(exporter)["ninewatch_product_degraded", labels] == 1
    clock.jump(60)
    observe(ledger, ledger.entries["p39/health"], clock.now(), BAD_RESULT)
    assert ("ninewatch_product_degraded", labels) not in samples(exporter)


def test_newest_incident_is_exemplar_of_incident_count_in_openmetrics_only(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"), product("calm"))
    entry = ledger.entries["chefs/health"]
    for result in (*[BAD_RESULT] * 4, *[GOOD_RESULT] * 4, *[BAD_RESULT] * 4):
        clock.jump(60)
        observe(ledger, entry, clock.now(), result)
    exporter = exporter_of(ledger, clock)
    newest = ledger.incidents[0]
    families = text_string_to_metric_families(rendered_page(exporter))
    counts = {s.labels["product"]: s for f in families if f.name == "ninewatch_incidents" for s in f.samples}
    assert counts["chefs"].value == 2
    assert counts["chefs"].exemplar is not None
    assert counts["chefs"].exemplar.labels == {"incident": newest.id}
    assert float(counts["chefs"].exemplar.timestamp) == newest.opened / SECOND
    assert counts["calm"].exemplar is None
    assert 'ninewatch_incidents_total{product="chefs"} 2\n' in rendered_page(exporter, Dialect.TEXT)


def test_open_incident_info_samples_are_limited_and_omitted_ones_are_counted(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the monitor's network fails, all checks fail at the same time."""
    monkeypatch.setattr(prometheus, "MAX_INCIDENTS", 3)
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
    values = samples(page)
    assert values["ninewatch_slow_probes_total", labels] == values["probe_success", labels | {"http"}] == 1
    assert sum(name == "ninewatch_slow_probes_total" for name, _ in values) == 1


def test_unknown_outcome_removes_probe_success_and_keeps_the_valid_state(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    observe(ledger, entry, NOW - MINUTE, GOOD_RESULT)
    observe(ledger, entry, NOW, ProbeResult(UNKNOWN, "own_descriptors"))
    page = samples(exporter_of(ledger, clock))
    assert "probe_success" not in names(page)
    assert page["ninewatch_check_up", frozenset({"chefs", "health"})] == 1
    assert page["ninewatch_probes_total", frozenset({"chefs", "health", "unknown"})] == 1


def test_check_without_new_probes_becomes_unknown_without_values(clock: ManualClock) -> None:
    """The cached lines change when the hold ends, without a new probe."""
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


def test_figures_equal_the_figures_of_the_ledger(clock: ManualClock) -> None:
    ledger = large_ledger(2, 3)
    page = samples(exporter_of(ledger, clock))
    for window in ("1h", "6h", "24h", "7d", "30d", "90d", "365d"):
        measured = ledger.measured("product-0001", window, clock.now())
        labels = {"product-0001", window}
        for bound, ratio in measured.availability._asdict().items():
            assert page["ninewatch_availability_ratio", frozenset({*labels, bound})] == float(ratio)
        for bound, us in measured.downtime._asdict().items():
            assert page["ninewatch_downtime_seconds", frozenset({*labels, bound})] == us / SECOND
        assert page["ninewatch_coverage_ratio", frozenset(labels)] == float(measured.coverage)
        assert page["ninewatch_burn_rate", frozenset(labels)] == float(measured.burn_rate)
    budget = ledger.measured("product-0001", "30d", clock.now()).budget
    labels_30d = frozenset({"product-0001", "30d"})
    assert page["ninewatch_budget_remaining_seconds", labels_30d] == float(budget.remaining / SECOND)
    assert page["ninewatch_budget_allowed_seconds", labels_30d] == float(budget.allowed / SECOND)


def test_window_of_the_product_is_exported_with_the_standard_windows(clock: ManualClock) -> None:
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


def test_incident_count_does_not_decrease_when_a_check_is_removed(clock: ManualClock) -> None:
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


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.fault(45)
def test_special_characters_in_names_are_escaped(clock: ManualClock, dialect: Dialect) -> None:
    """Ids are validated by the configuration; the exporter escapes them nevertheless."""
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    unescaped = 'a"} 1\n# EOF\nup{x="\\'
    entry.product = entry.product.model_copy(update={"id": unescaped})
    ledger.compositions[unescaped] = ledger.compositions.pop("chefs")
    ledger.contractual_histories[unescaped] = ledger.compositions[unescaped]
    ledger.products[unescaped] = entry.product
    ledger.entries[f"{unescaped}/health"] = entry
    page = rendered_page(exporter_of(ledger, clock), dialect)
    assert page.count("\n# EOF\n") == (dialect is Dialect.OPENMETRICS)
    assert not [line for line in page.splitlines() if line.startswith("up{")]


@pytest.mark.needs_prometheus
@pytest.mark.skipif(not PROMTOOL.exists(), reason="promtool (Debian: prometheus) is not installed")
def test_promtool_accepts_the_page(clock: ManualClock) -> None:
    ledger = large_ledger(2, 2)
    probe_all(ledger, [ledger.entries["product-0000/health"]], NOW, NOW, BAD_RESULT)
    page = rendered_page(exporter_of(ledger, clock), Dialect.TEXT)
    result = subprocess.run([PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


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
