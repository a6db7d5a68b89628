"""The PromQL of the dashboards over given samples, evaluated by promtool: verdicts, replicas, unknown products."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from monitor.exporters.dashboards.expressions import BUDGET_SHARE, STATE, VERDICT, availability
from tests.support.dashboards import with_values
from tests.support.processes import needs

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("promtool")]

VARIABLES = {"job": ".*", "product": ".*", "window": "30d"}
Samples = dict[str, float]


def availabilities(product: str, low: float, high: float, instance: str = "a") -> Samples:
    """Return the bounds of the availability of a product over 30 days."""
    common = f'job="j",instance="{instance}",product="{product}",window="30d"'
    return {
        f'ninewatch_availability_ratio{{{common},bound="{bound}"}}': value
        for bound, value in {"low": low, "point": (low + high) / 2, "high": high}.items()
    }


def objective(product: str, ratio: float) -> Samples:
    """Return the objective of a product over 30 days."""
    return {
        f'ninewatch_objective_ratio{{job="j",instance="a",product="{product}"}}': ratio,
        f'ninewatch_objective_window_seconds{{job="j",instance="a",product="{product}",window="30d"}}': 2_592_000,
    }


def states(product: str, state: str, instance: str = "a") -> Samples:
    """Return the three samples of the state of a product."""
    common = f'job="j",instance="{instance}",product="{product}"'
    names = ("up", "down", "unknown")
    return {f'ninewatch_product_state{{{common},state="{name}"}}': float(name == state) for name in names}


def check(folder: Path, expr: str, samples: Samples, expected: dict[str, float]) -> None:
    """Fail unless the expression has these values by product."""
    test = {
        "rule_files": [],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": str(value)} for name, value in samples.items()],
                "promql_expr_test": [
                    {
                        "expr": with_values(expr, VARIABLES),
                        "eval_time": "0m",
                        "exp_samples": [
                            {"labels": f'{{product="{product}"}}', "value": value}
                            for product, value in expected.items()
                        ],
                    }
                ],
            }
        ],
    }
    (folder / "test.yaml").write_text(json.dumps(test))
    command = ["promtool", "test", "rules", folder / "test.yaml"]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_verdict_follows_the_bounds_and_is_absent_while_nothing_is_known(tmp_path: Path) -> None:
    samples = {
        **availabilities("met", 0.9995, 1),
        **availabilities("exact", 0.999, 1),
        **availabilities("missed", 0.99, 0.9985),
        **availabilities("open", 0.99, 0.9995),
    }
    for product in ("met", "exact", "missed", "open", "blind"):
        samples |= objective(product, 0.999)
    check(tmp_path, VERDICT, samples, {"met": 2, "exact": 2, "missed": 1, "open": 0})


def test_bounds_over_replicas_are_the_outermost(tmp_path: Path) -> None:
    samples = {**availabilities("forms", 0.98, 0.99), **availabilities("forms", 0.97, 1, "b")}
    check(tmp_path, availability("low"), samples, {"forms": 0.97})
    check(tmp_path, availability("high"), samples, {"forms": 1})


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [("up", "up", 1), ("down", "down", 2), ("unknown", "unknown", 0), ("up", "down", 3), ("unknown", "down", 2)],
)
def test_disagreement_of_replicas_is_shown(tmp_path: Path, one: str, other: str, shown: float) -> None:
    """A replica that does not know the state contradicts none."""
    check(tmp_path, STATE, {**states("forms", one), **states("forms", other, "b")}, {"forms": shown})


def test_budget_left_is_the_smallest_of_the_replicas_and_absent_without_a_budget(tmp_path: Path) -> None:
    samples = {
        'ninewatch_budget_remaining_seconds{job="j",instance="a",product="forms",window="30d"}': 500.0,
        'ninewatch_budget_remaining_seconds{job="j",instance="b",product="forms",window="30d"}': -250.0,
        'ninewatch_budget_allowed_seconds{job="j",instance="a",product="forms",window="30d"}': 1000.0,
        'ninewatch_budget_allowed_seconds{job="j",instance="b",product="forms",window="30d"}': 1000.0,
        'ninewatch_budget_remaining_seconds{job="j",instance="a",product="night",window="30d"}': 0.0,
        'ninewatch_budget_allowed_seconds{job="j",instance="a",product="night",window="30d"}': 0.0,
    }
    check(tmp_path, BUDGET_SHARE, samples, {"forms": -0.25})
