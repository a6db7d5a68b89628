"""Export for Sloth and Pyrra: fields of the objects, and queries that exclude unknown time."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config.yaml_writer import yaml_text
from monitor.slo_files.prometheus_tools import products_with_other_period, pyrra_objects, sloth_specifications
from tests.monitor.slo_files.test_openslo import PORTFOLIO, load_portfolio
from tests.support.metric_names import emitted_families, queried_metrics
from tests.support.processes import needs

SLOTH = Path(__file__).parents[3] / ".tools/sloth/sloth"


def parsed_documents(*documents: Any) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(yaml_text(*documents)))


def test_sloth_export_has_one_specification_per_product(tmp_path: Path) -> None:
    portfolio = load_portfolio(tmp_path, PORTFOLIO)
    (spec,) = parsed_documents(*sloth_specifications(portfolio))
    assert (spec["version"], spec["service"]) == ("prometheus/v1", "my_forms")
    assert spec["labels"] == {"product": "my_forms", "team": "web"}
    (slo,) = spec["slos"]
    assert slo["objective"] == 99.95
    assert set(slo["sli"]["events"]) == {"error_query", "total_query"}
    assert all("{{.window}}" in query for query in slo["sli"]["events"].values())
    assert slo["alerting"]["page_alert"]["labels"] == {"severity": "critical"}
    assert [(product.id, window) for product, window in products_with_other_period(portfolio)] == [("my_forms", "7d")]


def test_pyrra_export_has_one_object_per_product(tmp_path: Path) -> None:
    (objective,) = parsed_documents(*pyrra_objects(load_portfolio(tmp_path, PORTFOLIO), "monitoring"))
    assert (objective["apiVersion"], objective["kind"]) == ("pyrra.dev/v1alpha1", "ServiceLevelObjective")
    assert (objective["metadata"]["name"], objective["metadata"]["namespace"]) == (
        "my-forms-availability",
        "monitoring",
    )
    spec = objective["spec"]
    assert (spec["target"], spec["window"]) == ("99.95", "7d")
    (metric,) = spec["indicator"]["bool_gauge"].values()
    assert re.fullmatch(r'\w+\{product="my_forms"\}', metric), "Pyrra requires a plain selector"


def test_queries_use_only_metrics_of_the_daemon(tmp_path: Path) -> None:
    portfolio = load_portfolio(tmp_path, PORTFOLIO)
    text = yaml_text(*sloth_specifications(portfolio), *pyrra_objects(portfolio, None))
    assert queried_metrics(text.replace("ninewatch:", "")) <= emitted_families()


SCENARIO = """
rule_files: []
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      # up for 10 minutes, unknown for 10, down for 10
      - {series: 'ninewatch_product_up{product="my_forms", instance="a"}', values: '1x9 stale _x9 0x9'}
      - {series: 'ninewatch_product_up{product="my_forms", instance="b"}', values: '1x9 stale _x9 0x9'}
    promql_expr_test:
      - {expr: ERRORS, eval_time: 29m, exp_samples: [{labels: '{}', value: 10}]}
      - {expr: TOTAL, eval_time: 29m, exp_samples: [{labels: '{}', value: 20}]}
"""


@pytest.mark.needs_prometheus
@needs("promtool")
def test_sloth_queries_exclude_unknown_time(tmp_path: Path) -> None:
    (spec,) = parsed_documents(*sloth_specifications(load_portfolio(tmp_path, PORTFOLIO)))
    events = {name: query.replace("{{.window}}", "30m") for name, query in spec["slos"][0]["sli"]["events"].items()}
    text = SCENARIO.replace("ERRORS", f"'{events['error_query']}'").replace("TOTAL", f"'{events['total_query']}'")
    (tmp_path / "test.yaml").write_text(text)
    command = ["promtool", "test", "rules", "test.yaml"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.full
@pytest.mark.skipif(not SLOTH.exists(), reason="not built: .tools/sloth/sloth (github.com/slok/sloth v0.16.0)")
def test_promtool_accepts_rules_that_sloth_generates(tmp_path: Path) -> None:
    text = PORTFOLIO.replace("window: 7d", "window: 30d")
    (tmp_path / "sloth.yaml").write_text(yaml_text(*sloth_specifications(load_portfolio(tmp_path, text))))
    for command in (
        [str(SLOTH), "validate", "--input", "sloth.yaml"],
        [str(SLOTH), "generate", "--input", "sloth.yaml", "--out", "rules.yaml"],
        ["promtool", "check", "rules", "rules.yaml"],
    ):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
