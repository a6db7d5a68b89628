"""What is exported for Sloth and Pyrra: their fields, and queries that leave unknown time out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config.yaml_writer import yaml_text
from monitor.slo_files.prometheus_tools import other_periods, pyrra, sloth
from tests.monitor.slo_files.test_openslo import PORTFOLIO, loaded
from tests.support.metric_names import emitted, queried_metrics
from tests.support.processes import needs

SLOTH = Path(__file__).parents[3] / ".tools/sloth/sloth"


def written(*documents: Any) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(yaml_text(*documents)))


def test_sloth_gets_a_specification_per_product(tmp_path: Path) -> None:
    portfolio = loaded(tmp_path, PORTFOLIO)
    (spec,) = written(*sloth(portfolio))
    assert (spec["version"], spec["service"]) == ("prometheus/v1", "my_forms")
    assert spec["labels"] == {"product": "my_forms", "team": "web"}
    (slo,) = spec["slos"]
    assert slo["objective"] == 99.95
    assert set(slo["sli"]["events"]) == {"error_query", "total_query"}
    assert all("{{.window}}" in query for query in slo["sli"]["events"].values())
    assert slo["alerting"]["page_alert"]["labels"] == {"severity": "critical"}
    assert [(product.id, window) for product, window in other_periods(portfolio)] == [("my_forms", "7d")]


def test_pyrra_gets_an_object_per_product(tmp_path: Path) -> None:
    (found,) = written(*pyrra(loaded(tmp_path, PORTFOLIO), "monitoring"))
    assert (found["apiVersion"], found["kind"]) == ("pyrra.dev/v1alpha1", "ServiceLevelObjective")
    assert (found["metadata"]["name"], found["metadata"]["namespace"]) == ("my-forms-availability", "monitoring")
    spec = found["spec"]
    assert (spec["target"], spec["window"]) == ("99.95", "7d")
    (metric,) = spec["indicator"]["bool_gauge"].values()
    assert re.fullmatch(r'\w+\{product="my_forms"\}', metric), "Pyrra takes a plain selection"


def test_the_queries_ask_for_metrics_that_the_daemon_emits(tmp_path: Path) -> None:
    portfolio = loaded(tmp_path, PORTFOLIO)
    text = yaml_text(*sloth(portfolio), *pyrra(portfolio, None))
    assert queried_metrics(text.replace("ninewatch:", "")) <= emitted()


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
def test_unknown_time_is_neither_an_error_nor_an_event(tmp_path: Path) -> None:
    (spec,) = written(*sloth(loaded(tmp_path, PORTFOLIO)))
    events = {name: query.replace("{{.window}}", "30m") for name, query in spec["slos"][0]["sli"]["events"].items()}
    text = SCENARIO.replace("ERRORS", f"'{events['error_query']}'").replace("TOTAL", f"'{events['total_query']}'")
    (tmp_path / "test.yaml").write_text(text)
    command = ["promtool", "test", "rules", "test.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.skipif(not SLOTH.exists(), reason="not built: .tools/sloth/sloth (github.com/slok/sloth v0.16.0)")
def test_sloth_makes_rules_of_the_export_that_promtool_accepts(tmp_path: Path) -> None:
    text = PORTFOLIO.replace("window: 7d", "window: 30d")
    (tmp_path / "sloth.yaml").write_text(yaml_text(*sloth(loaded(tmp_path, text))))
    for command in (
        [str(SLOTH), "validate", "--input", "sloth.yaml"],
        [str(SLOTH), "generate", "--input", "sloth.yaml", "--out", "rules.yaml"],
        ["promtool", "check", "rules", "rules.yaml"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
