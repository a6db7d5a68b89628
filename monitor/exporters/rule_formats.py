"""The rules in the formats of the Prometheus Operator, `mimirtool` and Grafana alerting."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.config.yaml_writer import Plain, yaml_text
from monitor.exporters.rule_file import Alert
from monitor.exporters.rules import groups, rules_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.exporters.rule_file import Group, Record
    from monitor.exporters.rules import Options

_MAX_UID: Final = 40  # characters, Grafana's limit


@dataclass(frozen=True, slots=True)
class Destination:
    """Names that a format needs in addition to the rules.

    `name` is the manifest's name, Mimir's namespace or Grafana's folder; `namespace` and `labels` belong to the
    manifest; `data_source` is the UID of Prometheus in Grafana.
    """

    name: str = "ninewatch"
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    data_source: str = "prometheus"


def prometheus_rule(options: Options, destination: Destination, header: str) -> str:
    """Return the manifest of a `PrometheusRule` for the Prometheus Operator."""
    metadata: dict[str, Plain] = {"name": destination.name}
    if destination.namespace is not None:
        metadata["namespace"] = destination.namespace
    metadata["labels"] = {"app.kubernetes.io/name": "ninewatch", **destination.labels}
    manifest = yaml_text({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata})
    spec = "".join(f"  {line}\n" if line else "\n" for line in rules_file(options, "").splitlines())
    return f"{header}{manifest}spec:\n{spec}"


def mimir(options: Options, destination: Destination, header: str) -> str:
    """Return a file for `mimirtool rules sync`: the namespace and the rules file."""
    return header + yaml_text({"namespace": destination.name}) + rules_file(options, "")


def grafana(options: Options, destination: Destination, header: str) -> str:
    """Return a file for `provisioning/alerting` of Grafana 11.3 or later, which evaluates the rules itself."""
    return header + yaml_text(
        {
            "apiVersion": 1,
            "groups": [
                {
                    "orgId": 1,
                    "name": group.name,
                    "folder": destination.name,
                    "interval": options.interval,
                    "rules": [_grafana_rule(rule, group, destination.data_source) for rule in group.rules],
                }
                for group in groups(options)
            ],
        }
    )


def _grafana_rule(rule: Alert | Record, group: Group, data_source: str) -> Plain:
    query = _query("A", data_source, {"expr": rule.expr, "instant": True, "range": False})
    if not isinstance(rule, Alert):
        title = " ".join([rule.name, *rule.labels.values()])
        record: Plain = {"metric": rule.name, "from": "A"}
        return {"uid": _uid(title), "title": title, "record": record, "labels": {**rule.labels}, "data": [query]}
    # The alert fires for every series in the query's result, whatever its value.
    has_sample = _expression("B", {"type": "math", "expression": "is_number($A) || is_nan($A) || is_inf($A)"})
    evaluator: Plain = {"type": "gt", "params": [0]}
    fires = _expression("C", {"type": "threshold", "expression": "B", "conditions": [{"evaluator": evaluator}]})
    return {
        "uid": _uid(rule.name),
        "title": rule.name,
        "condition": "C",
        "data": [query, has_sample, fires],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule.hold,
        "labels": {"severity": rule.severity},
        "annotations": {
            **rule.annotations,
            "summary": _grafana_text(rule.summary),
            "description": _grafana_text(rule.description),
        },
    }


def _query(ref: str, data_source: str, model: Mapping[str, Plain]) -> Plain:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": data_source,
        "model": {"refId": ref, **model},
    }


def _expression(ref: str, model: Mapping[str, Plain]) -> Plain:
    return {"refId": ref, "datasourceUid": "__expr__", "model": {"refId": ref, **model}}


def _grafana_text(text: str) -> str:
    """Return the template with the value of query A instead of `$value`, which in Grafana is a text of all values."""
    return text.replace("$value ", "$values.A.Value ")


def _uid(title: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", title.lower())[-_MAX_UID:].strip("-_")


FORMATS: Final[Mapping[str, Callable[[Options, Destination, str], str]]] = {
    "file": lambda options, _, header: rules_file(options, header),
    "prometheusrule": prometheus_rule,
    "mimir": mimir,
    "grafana": grafana,
}
