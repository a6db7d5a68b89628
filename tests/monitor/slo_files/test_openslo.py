"""OpenSLO: conversion of objects to products, errors for invalid files, and import of exported files."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from monitor.config.errors import ConfigError
from monitor.config.loader import load
from monitor.config.yaml_writer import yaml_text
from monitor.probes.registry import CHECK_TYPES
from monitor.slo_files.openslo_export import export_objects
from monitor.slo_files.openslo_import import import_objects
from monitor.slo_files.reader import read_objects

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

EXAMPLE = Path(__file__).parent / "openslo.yaml"
SERVER = "https://prometheus.example.org"
BAD_5M = 'sum(increase(http_requests_total{code=~"5.."}[5m]))'


def products(path: Path, prometheus: str | None = SERVER) -> dict[str, dict[str, Any]]:
    text = yaml_text(import_objects(read_objects(path), prometheus).configuration())
    return {product["id"]: product for product in yaml.safe_load(text)["products"]}


def load_portfolio(folder: Path, text: str) -> Portfolio:
    path = folder / "portfolio.yaml"
    path.write_text(text)
    return load(path, CHECK_TYPES)


def test_objectives_with_time_slices_become_products_with_queries_per_slice() -> None:
    imported_products = products(EXAMPLE)
    assert imported_products["search-requests-1"] == {
        "id": "search-requests-1",
        "name": "Search usual",
        "team": "web",
        "objective": "99.95%",
        "window": "28d",
        "checks": [
            {
                "id": "sli",
                "prometheus": SERVER,
                "good": f"sum(increase(http_requests_total[5m])) - ({BAD_5M} or vector(0))",
                "total": "sum(increase(http_requests_total[5m]))",
                "at_least": "95%",
                "interval": "5m",
            }
        ],
    }
    strict = imported_products["search-requests-2"]
    assert (strict["objective"], strict["name"]) == ("90%", "Search strict")
    assert strict["checks"][0]["interval"] == "1h"
    assert strict["checks"][0]["at_least"] == "99.9999999999%", "the greatest share below 1"


def test_threshold_metric_becomes_a_comparison() -> None:
    (check,) = products(EXAMPLE)["queue"]["checks"]
    assert check["good"] == "(max(queue_depth)) <= bool 1000.5"
    assert check["total"] == "(max(queue_depth)) * 0 + 1"
    assert (check["interval"], check["at_least"]) == ("1m", "99.9%"), "occurrences are approximated by minutes"


def test_bad_events_are_subtracted_as_sums(tmp_path: Path) -> None:
    """The difference of vectors with different labels is empty, which would mean that no event was good."""
    file = tmp_path / "slo.yaml"
    file.write_text(changed_slo(RATIO, {"bad": METRIC, "total": METRIC}))
    (check,) = products(file)["forms"]["checks"]
    assert (check["good"], check["total"]) == ("sum(up) - (sum(up) or vector(0))", "up")


def test_raw_failure_ratio_is_converted_to_success_ratio() -> None:
    (check,) = products(EXAMPLE)["ratio"]["checks"]
    assert check["good"] == "1 - (job:errors:ratio_rate10m)"
    assert check["total"] == "(job:errors:ratio_rate10m) * 0 + 1"


def test_notes_report_approximated_and_unused_parts_with_position() -> None:
    result = import_objects(read_objects(EXAMPLE), SERVER)
    notes = {str(note).removeprefix(f"{EXAMPLE}:") for note in result.notes}
    assert len(notes) == len(result.notes) == 8
    for expected in (
        "24:9: metadata.name: is converted to the id search-requests-1",
        "26:29: metadata.labels.tags: is not used; only the label team is used",
        "27:16: metadata.annotations: is not used",
        "spec.alertPolicies: is not used: burn alerts follow the objective and the window",
        "spec.budgetingMethod: Occurrences are approximated",
        "has no timeWindow; 30d is used",
        "kind: Service is not used",
    ):
        assert any(expected in note for note in notes), (expected, notes)
    assert result.configuration()["time_zone"] == "America/Vancouver"


def test_imported_configuration_is_valid(tmp_path: Path) -> None:
    text = yaml_text(import_objects(read_objects(EXAMPLE), SERVER).configuration())
    portfolio = load_portfolio(tmp_path, text)
    assert [product.id for product in portfolio.products] == list(products(EXAMPLE))


def test_export_and_import_preserve_the_products(tmp_path: Path) -> None:
    """The first import has already converted occurrences to time slices."""
    portfolio = load_portfolio(tmp_path, yaml_text(import_objects(read_objects(EXAMPLE), SERVER).configuration()))
    exported_file = tmp_path / "again.yaml"
    exported_file.write_text(yaml_text(*export_objects(portfolio, "http://unused.example.org")))
    assert products(exported_file, None) == products(EXAMPLE)
    reimported = load_portfolio(tmp_path, yaml_text(import_objects(read_objects(exported_file)).configuration()))
    assert list(export_objects(reimported, "http://unused.example.org")) == list(
        export_objects(portfolio, "http://unused.example.org")
    )


SLO: dict[str, Any] = {
    "apiVersion": "openslo/v1",
    "kind": "SLO",
    "metadata": {"name": "forms"},
    "spec": {
        "service": "forms",
        "indicator": {
            "metadata": {"name": "i"},
            "spec": {"ratioMetric": {"good": "GOOD", "total": "TOTAL"}},
        },
        "timeWindow": [{"duration": "28d", "isRolling": True}],
        "budgetingMethod": "Timeslices",
        "objectives": [{"target": 0.99, "timeSliceTarget": 0.9, "timeSliceWindow": "5m"}],
    },
}
METRIC = {"metricSource": {"type": "Prometheus", "spec": {"query": "up"}}}


def changed_slo(path: str, value: Any) -> str:
    """Return the SLO with the value at `path` replaced, or removed if `value` is None."""
    document = yaml.safe_load(yaml.safe_dump(SLO))
    ratio = document["spec"]["indicator"]["spec"]["ratioMetric"]
    ratio["good"], ratio["total"] = deepcopy(METRIC), deepcopy(METRIC)
    *parents, last = path.split(".")
    node = document
    for part in parents:
        node = node[int(part)] if part.isdigit() else node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return yaml_text(document)


RATIO = "spec.indicator.spec.ratioMetric"


@pytest.mark.parametrize(
    ("path", "value", "place", "message"),
    [
        ("apiVersion", "openslo/v1alpha", "1:13: apiVersion", "must be openslo/v1"),
        ("kind", "Slo", "2:7: kind", '"Slo" is not a kind of openslo/v1; use one of AlertCondition'),
        ("kind", None, "1:1: kind", "is missing; use one of"),
        ("metadata.name", "No Name", "4:9: metadata.name", "is not a name; use a-z, 0-9 and -"),
        ("spec.servcie", "x", ": spec.servcie", "unknown key; did you mean service?"),
        ("spec.service", None, ": spec.service", "is missing; add it"),
        (
            "spec.budgetingMethod",
            "RatioTimeslices",
            ": spec.budgetingMethod",
            "use Timeslices with a timeSliceTarget",
        ),
        ("spec.budgetingMethod", "Minutes", ": spec.budgetingMethod", "must be Occurrences, Timeslices or"),
        (
            "spec.timeWindow.0.duration",
            "28 days",
            ": spec.timeWindow[0].duration",
            '"28 days" is not a duration; use',
        ),
        ("spec.timeWindow.0.isRolling", False, ": spec.timeWindow[0].isRolling", "or a calendar with startTime"),
        ("spec.timeWindow", [{"duration": "1d", "isRolling": True}] * 2, ": spec.timeWindow", "exactly one item"),
        ("spec.objectives", [], ": spec.objectives", "is empty; add at least one"),
        ("spec.objectives.0.target", 1, ": spec.objectives[0].target", "must be above 0 and below 1"),
        ("spec.objectives.0.target", 99.9, ": spec.objectives[0].target", "must be above 0 and below 1"),
        ("spec.objectives.0.target", "high", ": spec.objectives[0].target", '"high" is not a number; use 0.999'),
        ("spec.objectives.0.targetPercent", 99, ": spec.objectives[0].target", "exactly one of target (0.999) and"),
        ("spec.objectives.0.timeSliceTarget", 1.5, ": spec.objectives[0].timeSliceTarget", "above 0 and at most 1"),
        ("spec.objectives.0.timeSliceTarget", None, ": spec.objectives[0]", "timeSliceTarget is missing"),
        ("spec.objectives.0.timeSliceWindow", None, ": spec.objectives[0]", "timeSliceWindow is missing"),
        ("spec.objectives.0.timeSliceWindow", "2d", ": spec.objectives[0].timeSliceWindow", "is longer than a day"),
        (
            "spec.objectives.0.indicatorRef",
            "x",
            ": spec.objectives[0].indicatorRef",
            "composite SLOs are not supported",
        ),
        ("spec.indicatorRef", "other", ": spec.indicator", "exactly one of indicator and indicatorRef is required"),
        (f"{RATIO}.bad", METRIC, f": {RATIO}.good", "exactly one of good and bad is required with total"),
        (f"{RATIO}.total", None, f": {RATIO}.total", "is required, unless raw is used"),
        (f"{RATIO}.raw", METRIC, f": {RATIO}.raw", "cannot be used together with good, bad or total"),
        (
            f"{RATIO}.total.metricSource.type",
            "Datadog",
            f": {RATIO}.total.metricSource.type",
            "Datadog cannot be queried",
        ),
        (f"{RATIO}.total.metricSource.spec", {"q": "up"}, f": {RATIO}.total.metricSource.spec", "has no query"),
        (
            f"{RATIO}.total.metricSource.metricSourceRef",
            "x",
            f": {RATIO}.total.metricSource.metricSourceRef",
            "no DataSource",
        ),
    ],
)
def test_error_is_reported_with_position_and_remedy(
    tmp_path: Path, path: str, value: Any, place: str, message: str
) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(changed_slo(path, value))
    server = None if "metricSourceRef" in path else SERVER
    with pytest.raises(ConfigError) as caught:
        import_objects(read_objects(file), server)
    lines = [line for line in str(caught.value).splitlines() if place in line and message in line]
    assert lines, str(caught.value)
    assert lines[0].startswith(f"{file}:")


def test_missing_indicator_and_unknown_server_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(
        changed_slo("spec.indicator", None).replace("service: forms", "service: forms\n  indicatorRef: gone")
    )
    with pytest.raises(ConfigError, match='the file has no SLI "gone"; add it'):
        import_objects(read_objects(file), SERVER)
    file.write_text(changed_slo("spec.service", "forms"))
    with pytest.raises(ConfigError, match="the address of Prometheus is unknown; add a DataSource"):
        import_objects(read_objects(file))


def test_duplicate_id_and_file_without_slo_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text("---\n".join([changed_slo("spec.service", "a"), changed_slo("spec.service", "b")]))
    with pytest.raises(ConfigError, match="another SLO has the id forms already; rename one of them"):
        import_objects(read_objects(file), SERVER)
    file.write_text("apiVersion: openslo/v1\nkind: Service\nmetadata: {name: x}\n")
    with pytest.raises(ConfigError, match="the file has no SLO; add an object of kind SLO"):
        import_objects(read_objects(file), SERVER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "is not an OpenSLO object; use a mapping with apiVersion"),
        ("kind: [SLO", "is not YAML"),
        ("just text\n", "is not an OpenSLO object"),
    ],
)
def test_file_that_is_not_openslo_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_objects(file)


PORTFOLIO = """
products:
  - id: my_forms
    name: Forms
    team: web
    objective: 99.95%
    window: 7d
    checks:
      - {id: front, http: "http://127.0.0.1:1/"}
      - {id: back, tcp: "127.0.0.1:2"}
"""


def test_product_without_prometheus_check_is_exported_with_ninewatch_product_up(tmp_path: Path) -> None:
    source, slo = yaml.safe_load_all(yaml_text(*export_objects(load_portfolio(tmp_path, PORTFOLIO), "http://p:9090")))
    assert source["spec"] == {"type": "Prometheus", "connectionDetails": {"url": "http://p:9090"}}
    assert slo["metadata"] == {"name": "my-forms", "displayName": "Forms", "labels": {"team": "web"}}
    spec = slo["spec"]
    assert spec["timeWindow"] == [{"duration": "7d", "isRolling": True}]
    assert (spec["budgetingMethod"], spec["objectives"]) == ("Occurrences", [{"target": 0.9995}])
    ratio = spec["indicator"]["spec"]["ratioMetric"]
    up = 'max without (instance, pod) (ninewatch_product_up{product="my_forms"})'
    assert [ratio[key]["metricSource"]["spec"]["query"] for key in ("good", "total")] == [up, f"{up} * 0 + 1"]
    path = tmp_path / "slo.yaml"
    path.write_text(yaml_text(source, slo))
    assert products(path, None)["my-forms"]["objective"] == "99.95%"
