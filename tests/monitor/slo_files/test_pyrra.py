"""The export for Pyrra, compared with the schema and the checks that Pyrra publishes.

Pyrra itself cannot be installed: its Go module is not offered. This is what its CustomResourceDefinition (v1alpha1) and
its admission webhook require of the fields that the export uses. The API server would drop other fields silently.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from monitor.config.yaml_writer import yaml_text
from monitor.slo_files.prometheus_tools import pyrra_objects
from tests.monitor.slo_files.test_openslo import load_portfolio
from tests.support.processes import needs


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    """Return the schema of an object without other properties."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
SCHEMA = closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "pyrra.dev/v1alpha1"},
    kind={"const": "ServiceLevelObjective"},
    metadata=closed(
        ["name"],
        name={"type": "string", "maxLength": 253, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"},
        namespace=TEXT,
        labels={"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
        annotations={"type": "object", "additionalProperties": {"type": "string"}},
    ),
    spec=closed(
        ["target", "window", "indicator"],
        description={"type": "string"},
        target={"type": "string", "pattern": r"^\d+(\.\d+)?$"},  # parsed as a number by the webhook
        window={"type": "string", "pattern": "^(\\d+y)?(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?$", "minLength": 2},
        indicator=closed(["bool_gauge"], bool_gauge=closed(["metric"], metric=TEXT)),
        alerting=closed([], name=TEXT, absentName=TEXT),
    ),
)
OBJECTIVES = ["99%", "99.9%", "99.95%", "99.999%", "99.99999%", "50%"]
WINDOWS = ["7d", "30d", "1d 12h", "month", "quarter"]


def exported(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a portfolio with every objective, every kind of window, and unusual ids."""
    lines = ["products:"]
    for number, (objective, window) in enumerate((o, w) for o in OBJECTIVES for w in WINDOWS):
        lines.append(
            f"  - {{id: {number}_under-score_, objective: {objective}, window: {window}, team: Web & Co,"
            f' checks: [{{id: a, http: "https://example.org"}}]}}'
        )
    objects = pyrra_objects(load_portfolio(folder, "\n".join(lines)), "monitoring")
    return list(yaml.safe_load_all(yaml_text(*objects)))


def test_objects_have_the_published_schema(tmp_path: Path) -> None:
    objects = exported(tmp_path)
    assert len({entry["metadata"]["name"] for entry in objects}) == len(OBJECTIVES) * len(WINDOWS)
    for entry in objects:
        Draft202012Validator(SCHEMA).validate(entry)
        assert 1 <= float(entry["spec"]["target"]) < 100, "Pyrra warns of targets below 1: they may be ratios"


def test_schema_rejects_what_pyrra_rejects(tmp_path: Path) -> None:
    entry = exported(tmp_path)[0]
    for part, value in {"target": 99.9, "window": "30 days", "indicator": {}, "objective": "99%"}.items():
        wrong = json.loads(json.dumps(entry))
        wrong["spec"][part] = value
        assert not Draft202012Validator(SCHEMA).is_valid(wrong), part


@pytest.mark.needs_prometheus
@needs("promtool")
def test_metrics_are_selectors_for_the_parser_of_prometheus(tmp_path: Path) -> None:
    """Pyrra parses a metric with the parser of Prometheus, and requires one selector."""
    metrics = [entry["spec"]["indicator"]["bool_gauge"]["metric"] for entry in exported(tmp_path)]
    assert all(re.fullmatch(r'\w+\{\w+="[\w-]+"\}', metric) for metric in metrics)
    rules = [{"record": f"a:{number}", "expr": metric} for number, metric in enumerate(metrics)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "pyrra", "rules": rules}]}))
    command = ["promtool", "check", "rules", "rules.yaml"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert f"{len(metrics)} rules found" in result.stdout, result.stdout + result.stderr
