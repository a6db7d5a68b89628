"""OpenSLO files: what an import makes of each part, what it refuses, and that an export is read as it was written."""

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
from monitor.slo_files.openslo_export import exported
from monitor.slo_files.openslo_import import imported
from monitor.slo_files.reader import read_objects

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

EXAMPLE = Path(__file__).parent / "openslo.yaml"
SERVER = "https://prometheus.example.org"
BAD_5M = 'sum(increase(http_requests_total{code=~"5.."}[5m]))'


def products(path: Path, prometheus: str | None = SERVER) -> dict[str, dict[str, Any]]:
    text = yaml_text(imported(read_objects(path), prometheus).configuration())
    return {product["id"]: product for product in yaml.safe_load(text)["products"]}


def loaded(folder: Path, text: str) -> Portfolio:
    path = folder / "made.yaml"
    path.write_text(text)
    return load(path, CHECK_TYPES)


def test_each_objective_of_time_slices_becomes_a_product_with_the_queries_of_a_slice() -> None:
    found = products(EXAMPLE)
    assert found["search-requests-1"] == {
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
    strict = found["search-requests-2"]
    assert (strict["objective"], strict["name"]) == ("90%", "Search strict")
    assert strict["checks"][0]["interval"] == "1h"
    assert strict["checks"][0]["at_least"] == "99.9999999999%", "all events, as a share below 1"


def test_a_threshold_is_compared_and_no_sample_is_unknown() -> None:
    (check,) = products(EXAMPLE)["queue"]["checks"]
    assert check["good"] == "(max(queue_depth)) <= bool 1000.5"
    assert check["total"] == "(max(queue_depth)) * 0 + 1"
    assert (check["interval"], check["at_least"]) == ("1m", "99.9%"), "occurrences are approximated by minutes"


def test_bad_events_are_subtracted_without_labels_and_none_of_them_is_no_sample(tmp_path: Path) -> None:
    """A difference of vectors whose labels differ is empty, which would be read as no good events."""
    file = tmp_path / "slo.yaml"
    file.write_text(changed(RATIO, {"bad": METRIC, "total": METRIC}))
    (check,) = products(file)["forms"]["checks"]
    assert (check["good"], check["total"]) == ("sum(up) - (sum(up) or vector(0))", "up")


def test_a_raw_ratio_of_failures_is_turned_into_one_of_successes() -> None:
    (check,) = products(EXAMPLE)["ratio"]["checks"]
    assert check["good"] == "1 - (job:errors:ratio_rate10m)"
    assert check["total"] == "(job:errors:ratio_rate10m) * 0 + 1"


def test_what_is_approximated_or_not_used_is_noted_with_its_place() -> None:
    found = imported(read_objects(EXAMPLE), SERVER)
    notes = {str(note).removeprefix(f"{EXAMPLE}:") for note in found.notes}
    assert len(notes) == len(found.notes) == 9
    for expected in (
        "24:9: metadata.name: becomes the id search-requests-1",
        "26:29: metadata.labels.tags: is not used; only the label team is",
        "27:16: metadata.annotations: is not used",
        "spec.alertPolicies: is not used: burn alerts follow the objective and the window",
        "spec.budgetingMethod: Occurrences are approximated",
        "spec.timeWindow[0].calendar: a window of the calendar becomes a rolling one of 30d",
        "`ninewatch report --window month`",
        "has no timeWindow; 30d is used",
        "kind: Service is not used",
    ):
        assert any(expected in note for note in notes), (expected, notes)
    assert found.configuration()["time_zone"] == "America/Vancouver"


def test_the_configuration_of_an_import_is_one_that_the_daemon_loads(tmp_path: Path) -> None:
    text = yaml_text(imported(read_objects(EXAMPLE), SERVER).configuration())
    portfolio = loaded(tmp_path, text)
    assert [product.id for product in portfolio.products] == list(products(EXAMPLE))


def test_an_export_of_an_import_is_imported_as_the_same_products(tmp_path: Path) -> None:
    """The windows of the calendar are rolling ones by then, and occurrences are time slices."""
    portfolio = loaded(tmp_path, yaml_text(imported(read_objects(EXAMPLE), SERVER).configuration()))
    written = tmp_path / "again.yaml"
    written.write_text(yaml_text(*exported(portfolio, "http://unused.example.org")))
    assert products(written, None) == products(EXAMPLE)
    again = loaded(tmp_path, yaml_text(imported(read_objects(written)).configuration()))
    assert list(exported(again, "http://unused.example.org")) == list(exported(portfolio, "http://unused.example.org"))


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


def changed(path: str, value: Any) -> str:
    """The SLO with one value replaced, or removed where it is None."""
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
        ("kind", "Slo", "2:7: kind", '"Slo" is not a kind of openslo/v1; write one of AlertCondition'),
        ("kind", None, "1:1: kind", "is missing; write one of"),
        ("metadata.name", "No Name", "4:9: metadata.name", "is not a name; write a-z, 0-9 and -"),
        ("spec.servcie", "x", ": spec.servcie", "unknown key; did you mean service?"),
        ("spec.service", None, ": spec.service", "is missing; add it"),
        (
            "spec.budgetingMethod",
            "RatioTimeslices",
            ": spec.budgetingMethod",
            "write Timeslices with a timeSliceTarget",
        ),
        ("spec.budgetingMethod", "Minutes", ": spec.budgetingMethod", "must be Occurrences, Timeslices or"),
        (
            "spec.timeWindow.0.duration",
            "28 days",
            ": spec.timeWindow[0].duration",
            '"28 days" is not a duration; write',
        ),
        ("spec.timeWindow.0.isRolling", False, ": spec.timeWindow[0].isRolling", "or a calendar with startTime"),
        ("spec.timeWindow", [{"duration": "1d", "isRolling": True}] * 2, ": spec.timeWindow", "exactly one item"),
        ("spec.objectives", [], ": spec.objectives", "is empty; write at least one"),
        ("spec.objectives.0.target", 1, ": spec.objectives[0].target", "must be above 0 and below 1"),
        ("spec.objectives.0.target", 99.9, ": spec.objectives[0].target", "must be above 0 and below 1"),
        ("spec.objectives.0.target", "high", ": spec.objectives[0].target", '"high" is not a number; write 0.999'),
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
def test_what_cannot_be_converted_is_refused_at_its_place_with_the_remedy(
    tmp_path: Path, path: str, value: Any, place: str, message: str
) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(changed(path, value))
    server = None if "metricSourceRef" in path else SERVER
    with pytest.raises(ConfigError) as caught:
        imported(read_objects(file), server)
    lines = [line for line in str(caught.value).splitlines() if place in line and message in line]
    assert lines, str(caught.value)
    assert lines[0].startswith(f"{file}:")


def test_an_indicator_that_the_file_lacks_and_an_unknown_server_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(changed("spec.indicator", None).replace("service: forms", "service: forms\n  indicatorRef: gone"))
    with pytest.raises(ConfigError, match='the file has no SLI "gone"; add it'):
        imported(read_objects(file), SERVER)
    file.write_text(changed("spec.service", "forms"))
    with pytest.raises(ConfigError, match="the address of Prometheus is not known; add a DataSource"):
        imported(read_objects(file))


def test_two_slos_with_the_same_id_and_a_file_without_slo_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text("---\n".join([changed("spec.service", "a"), changed("spec.service", "b")]))
    with pytest.raises(ConfigError, match="another SLO has the id forms already; rename one of them"):
        imported(read_objects(file), SERVER)
    file.write_text("apiVersion: openslo/v1\nkind: Service\nmetadata: {name: x}\n")
    with pytest.raises(ConfigError, match="the file has no SLO; add an object of kind SLO"):
        imported(read_objects(file), SERVER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "is no OpenSLO object; write a mapping with apiVersion"),
        ("kind: [SLO", "is not YAML"),
        ("just text\n", "is no OpenSLO object"),
    ],
)
def test_what_is_no_openslo_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
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


def test_a_product_of_other_checks_is_exported_by_the_metric_that_the_daemon_publishes(tmp_path: Path) -> None:
    source, slo = yaml.safe_load_all(yaml_text(*exported(loaded(tmp_path, PORTFOLIO), "http://p:9090")))
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
