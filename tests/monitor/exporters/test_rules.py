"""The Prometheus rules use only existing metrics, are tested by scenarios, and are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitor.exporters.rule_file import Alert, Group, Record, render
from monitor.exporters.rules import Options, alerts, groups, rules_file
from tests.support.metric_names import emitted_families, queried_metrics

ROOT = Path(__file__).parents[3]
ALERTS = list(alerts())
RULES = [rule for group in groups() for rule in group.rules]
SCENARIOS = ROOT / "dashboards/ninewatch.rules.test.yaml"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_uses_only_existing_metrics(rule: Alert | Record) -> None:
    assert queried_metrics(rule.expr) <= emitted_families()


def test_rules_text_is_yaml_with_the_same_rules() -> None:
    document = yaml.safe_load(rules_file())
    parsed_rules = [rule for group in document["groups"] for rule in group["rules"]]
    assert [rule["expr"] for rule in parsed_rules] == [rule.expr for rule in RULES]
    assert [rule.get("alert") or rule["record"] for rule in parsed_rules] == [rule.name for rule in RULES]


def test_product_alerts_aggregate_over_replica_labels() -> None:
    """Alerts about daemons keep `instance`, which identifies the daemon. `absent()` has no such label."""
    product_alerts = [
        alert for group in groups() for alert in group.rules if not group.name.endswith((".daemon", "dog"))
    ]
    for rule in product_alerts:
        selections = re.findall(r"(?<!absent)\((?:last_over_time\()?(?:ninewatch|probe)_", rule.expr)
        assert len(selections) == rule.expr.count("without (instance, pod"), rule.name


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_a_known_severity_and_absolute_links(alert: Alert) -> None:
    assert alert.severity in {"critical", "warning", "none"}
    assert alert.annotations["runbook_url"] == f"http://127.0.0.1:9999/runbook#{alert.name}"
    page = "products/{{ $labels.product }}" if "$labels.product" in alert.summary else ""
    assert alert.annotations["page_url"] == f"http://127.0.0.1:9999/{page}"


def test_every_link_starts_with_the_given_public_url() -> None:
    text = rules_file(Options("https://status.example.org/nw"))
    links = re.findall(r'_url: "(.*)"', text)
    assert len(links) == 2 * len(ALERTS)
    assert all(link.startswith("https://status.example.org/nw/") for link in links)


def test_every_alert_has_a_firing_and_a_silent_scenario() -> None:
    """Scenarios that list all firing alerts are silent scenarios of the other alerts."""
    document = yaml.safe_load(SCENARIOS.read_text())
    fired: set[str] = set()
    silent: set[str] = set()
    for scenario in document["tests"]:
        for case in scenario.get("alert_rule_test", ()):
            (fired if case["exp_alerts"] else silent).add(case["alertname"])
        for case in scenario.get("promql_expr_test", ()):
            text = " ".join(sample["labels"] for sample in case["exp_samples"])
            fired |= set(re.findall(r'alertname="(\w+)"', text))
    assert fired == {alert.name for alert in ALERTS}
    assert silent >= fired - {"Watchdog"}


def test_runbook_has_one_section_per_alert() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), flags=re.MULTILINE)
    assert sorted(headings) == sorted(alert.name for alert in alerts(Options(products=["any"])))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alert_text_uses_only_labels_of_its_expression(alert: Alert) -> None:
    """An absent() has no labels, so a label in its text would be empty."""
    labels = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    assert labels <= {
        "product",
        "check",
        "kind",
        "window",
        "what",
        "instance",
        "anchor",
        "vantage",
        "family",
        "objective",
    }
    assert not (labels and "absent(" in alert.expr)


def test_special_characters_are_preserved_in_rules_file() -> None:
    special_text = 'a "quoted" \\ back: {slash} # no comment\ttab \u00e9'
    alert = Alert("Name", "up == 1\nand on() vector(1)", "warning", special_text, special_text, "docs/x.md", "5m")
    rule = yaml.safe_load(render([Group("g", (alert,))]))["groups"][0]["rules"][0]
    assert rule["annotations"]["summary"] == special_text
    assert rule["expr"] == alert.expr
