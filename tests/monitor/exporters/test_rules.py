"""The shipped rules ask only for what is emitted, page with thresholds that are derived, and are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitor.exporters.rulefile import Alert, Group, Record, render
from monitor.exporters.rules import BURN_ALERTS, groups, rules_file, span
from sla.budget import BURN_POLICIES
from sla.interval import DAY, HOUR, MINUTE
from tests.support.metric_names import asked, emitted, recorded

ROOT = Path(__file__).parents[3]
ALERTS = [rule for group in groups() for rule in group.rules if isinstance(rule, Alert)]
RECORDS = [rule for group in groups() for rule in group.rules if isinstance(rule, Record)]


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDS], ids=lambda rule: rule.name)
def test_a_rule_asks_only_for_metrics_that_the_daemon_emits_or_a_rule_records(rule: Alert | Record) -> None:
    assert asked(rule.expr) <= emitted()
    assert recorded(rule.expr) <= {each.name for each in RECORDS}


def test_every_recorded_series_is_read_by_a_rule() -> None:
    read = set().union(*(recorded(rule.expr) for rule in (*ALERTS, *RECORDS)))
    assert {each.name for each in RECORDS} == read


def test_the_text_is_yaml_with_the_very_rules() -> None:
    document = yaml.safe_load(rules_file())
    written = [rule for group in document["groups"] for rule in group["rules"]]
    rules = [rule for group in groups() for rule in group.rules]
    assert [rule["expr"] for rule in written] == [rule.expr for rule in rules]
    assert {rule.get("alert") or rule["record"] for rule in written} == {rule.name for rule in rules}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_a_known_severity_and_a_paragraph_in_the_runbook(alert: Alert) -> None:
    assert alert.severity in {"critical", "warning", "none"}
    path, anchor = alert.annotations["runbook_url"].split("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / path).read_text(), flags=re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}


def test_the_runbook_has_no_paragraph_of_an_alert_that_is_gone() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), flags=re.MULTILINE)
    assert sorted(headings) == sorted(alert.name for alert in ALERTS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_names_only_labels_that_its_expression_can_carry(alert: Alert) -> None:
    """An absent() has no labels at all; a text that names one would page with a hole in it."""
    named = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    assert named <= {"product", "check", "window", "what"}
    assert not (named and "absent(" in alert.expr)


def test_burn_thresholds_are_derived_from_the_cited_policies_and_scale_with_the_period() -> None:
    thresholds = {rule.labels["window"]: rule.expr for rule in RECORDS if rule.name == "ninewatch:burn_threshold:ratio"}
    assert thresholds["1h"] == "clamp_min(0.02 * ninewatch:period:seconds / 3600, 1)"
    assert set(thresholds) == {span(policy.long) for policy in BURN_POLICIES}
    assert [float(policy.factor(30 * DAY)) for policy in BURN_ALERTS.values()] == [14.4, 6.0, 1.0]


def test_a_window_is_named_as_the_daemon_and_promql_write_it() -> None:
    assert [span(length) for length in (5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY)] == [
        *("5m", "30m", "1h", "6h", "24h", "3d"),
    ]


def test_strings_survive_the_writing_whatever_is_in_them() -> None:
    hostile = 'a "quoted" \\ back: {slash} # no comment\ttab \u00e9'
    alert = Alert("Name", "up == 1\nand on() vector(1)", "warning", hostile, hostile, "docs/x.md", "5m")
    rule = yaml.safe_load(render([Group("g", (alert,))]))["groups"][0]["rules"][0]
    assert rule["annotations"]["summary"] == hostile
    assert rule["expr"] == alert.expr
