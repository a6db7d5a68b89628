"""Metrics of products: limits, budgets, outages, dependencies, gates, silences and causes of downtime."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pytest

from monitor.exporters import downtime_causes, prometheus
from monitor.exporters.prometheus import Exporter
from monitor.facts.fact_index import Facts
from monitor.health import Health
from sla.downtime_split import DowntimeSplit, split_downtime
from sla.gate_override import GateOverride
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.silence import Silence, silence_end
from tests.support.clocks import ManualClock
from tests.support.ledgers import (
    BAD_RESULT,
    GOOD,
    GOOD_RESULT,
    NOW,
    history,
    large_ledger,
    ledger_of,
    observe,
    probe_all,
    product,
    run,
)
from tests.support.metrics_page import Samples, exporter_of, samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sla.state_history import History


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


def test_contractual_figures_count_degraded_time_if_the_agreement_does(clock: ManualClock) -> None:
    limit = {"longest_outage": "10m"}
    ledger = ledger_of(product("chefs", agreement={"degraded": "counts"} | limit), product("css", agreement=limit))
    for name in ("chefs", "css"):
        ledger.restore([run(f"{name}/health", GOOD, NOW - 40 * DAY, NOW, "slow")], [], [])
    page = samples(exporter_of(ledger, clock))
    for name, ratio, outage in (("chefs", 0, 30 * DAY // SECOND), ("css", 1, 0)):
        assert page["ninewatch_contractual_availability_ratio", frozenset({name, "30d", "high"})] == ratio
        assert page["ninewatch_availability_ratio", frozenset({name, "30d", "low"})] == 1
        assert page["ninewatch_outage_seconds", frozenset({name, "longest_outage", "point"})] == outage


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
    monkeypatch.setattr(prometheus, "MIN_RECENTLY_DOWN", 0)
    monkeypatch.setattr(prometheus, "MIN_OTHER", 0)
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
    monkeypatch.setattr(prometheus, "MIN_OTHER", 0)
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
