"""`ninewatch rules` and its configuration: the alerts' links begin with the public URL."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from monitor.config.loader import load
from monitor.exporters.rules import rules_file
from monitor.probes.registry import CHECK_TYPES
from tests.monitor.commands.test_cli import run_in_process
from tests.support.processes import needs

RUNNING_OUT = "NinewatchBudgetRunningOut"

CHECK = "{id: front, http: 'http://127.0.0.1:9/', interval: 30s}"


def write_config(folder: Path, top: str = "", objective: str = "99.9%", check: str = CHECK) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"{top}\nproducts:\n- {{id: demo, objective: {objective}, checks: [{check}]}}\n")
    return path


def rules(text: str) -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_shipped_rules_are_printed_without_a_configuration() -> None:
    assert rules(run_in_process("rules").stdout) == rules(rules_file())


@pytest.mark.parametrize("configured_url", ["https://status.example.org", "https://status.example.org/"])
def test_links_begin_with_the_configurations_public_url(tmp_path: Path, configured_url: str) -> None:
    printed = rules(run_in_process("rules", "-c", write_config(tmp_path, f"public_url: {configured_url}")).stdout)
    links = {
        str(rule["alert"]): (rule["annotations"]["runbook_url"], rule["annotations"]["page_url"])  # type: ignore[index]
        for rule in printed
        if "alert" in rule
    }
    assert links["NinewatchProductDown"] == (
        "https://status.example.org/runbook#NinewatchProductDown",
        "https://status.example.org/products/{{ $labels.product }}",
    )
    assert all(url.startswith("https://status.example.org/") for pair in links.values() for url in pair)


def test_option_takes_precedence_and_interval_applies_to_every_group(tmp_path: Path) -> None:
    path = write_config(tmp_path, "public_url: https://one.example.org")
    printed = run_in_process(
        "rules", "-c", path, "--public-url", "http://two.example.org:8080", "--interval", "1m"
    ).stdout
    assert "one.example.org" not in printed
    assert "http://two.example.org:8080/runbook#Watchdog" in printed
    assert {group["interval"] for group in yaml.safe_load(printed)["groups"]} == {"1m"}


def test_without_public_url_links_lead_to_the_daemons_address_with_a_warning(tmp_path: Path) -> None:
    result = run_in_process("rules", "-c", write_config(tmp_path, "listen: 10.0.0.7:8080\naccess: public"))
    assert result.exit_code == 0
    assert "warning: public_url is not configured: links start with http://10.0.0.7:8080; add it" in result.stderr
    assert "http://10.0.0.7:8080/runbook#Watchdog" in result.stdout


@pytest.mark.parametrize("wrong", ["status.example.org", "https://h/nw", "https://h?x=1", "https://u:p@h", "ftp://h"])
def test_invalid_public_url_is_rejected(tmp_path: Path, wrong: str) -> None:
    assert run_in_process("rules", "--public-url", wrong).exit_code == 2
    result = run_in_process("check-config", write_config(tmp_path, f'public_url: "{wrong}"'))
    assert result.exit_code == 1
    assert "mine.yaml:1:" in result.stderr
    assert "public_url" in result.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--interval", "often"), "is not a duration"),
        (("--interval", "0s"), "is out of range"),
        (("--interval", "15s", "--format", "grafana"), "is not a multiple of 10s"),
        (("--forecast", "soon"), "is not a duration"),
        (("--forecast", "1m"), "is out of range"),
        (("--drill-every", "1h"), "is out of range"),
        (("--format", "nagios"), "is not one of"),
        (("--name", "No Name"), "is not a name"),
        (("--namespace", "-x"), "is not a name"),
        (("--label", "release"), "is not a label; use release=prometheus"),
    ],
)
def test_invalid_options_are_rejected_with_a_remedy(options: tuple[str, ...], expected: str) -> None:
    result = run_in_process("rules", *options)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_drill_every_sets_the_time_between_drills() -> None:
    printed = rules(run_in_process("rules", "--drill-every", "182d").stdout)
    (rule,) = (rule for rule in printed if rule.get("alert") == "NinewatchDrillOverdue")
    assert rule["expr"].endswith(f"> {182 * 86_400}")


def test_forecast_option_sets_the_forecast_time() -> None:
    (rule,) = [
        rule for rule in rules(run_in_process("rules", "--forecast", "14d").stdout) if rule.get("alert") == RUNNING_OUT
    ]
    assert f"time() < {14 * 86400}\n" in str(rule["expr"])
    assert "is spent in less than 14d." in str(rule["annotations"])


def test_operator_manifest_contains_the_same_rules(tmp_path: Path) -> None:
    path = write_config(tmp_path, "public_url: https://status.example.org")
    options = ("--format", "prometheusrule", "--namespace", "monitoring", "--name", "nw", "--label", "release=prom")
    manifest = yaml.safe_load(run_in_process("rules", "-c", path, *options).stdout)
    assert (manifest["apiVersion"], manifest["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    labels = {"app.kubernetes.io/name": "ninewatch", "release": "prom"}
    assert manifest["metadata"] == {"name": "nw", "namespace": "monitoring", "labels": labels}
    assert manifest["spec"] == yaml.safe_load(run_in_process("rules", "-c", path).stdout)


def test_mimirtool_file_contains_its_namespace() -> None:
    actual = yaml.safe_load(run_in_process("rules", "--format", "mimir", "--name", "uptime").stdout)
    assert actual == {"namespace": "uptime", **yaml.safe_load(rules_file())}


def test_grafana_file_contains_every_rule_with_query_and_valid_templates() -> None:
    text = run_in_process("rules", "--format", "grafana", "--datasource", "mimir-1").stdout
    document = yaml.safe_load(text)
    printed = [rule for group in document["groups"] for rule in group["rules"]]
    assert [rule["data"][0]["model"]["expr"] for rule in printed] == [rule["expr"] for rule in rules(rules_file())]
    assert {rule["data"][0]["datasourceUid"] for rule in printed} == {"mimir-1"}
    uids = [rule["uid"] for rule in printed]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,40}", uid) for uid in uids)
    for rule in printed:
        if "record" in rule:
            assert rule["record"] == {"metric": rule["title"].split()[0], "from": "A"}
            continue
        assert rule["condition"] in {node["refId"] for node in rule["data"]}
        texts = " ".join(rule["annotations"].values())
        assert "| query" not in texts, "Grafana's templates have no such function"
        assert "$value " not in texts, "Grafana's $value is a text of all values"


SCENARIO = """
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'ninewatch_build_info{version="1", instance="a:1"}', values: '1x40 stale'}
      - {series: 'ninewatch_config_reload_success{instance="a:1"}', values: '1x40 stale'}
      - series: 'ninewatch_product_state{product="demo", state="up", instance="a:1"}'
        values: '1x10 stale _x14 1x14 stale'
      - {series: 'ninewatch_product_state{product="other", state="up", instance="a:1"}', values: '1x40 stale'}
    alert_rule_test:
      - {alertname: NinewatchProductAbsent, eval_time: 20m, exp_alerts: []}
      - alertname: NinewatchProductAbsent
        eval_time: 22m
        exp_alerts:
          - exp_labels: {severity: critical, product: demo}
            exp_annotations:
              summary: demo is not measured
              description: >-
                A ninewatch daemon answers, but none publishes the product demo, which was in the configuration that
                these rules were printed for.
              runbook_url: https://status.example.org/runbook#NinewatchProductAbsent
              page_url: https://status.example.org/products/demo
      - {alertname: NinewatchProductAbsent, eval_time: 27m, exp_alerts: []}
      - {alertname: NinewatchProductAbsent, eval_time: 60m, exp_alerts: []}
