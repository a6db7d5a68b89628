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


def rendered_page(exporter: Exporter, dialect: Dialect = Dialect.OPENMETRICS) -> str:
    return b"".join(exporter.render(dialect)).decode()


def samples(exporter: Exporter) -> Samples:
    """Return the page as `(name, label values) -> value`, parsed by the client library."""
    families = text_string_to_metric_families(rendered_page(exporter))
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


def test_reload_does_not_change_a_page_in_progress(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"), product("css"))
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    old = exporter.render(Dialect.OPENMETRICS)
    first_block = next(old)
    ledger.reload(ledger_of(product("drop", objective="99.5%")).portfolio)
    assert 'product="css"' in (first_block + b"".join(old)).decode()
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
    """All observations since the last scrape are good. 2 of 6 products are recomputed per scrape, so every product is
    recomputed at least at every third scrape.
    """
    monkeypatch.setattr(prometheus, "MIN_QUIET", 2)
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
    """Unknown time at the start of a short record does not cause a recomputation."""
    monkeypatch.setattr(prometheus, "MIN_QUIET", 0)
    ledger = ledger_of(product("troubled"), product("young"), product("quiet"))
    outage = (NOW - 2 * HOUR, NOW - 2 * HOUR + 5 * MINUTE, "deadline")
    histories = {"quiet/health": (DAY, []), "troubled/health": (DAY, [outage]), "young/health": (HOUR, [])}
    ledger.restore([run for key, (age, bad) in histories.items() for run in history(key, NOW - age, NOW, bad)], [], [])
    exporter = exporter_of(ledger, clock)
    known: list[dict[str, float]] = []
    for _ in range(4):
        clock.jump(15)
        probe_all(ledger, ledger.entries.values(), clock.now(), clock.now())
        page = samples(exporter)
        coverage = {name: page["ninewatch_coverage_ratio", frozenset({name, "365d"})] for name in ledger.products}
        known.append(coverage)
    before, after = known[-2:]
    assert {name for name in ledger.products if after[name] > before[name]} == {"troubled"}


def test_changed_product_is_recomputed_immediately(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MIN_QUIET", 0)
    monkeypatch.setattr(prometheus, "MIN_TROUBLED", 0)
    ledger = large_ledger(3, 1)
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    rendered_page(exporter)
    clock.jump(60)
    observe(ledger, ledger.entries["product-0001/health"], clock.now(), BAD_RESULT)
    page = samples(exporter)
    assert page["ninewatch_product_state", frozenset({"product-0001", "down"})] == 1
    low = float(ledger.measured("product-0001", "1h", clock.now()).availability.low)
    assert page["ninewatch_availability_ratio", frozenset({"product-0001", "1h", "low"})] == low


def test_changed_product_is_recomputed_after_an_aborted_page(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client closes the connection after the checks were read, before the product was measured."""
    for name in ("SLICE", "MIN_QUIET", "MIN_TROUBLED"):
        monkeypatch.setattr(prometheus, name, 0)
    ledger = large_ledger(3, 1)
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    clock.jump(60)
    observe(ledger, ledger.entries["product-0001/health"], clock.now(), BAD_RESULT)
    aborted = exporter.render(Dialect.OPENMETRICS)
    for _ in ledger.entries:
        assert next(aborted) == b""
    aborted.close()
    assert samples(exporter)["ninewatch_product_state", frozenset({"product-0001", "down"})] == 1


@pytest.mark.parametrize("dialect", Dialect)
def test_special_characters_in_names_are_escaped(clock: ManualClock, dialect: Dialect) -> None:
    """Ids are validated by the configuration; the exporter escapes them nevertheless."""
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    unescaped = 'a"} 1\n# EOF\nup{x="\\'
    entry.product = entry.product.model_copy(update={"id": unescaped})
    ledger.compositions[unescaped] = ledger.compositions.pop("chefs")
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


@pytest.mark.parametrize(("products", "checks"), [(1000, 1), (10, 100)])
def test_page_of_a_large_portfolio_is_rendered_in_many_small_steps(products: int, checks: int) -> None:
    """No step blocks the event loop for more than a fraction of the rendering.

    With a clock that ends a time slice at every call, each check and each product is a separate step. `bench/` measures
    the duration of the steps.
    """

    class FastClock(ManualClock):
        def monotonic(self) -> float:
            self.ticks = getattr(self, "ticks", 0.0) + 1.0
            return self.ticks

    exporter = exporter_of(large_ledger(products, checks), FastClock(NOW))
    blocks = list(exporter.render(Dialect.OPENMETRICS))
    assert sum(not block for block in blocks) >= products + 2 * products * checks
    largest = 256 * 21 * 110  # number of joined texts, families, and length of a line
    assert max(map(len, blocks)) <= largest


def test_second_scrape_reuses_unchanged_lines(clock: ManualClock) -> None:
    """Cached lines are identical objects, so they were not rendered again."""
    ledger = large_ledger(4, 1)
    exporter = exporter_of(ledger, clock)
    rendered_page(exporter)
    before = [check.texts for check in exporter._lines.checks]
    probe_all(ledger, [ledger.entries["product-0002/health"]], clock.now(), clock.now())
    rendered_page(exporter)
    after = [check.texts for check in exporter._lines.checks]
    assert [old is new for old, new in zip(before, after, strict=True)] == [True, True, False, True]


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


def test_contractual_availability_uses_the_window_of_the_product(clock: ManualClock) -> None:
    maintenance = {"start": "2026-01-01T00:00:00Z", "end": "2036-01-01T00:00:00Z", "reason": "closed"}
    ledger = ledger_of(product("chefs"), product("css", maintenance=[maintenance], window="7d"))
    probe_all(ledger, ledger.entries.values(), NOW - HOUR, NOW)
    page = samples(exporter_of(ledger, clock))
    labels_30d = frozenset({"chefs", "30d", "low"})
    assert (
        page["ninewatch_contractual_availability_ratio", labels_30d] == page["ninewatch_availability_ratio", labels_30d]
    )
    assert not [key for key in page if key[0] == "ninewatch_contractual_availability_ratio" and "css" in key[1]]


def test_outage_limits_are_exported_with_the_measured_values(clock: ManualClock) -> None:
    limits = {"longest_outage": "10m", "total_outage": {"limit": "4h", "per": "30d"}}
    ledger = ledger_of(product("chefs", agreement=limits), product("css"))
    outage = [(NOW - DAY, NOW - DAY + 9 * MINUTE, "deadline")]
    for name in ("chefs", "css"):
        ledger.restore(history(f"{name}/health", NOW - 31 * DAY, NOW, outage), [], [])
    page = samples(exporter_of(ledger, clock))
    limit_values = {
        names - {"chefs"}: v for (name, names), v in page.items() if name == "ninewatch_outage_limit_seconds"
    }
    assert limit_values == {frozenset({"longest_outage"}): 600, frozenset({"total_outage"}): 14_400}
    measured = {names: v for (name, names), v in page.items() if name == "ninewatch_outage_seconds"}
    lengths = {"low": 540, "point": 600, "high": 660}
    promises = ("longest_outage", "total_outage")
    assert measured == {frozenset({"chefs", p, bound}): us for p in promises for bound, us in lengths.items()}


def test_budget_forecast_is_exported_if_the_budget_does_not_last(clock: ManualClock) -> None:
    """In the last day chefs had an outage, css had none, and drop has overspent its budget."""
    ledger = ledger_of(product("chefs"), product("css"), product("drop", objective="99.995%"))
    day = [(NOW - HOUR, NOW - 57 * MINUTE, "deadline")]
    outages = {"chefs": day, "css": [(NOW - 7 * DAY, NOW - 7 * DAY + 3 * MINUTE, "deadline")], "drop": day}
    runs = [history(f"{name}/health", NOW - 31 * DAY, NOW, intervals) for name, intervals in outages.items()]
    ledger.restore(chain.from_iterable(runs), [], [])
    page = samples(exporter_of(ledger, clock))
    exhaustion = {
        labels: at for (name, labels), at in page.items() if name == "ninewatch_budget_exhaustion_timestamp_seconds"
    }
    chefs, css, drop = (ledger.forecast(name, NOW) for name in ("chefs", "css", "drop"))
    assert (css.burn, css.exhausted_at) == (0, None)
    assert drop.exhausted_at == NOW
    assert chefs.exhausted_at is not None
    assert exhaustion == {
        frozenset({"chefs", "30d"}): chefs.exhausted_at / SECOND,
        frozenset({"drop", "30d"}): NOW / SECOND,
    }


def test_burn_alert_and_outage_metrics_keep_their_values_while_blind(clock: ManualClock) -> None:
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

    Only the figures may be older, the outage is always current.
    """
    monkeypatch.setattr(prometheus, "MIN_TROUBLED", 0)
    monkeypatch.setattr(prometheus, "MIN_QUIET", 0)
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries["chefs/health"]
    exporter = exporter_of(ledger, clock)
    of = frozenset({"chefs"})
    for outcome, expected in ((BAD_RESULT, 0), (BAD_RESULT, 1), (GOOD_RESULT, 1), (GOOD_RESULT, 0)):
        clock.jump(60)
        observe(ledger, entry, clock.now(), outcome)
        assert samples(exporter)["ninewatch_product_outage", of] == expected


@pytest.mark.parametrize(("objective", "possible"), [("99.9%", 1), ("90%", 0)])
def test_burn_alert_threshold_and_possibility_are_exported(clock: ManualClock, objective: str, possible: int) -> None:
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
    dependencies = {
        labels: value for (name, labels), value in page.items() if name == "ninewatch_product_dependency_info"
    }
    expected = (("suite", "forms"), ("suite", "login"), ("forms", "login"))
    assert dependencies == {frozenset(pair): 1 for pair in expected}


def gate_of(page: Samples, product_id: str) -> list[str]:
    return [
        name for name in ("go", "hold", "unknown") if page["ninewatch_gate_state", frozenset({product_id, name})] == 1
    ]


def test_gate_equals_the_ledgers_answer_and_follows_overrides_at_the_next_scrape(clock: ManualClock) -> None:
    ledger = ledger_of(product("calm"), product("young"))
    ledger.restore(history("calm/health", NOW - 40 * DAY, NOW, []), [], [])
    observe(ledger, ledger.entries["young/health"], NOW, GOOD_RESULT)
    exporter = exporter_of(ledger, clock)
    page = samples(exporter)
    assert (gate_of(page, "calm"), gate_of(page, "young")) == (["go"], ["unknown"])
    override = GateOverride(NOW, "Ana", "freeze", "calm", "hold", NOW + MINUTE)
    ledger.facts = Facts([override.fact()])
    clock.jump(1)
    assert gate_of(samples(exporter), "calm") == ["hold"]
    clock.jump(60)
    assert gate_of(samples(exporter), "calm") == ["go"]


def test_override_is_exported_before_the_product_is_measured_again(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "MIN_QUIET", 0)
    ledger = large_ledger(2, 1)
    exporter = exporter_of(ledger, clock)
    samples(exporter)
    ledger.facts = Facts([GateOverride(NOW, "Ana", "freeze", "product-0001", "hold", NOW + HOUR).fact()])
    assert gate_of(samples(exporter), "product-0001") == ["hold"]


def test_active_silences_are_counted_by_scope(clock: ManualClock) -> None:
    ledger = ledger_of(product("chefs"))
    exporter = exporter_of(ledger, clock)
    silences = [
        Silence(NOW, "Ana", "move", NOW + MINUTE),
        Silence(NOW, "Ben", "test", NOW + HOUR, "chefs"),
        Silence(NOW, "Ben", "known", NOW + HOUR, "", "4f0c"),
        Silence(NOW, "Ben", "known too", NOW + HOUR, "", "5a1d"),
    ]
    counts = []
    for ends in ([], [silence_end(silences[1].id, NOW + 1, "Ben")]):
        ledger.facts = Facts([*(silence.fact() for silence in silences), *ends])
        page = samples(exporter)
        counts.append([page["ninewatch_silences", frozenset({name})] for name in ("all", "product", "alert")])
        clock.jump(60)
    assert counts == [[1, 1, 2], [0, 0, 2]]


def causes(page: Samples, product_id: str) -> dict[str, float]:
    names = ("own", "dependency", "unclear")
    return {n: page["ninewatch_downtime_cause_seconds", frozenset({product_id, "30d", n})] for n in names}


def test_downtime_by_cause_equals_the_split_and_adds_up_to_the_downtime(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[Interval] = []

    def recording_split(own: History, dependencies: Mapping[str, History], part: Interval) -> DowntimeSplit:
        parts.append(part)
        return split_downtime(own, dependencies, part)

    monkeypatch.setattr(downtime_causes, "split_downtime", recording_split)
    ledger = ledger_of(product("forms", depends_on=("sso",)), product("sso"))
    at = NOW - 20 * DAY
    product_outages = [
        (at, at + HOUR, "x"),
        (at + 5 * DAY, at + 5 * DAY + 30 * MINUTE, "x"),
        (NOW - DAY, NOW - DAY + HOUR, "x"),
    ]
    dependency_outages = [(at + 10 * MINUTE, at + 20 * MINUTE, "x"), (NOW - DAY - HOUR, NOW - DAY + 2 * HOUR, "x")]
    ledger.restore(history("forms/health", NOW - 40 * DAY, NOW, product_outages), [], [])
    ledger.restore(history("sso/health", NOW - 40 * DAY, NOW, dependency_outages), [], [])
    exporter = exporter_of(ledger, clock)
    for _ in range(3):
        page = samples(exporter)
        now = clock.now()
        window = Interval(now - 30 * DAY, now)
        split = split_downtime(ledger.compositions["forms"], {"sso": ledger.compositions["sso"]}, window)
        by_cause = causes(page, "forms")
        assert by_cause["own"] * SECOND == split.alone > 0
        assert by_cause["dependency"] * SECOND == split.with_down("sso") > 0
        assert sum(by_cause.values()) == page["ninewatch_downtime_seconds", frozenset({"forms", "30d", "point"})]
        clock.jump(HOUR / SECOND)
        for key in ledger.entries:
            observe(ledger, ledger.entries[key], clock.now(), GOOD_RESULT)
    assert ("ninewatch_downtime_cause_seconds", frozenset({"sso", "30d", "own"})) not in page
    assert len([part for part in parts if part.end < NOW - 4 * DAY]) == 2, "past days are split once"
