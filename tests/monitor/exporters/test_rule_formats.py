"""Grafana's own models of alert rules, from its SDK, read every alert rule without losing or adding a key."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.expr import TypeMath, TypeThreshold
from grafana_foundation_sdk.models.prometheus import Dataquery

from monitor.exporters.rule_formats import Destination, grafana
from monitor.exporters.rules import Options, alerts

MODELS = {None: Dataquery, "math": TypeMath, "threshold": TypeThreshold}


def grafana_alert_rules() -> list[dict[str, Any]]:
    """Return the alert rules with the keys that Grafana adds from their group. The SDK has no recording rules."""
    groups = yaml.safe_load(grafana(Options(), Destination(), ""))["groups"]
    return [
        {**rule, "folderUID": group["folder"], "orgID": group["orgId"], "ruleGroup": group["name"]}
        for group in groups
        for rule in group["rules"]
        if "record" not in rule
    ]


def as_json(model: object) -> Any:
    return json.loads(JSONEncoder(sort_keys=True).encode(model))


ALERT_RULES = grafana_alert_rules()


def test_every_alert_is_a_rule() -> None:
    assert [rule["title"] for rule in ALERT_RULES] == [alert.name for alert in alerts()]


@pytest.mark.parametrize("rule", ALERT_RULES, ids=lambda rule: rule["title"])
def test_grafanas_models_keep_the_rule_and_its_queries_unchanged(rule: dict[str, Any]) -> None:
    """A model ignores an unknown key and adds a missing one, so that a misspelled key would change the rule."""
    assert as_json(Rule.from_json(rule)) == rule
    for query in rule["data"]:
        model = query["model"]
        assert as_json(MODELS[model.get("type")].from_json(model)) == model
        assert (query["datasourceUid"] == "__expr__") == ("type" in model)


@pytest.mark.parametrize("rule", ALERT_RULES, ids=lambda rule: rule["title"])
def test_states_are_ones_that_grafana_has(rule: dict[str, Any]) -> None:
    hints = get_type_hints(Rule)
    assert rule["noDataState"] in get_args(hints["no_data_state"])
    assert rule["execErrState"] in get_args(hints["exec_err_state"])


@pytest.mark.parametrize("key", ["noDataState", "for", "execErrState"])
def test_misspelled_key_changes_the_rule(key: str) -> None:
    rule = dict(ALERT_RULES[0])
    rule[key.upper()] = rule.pop(key)
    assert as_json(Rule.from_json(rule)) != rule