"""


@pytest.mark.needs_prometheus
@needs("promtool")
def test_rules_of_a_configuration_report_unpublished_products(tmp_path: Path) -> None:
    """The alert does not fire if no daemon answers, which has its own alert."""
    path = write_config(tmp_path, "public_url: https://status.example.org")
    (tmp_path / "rules.yaml").write_text(run_in_process("rules", "-c", path).stdout)
    (tmp_path / "test.yaml").write_text(SCENARIO)
    command = ["promtool", "test", "rules", "test.yaml"]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_public_url_is_stored_without_a_trailing_slash(tmp_path: Path) -> None:
    path = write_config(tmp_path, "public_url: https://status.example.org:8443/")
    assert load(path, CHECK_TYPES).public_url == "https://status.example.org:8443"


@pytest.mark.parametrize(
    ("objective", "check", "warned"),
    [
        ("99.9%", CHECK, []),
        ("90%", CHECK, ["NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4"]),
        (
            "80%",
            CHECK,
            [
                "NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4",
                "NinewatchBudgetBurns cannot fire: it needs a burn rate of 6",
            ],
        ),
        (
            "95%",
            "{id: front, http: 'http://127.0.0.1:9/', interval: 1h}",
            ["NinewatchBudgetBurnsFast cannot fire: it needs 2 bad observations within 1h"],
        ),
    ],
)
def test_check_config_warns_of_a_burn_alert_that_cannot_fire(
    tmp_path: Path, objective: str, check: str, warned: list[str]
) -> None:
    result = run_in_process("check-config", write_config(tmp_path, objective=objective, check=check))
    assert result.exit_code == 0
    lines = [line for line in result.stderr.splitlines() if "cannot fire" in line]
    assert len(lines) == len(warned)
    for line, expected in zip(sorted(lines), sorted(warned), strict=True):
        assert line.startswith(f"warning: {tmp_path}/mine.yaml:3:")
        assert f"products.demo.objective: {expected}" in line
